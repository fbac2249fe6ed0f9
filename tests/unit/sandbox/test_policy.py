"""The policy evaluator against what the IAM User Guide says, on Bedrock requests."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sandbox.aws.policy import (
    AccessRequest,
    Decision,
    Policy,
    PolicyError,
    PrincipalPolicies,
    Verdict,
    context_keys,
    evaluate,
    parse_policy,
)

INVOKE = "bedrock:InvokeModel"
MODEL = "anthropic.claude-sonnet-4-5-20250929-v1:0"
EU_MODEL = f"arn:aws:bedrock:eu-west-1::foundation-model/{MODEL}"
US_MODEL = f"arn:aws:bedrock:us-east-1::foundation-model/{MODEL}"
GLOBAL_MODEL = f"arn:aws:bedrock:::foundation-model/{MODEL}"
PROFILE = f"arn:aws:bedrock:eu-west-1:111122223333:inference-profile/eu.{MODEL}"
GLOBAL_PROFILE = f"arn:aws:bedrock:eu-west-1:111122223333:inference-profile/global.{MODEL}"
USER_PROFILE = "arn:aws:bedrock:eu-west-1:111122223333:application-inference-profile/ana"

Document = Mapping[str, Any]
ALLOWED, EXPLICIT, IMPLICIT = Decision.ALLOWED, Decision.EXPLICIT_DENY, Decision.IMPLICIT_DENY
IDENTITY, BOUNDARY, SCP = "identity-policy", "permissions-boundary", "service-control-policy"
SESSION = "session-policy"


def allow(action: Any = "bedrock:*", resource: Any = "*", condition: Any = None, **elements: Any) -> Document:
    """An Allow statement; an element given as None is left out, others are added as written."""
    named = {"Effect": "Allow", "Action": action, "Resource": resource, "Condition": condition, **elements}
    return {name: value for name, value in named.items() if value is not None}


def deny(action: Any = "bedrock:*", resource: Any = "*", condition: Any = None, **elements: Any) -> Document:
    return {**allow(action, resource, condition, **elements), "Effect": "Deny"}


def allow_if(operator: str, key: str, values: Any) -> Document:
    return allow(condition={operator: {key: values}})


FULL = allow("*")


def policy(
    *statements: Document, policy_id: str = "p", policy_type: str = "role", version: str = "2012-10-17"
) -> Policy:
    document = {"Version": version, "Statement": list(statements)}
    return parse_policy(document, policy_id=policy_id, policy_type=policy_type)


@dataclass(frozen=True)
class Case:
    """One request, what surrounds it, and what IAM answers."""

    id: str
    statements: Sequence[Document]
    decision: Decision
    layer: str = ""
    action: str = INVOKE
    resource: str = EU_MODEL
    context: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    boundary: Sequence[Document] | None = None
    levels: Sequence[Sequence[Document]] = ()
    session: Sequence[Document] | None = None
    version: str = "2012-10-17"

    def evaluate(self) -> Verdict:
        boundary = None if self.boundary is None else policy(*self.boundary, policy_type="permission-boundary")
        levels = tuple((policy(*level, policy_id="FullAWSAccess", policy_type="scp"),) for level in self.levels)
        identity = (policy(*self.statements, version=self.version),) if self.statements else ()
        session = () if self.session is None else (policy(*self.session, policy_id="Policy", policy_type="none"),)
        request = AccessRequest(self.action, self.resource, self.context)
        return evaluate(request, PrincipalPolicies(identity, boundary, levels, session))


def yes(id: str, *statements: Document, **rest: Any) -> Case:
    return Case(id, statements, ALLOWED, **rest)


def no(id: str, *statements: Document, layer: str = IDENTITY, **rest: Any) -> Case:
    return Case(id, statements, IMPLICIT, layer, **rest)


def denied(id: str, *statements: Document, layer: str = IDENTITY, **rest: Any) -> Case:
    return Case(id, statements, EXPLICIT, layer, **rest)


def condition(id: str, operator: str, wanted: Any, present: Sequence[str], holds: bool) -> Case:
    """An Allow under one condition on the key aws:Test; nothing present means that the request lacks it."""
    context = {"aws:Test": tuple(present)} if present else {}
    return (yes if holds else no)(id, allow_if(operator, "aws:Test", wanted), context=context)


REGION_EU = {"StringEquals": {"aws:RequestedRegion": "eu-west-1"}}
IN_EU = {"aws:RequestedRegion": ("eu-west-1",)}
IN_US = {"aws:RequestedRegion": ("us-east-1",)}
IN_GLOBAL = {"aws:RequestedRegion": ("unspecified",), "bedrock:InferenceProfileArn": (GLOBAL_PROFILE,)}
REGION_DENY = deny("*", condition={"StringNotEquals": {"aws:RequestedRegion": ["eu-west-1", "eu-central-1"]}})
NO_GLOBAL = deny(
    "bedrock:*",
    condition={
        "StringEquals": {"aws:RequestedRegion": "unspecified"},
        "ArnLike": {"bedrock:InferenceProfileArn": "arn:aws:bedrock:*:*:inference-profile/global.*"},
    },
)

# The 15 Bedrock cases on which moto's evaluator (5.2.5) was measured: the first seven right, the other eight wrong.
MOTO_CASES = [
    yes("moto-01-allow-star", FULL),
    no("moto-02-no-policy"),
    denied("moto-03-explicit-deny", FULL, deny(INVOKE)),
    yes("moto-04-deny-other-arn", FULL, deny(INVOKE, US_MODEL)),
    yes("moto-05-not-action", allow(None, NotAction="iam:*")),
    no("moto-06-unknown-key", allow_if("StringEquals", "aws:NoSuchKey", "x")),
    yes("moto-07-plain-role", allow([INVOKE, "bedrock:InvokeModelWithResponseStream"])),
    yes("moto-08-least-privilege-arns", allow(INVOKE, [PROFILE, EU_MODEL])),
    denied("moto-09-deny-not-resource", FULL, deny(INVOKE, None, NotResource=US_MODEL)),
    no("moto-10-allow-unmet-condition", allow(condition=REGION_EU), context=IN_US),
    yes("moto-11-deny-unmet-condition", FULL, deny(condition=REGION_EU), context=IN_US),
    yes("moto-12-action-ignores-case", allow("BEDROCK:invokemodel")),
    yes("moto-13-question-mark", allow("bedrock:InvokeMode?")),
    no("moto-14-permissions-boundary", FULL, boundary=[allow("s3:*")], layer=BOUNDARY),
    no("moto-15-session-policy", FULL, session=[allow("bedrock:List*")], layer=SESSION),
]

ELEMENT_CASES = [
    no("other-action", allow("bedrock:Converse")),
    yes(
        "action-wildcard-inside",
        allow("bedrock:Invoke*Stream"),
        action="bedrock:InvokeModelWithResponseStream",
    ),
    no("action-wildcard-is-anchored", allow("bedrock:Invoke"), action=INVOKE),
    no("action-question-mark-is-one", allow("bedrock:InvokeMo?"), action=INVOKE),
    no("action-dot-is-a-dot", allow("bedrock:InvokeModel."), action="bedrock:InvokeModelX"),
    no("action-empty-list", allow([])),
    no("not-action-listed", allow(None, NotAction=["BEDROCK:invoke*"])),
    denied("deny-not-action", FULL, deny(None, NotAction="iam:*")),
    yes("statements-add-up", allow("s3:*"), allow(INVOKE)),
    yes("resource-list", allow(INVOKE, [US_MODEL, EU_MODEL])),
    no("resource-respects-case", allow(INVOKE, EU_MODEL.upper())),
    yes("resource-star-over-colons", allow(INVOKE, "arn:aws:bedrock:*sonnet*")),
    yes("resource-star-over-slashes", allow(INVOKE, "arn:aws:bedrock:eu-west-1::*")),
    yes("resource-question-mark", allow(INVOKE, EU_MODEL.replace("eu-west-1", "eu-west-?"))),
    no("resource-question-mark-is-one", allow(INVOKE, EU_MODEL.replace("eu-west-1", "eu-west-1?"))),
    no("resource-other-region", allow(INVOKE, EU_MODEL), resource=US_MODEL),
    no(
        "resource-star-needs-star",
        allow("bedrock:ListInferenceProfiles", "arn:aws:bedrock:*:*:inference-profile/*"),
        action="bedrock:ListInferenceProfiles",
        resource="*",
    ),
    yes("resource-star-has-star", allow("bedrock:List*"), action="bedrock:ListInferenceProfiles", resource="*"),
    yes("not-resource-other", allow(INVOKE, None, NotResource=US_MODEL)),
    no("not-resource-listed", allow(INVOKE, None, NotResource=[US_MODEL, EU_MODEL])),
    yes(
        "global-model-any-region",
        allow(INVOKE, "arn:aws:bedrock:*::foundation-model/*"),
        resource=GLOBAL_MODEL,
    ),
    no(
        "global-model-not-eu",
        allow(INVOKE, "arn:aws:bedrock:eu-*::foundation-model/*"),
        resource=GLOBAL_MODEL,
    ),
    yes("global-model-exact", allow(INVOKE, GLOBAL_MODEL), resource=GLOBAL_MODEL),
    no("global-model-does-not-give-regional", allow(INVOKE, GLOBAL_MODEL), resource=EU_MODEL),
    yes(
        "model-only-through-profile",
        allow(INVOKE, EU_MODEL, {"ArnLike": {"bedrock:InferenceProfileArn": PROFILE}}),
        context={"bedrock:InferenceProfileArn": (PROFILE,)},
    ),
    no("model-directly", allow(INVOKE, EU_MODEL, {"ArnLike": {"bedrock:InferenceProfileArn": PROFILE}})),
]

VARIABLE_CASES = [
    yes(
        "variable-in-resource",
        allow(INVOKE, USER_PROFILE.replace("ana", "${aws:username}")),
        resource=USER_PROFILE,
        context={"aws:UserName": ("ana",)},
    ),
    no(
        "variable-of-another",
        allow(INVOKE, USER_PROFILE.replace("ana", "${aws:username}")),
        resource=USER_PROFILE,
        context={"aws:username": ("bob",)},
    ),
    no("variable-without-value", allow(INVOKE, "*${aws:username}*"), resource=USER_PROFILE),
    no(
        "variable-with-two-values",
        allow(INVOKE, "*${aws:TagKeys}"),
        resource=USER_PROFILE,
        context={"aws:TagKeys": ("ana", "bob")},
    ),
    no(
        "variable-value-is-no-wildcard",
        allow(INVOKE, USER_PROFILE.replace("ana", "${aws:username}")),
        resource=USER_PROFILE,
        context={"aws:username": ("*",)},
    ),
    yes(
        "variable-default",
        allow(INVOKE, USER_PROFILE.replace("ana", "${aws:username, 'ana'}")),
        resource=USER_PROFILE,
    ),
    no(
        "variable-default-unused",
        allow(INVOKE, USER_PROFILE.replace("ana", "${aws:username, 'ana'}")),
        resource=USER_PROFILE,
        context={"aws:username": ("bob",)},
    ),
    no("variable-star-is-literal", allow(INVOKE, "arn:aws:bedrock:${*}"), resource=EU_MODEL),
    yes("variable-star-matches-star", allow(INVOKE, "arn:${*}${?}${$}"), resource="arn:*?$"),
    yes(
        "variable-in-condition",
        allow_if("StringEquals", "bedrock:ProjectArn", "p/${aws:PrincipalTag/cost center}"),
        context={"bedrock:ProjectArn": ("p/7",), "aws:principaltag/Cost Center": ("7",)},
    ),
    yes(
        "variable-in-arn-condition",
        allow_if("ArnEquals", "bedrock:InferenceProfileArn", "${aws:PrincipalTag/profile}"),
        context={"bedrock:InferenceProfileArn": (PROFILE,), "aws:PrincipalTag/profile": (PROFILE,)},
    ),
    no(
        "variable-in-condition-without-value",
        allow_if("StringLike", "aws:Test", "${aws:username}*"),
        context={"aws:Test": ("ana",)},
    ),
    yes(
        "variable-negated-without-value",
        allow_if("StringNotEquals", "aws:Test", "${aws:username}"),
        context={"aws:Test": ("ana",)},
    ),
    denied("deny-not-resource-without-value", FULL, deny(INVOKE, None, NotResource="*${aws:username}*")),
    no(
        "variable-in-old-version-is-text",
        allow(INVOKE, "*/${aws:username}"),
        resource=USER_PROFILE,
        context={"aws:username": ("ana",)},
        version="2008-10-17",
    ),
    yes(
        "old-version-text-matches",
        allow(INVOKE, "*/${aws:username}"),
        resource="x/${aws:username}",
        context={"aws:username": ("ana",)},
        version="2008-10-17",
    ),
]

CONDITION_CASES = [
    condition("string-equals-one-of", "StringEquals", ["a", "b"], ["b"], True),
    condition("string-equals-respects-case", "StringEquals", "a", ["A"], False),
    condition("string-equals-has-no-wildcards", "StringEquals", "a*", ["ab"], False),
    condition("string-equals-missing", "StringEquals", "a", [], False),
    condition("string-not-equals-none-of", "StringNotEquals", ["a", "b"], ["c"], True),
    condition("string-not-equals-any-of", "StringNotEquals", ["a", "b"], ["b"], False),
    condition("string-not-equals-missing", "StringNotEquals", "a", [], True),
    condition("string-equals-ignore-case", "StringEqualsIgnoreCase", "aB", ["Ab"], True),
    condition("string-not-equals-ignore-case", "StringNotEqualsIgnoreCase", "aB", ["Ab"], False),
    condition("string-like", "StringLike", "eu-*-?", ["eu-west-1"], True),
    condition("string-like-over-lines", "StringLike", "a*b", ["a\nb"], True),
    condition("string-like-respects-case", "StringLike", "EU-*", ["eu-west-1"], False),
    condition("string-not-like", "StringNotLike", "eu-*", ["eu-west-1"], False),
    condition("string-not-like-missing", "StringNotLike", "eu-*", [], True),
    condition("arn-like", "ArnLike", "arn:aws:bedrock:*:*:inference-profile/eu.*", [PROFILE], True),
    condition(
        "arn-like-star-stays-in-its-part",
        "ArnLike",
        "arn:aws:bedrock:*:inference-profile/eu.*",
        [PROFILE],
        False,
    ),
    condition("arn-like-sixth-part-has-colons", "ArnLike", "arn:aws:bedrock:*::foundation-model/*", [EU_MODEL], True),
    condition("arn-like-empty-region", "ArnLike", "arn:aws:bedrock:*::foundation-model/*", [GLOBAL_MODEL], True),
    condition("arn-like-not-an-arn", "ArnLike", "arn:aws:bedrock:*:*:*", ["eu-west-1"], False),
    condition("arn-equals-takes-wildcards", "ArnEquals", "arn:aws:bedrock:*:*:*", [PROFILE], True),
    condition("arn-equals-star-stays-too", "ArnEquals", "arn:aws:bedrock:*:inference-profile/eu.*", [PROFILE], False),
    condition("arn-not-equals", "ArnNotEquals", PROFILE, [PROFILE], False),
    condition("arn-not-like-missing", "ArnNotLike", PROFILE, [], True),
    condition("bool", "Bool", "true", ["True"], True),
    condition("bool-json", "Bool", True, ["true"], True),
    condition("bool-other", "Bool", "true", ["false"], False),
    condition("bool-missing", "Bool", "false", [], False),
    condition("bool-if-exists-missing", "BoolIfExists", "true", [], True),
    condition("bool-if-exists-other", "BoolIfExists", "true", ["false"], False),
    condition("null-true-missing", "Null", "true", [], True),
    condition("null-true-present", "Null", "true", ["x"], False),
    condition("null-false-missing", "Null", "false", [], False),
    condition("null-false-present", "Null", False, ["x"], True),
    condition("numeric-equals", "NumericEquals", 5, ["5.0"], True),
    condition("numeric-not-equals", "NumericNotEquals", "5", ["5"], False),
    condition("numeric-not-equals-missing", "NumericNotEquals", "5", [], True),
    condition("numeric-less-than", "NumericLessThan", "5", ["10"], False),
    condition("numeric-less-than-equals", "NumericLessThanEquals", "5", ["5"], True),
    condition("numeric-greater-than", "NumericGreaterThan", "5", ["5"], False),
    condition("numeric-greater-than-equals", "NumericGreaterThanEquals", "5", ["10"], True),
    condition("numeric-unreadable", "NumericLessThan", "5", ["many"], False),
    condition("date-equals-epoch", "DateEquals", "2026-01-01T00:00:00Z", ["1767225600"], True),
    condition("date-not-equals", "DateNotEquals", "2026-01-01", ["2026-01-01T00:00:00Z"], False),
    condition("date-less-than", "DateLessThan", "2026-06-30T12:00:00Z", ["2026-06-30T13:00:00+02:00"], True),
    condition("date-less-than-equals", "DateLessThanEquals", "2026-01-01", ["2026-01-02"], False),
    condition("date-greater-than", "DateGreaterThan", "2026-01-01", ["2026-01-02"], True),
    condition("date-greater-than-equals", "DateGreaterThanEquals", "2026-01-01", ["2026-01-01"], True),
    condition("date-unreadable", "DateGreaterThan", "2026-01-01", ["tomorrow"], False),
    condition("ip-inside", "IpAddress", ["192.0.2.0/24", "198.51.100.7"], ["198.51.100.7"], True),
    condition("ip-network-with-host-bits", "IpAddress", "192.0.2.1/24", ["192.0.2.9"], True),
    condition("ip-outside", "IpAddress", "192.0.2.0/24", ["203.0.113.9"], False),
    condition("ip-six-is-not-four", "IpAddress", "0.0.0.0/0", ["2001:db8::1"], False),
    condition("ip-six", "IpAddress", "2001:db8::/32", ["2001:db8::1"], True),
    condition("not-ip-inside", "NotIpAddress", "192.0.2.0/24", ["192.0.2.1"], False),
    condition("not-ip-missing", "NotIpAddress", "192.0.2.0/24", [], True),
    condition("binary-equals", "BinaryEquals", "QmluYXJ5", ["QmluYXJ5"], True),
    condition("binary-respects-case", "BinaryEquals", "QmluYXJ5", ["qmluyxj5"], False),
    condition("string-equals-if-exists-missing", "StringEqualsIfExists", "a", [], True),
    condition("for-all-all", "ForAllValues:StringEquals", ["a", "b"], ["a", "b"], True),
    condition("for-all-one-stray", "ForAllValues:StringEquals", ["a", "b"], ["a", "c"], False),
    condition("for-all-missing", "ForAllValues:StringEquals", "a", [], True),
    condition("for-all-not-one-listed", "ForAllValues:StringNotEquals", "a", ["a", "c"], False),
    condition("for-any-one", "ForAnyValue:StringLike", "a*", ["ab", "c"], True),
    condition("for-any-none", "ForAnyValue:StringLike", "a*", ["c"], False),
    condition("for-any-missing", "ForAnyValue:StringEquals", "a", [], False),
    condition("for-any-not-missing", "ForAnyValue:StringNotEquals", "a", [], False),
    condition("for-any-not-one-stray", "ForAnyValue:StringNotEquals", "a", ["a", "c"], True),
    condition("for-any-if-exists-missing", "ForAnyValue:StringEqualsIfExists", "a", [], True),
    yes("keys-ignore-case", allow(condition=REGION_EU), context={"AWS:requestedregion": ("eu-west-1",)}),
    no(
        "operators-are-and",
        allow(condition={**REGION_EU, "Bool": {"aws:SecureTransport": "true"}}),
        context=IN_EU,
    ),
    no(
        "keys-are-and",
        allow(condition={"StringEquals": {"aws:RequestedRegion": "eu-west-1", "aws:Test": "a"}}),
        context=IN_EU,
    ),
]

LAYER_CASES = [
    yes("boundary-allows", allow(INVOKE), boundary=[allow("bedrock:*")]),
    no("boundary-grants-nothing-itself", allow("s3:*"), boundary=[FULL]),
    denied("boundary-denies", FULL, boundary=[FULL, deny(INVOKE)], layer=BOUNDARY),
    denied("boundary-denies-ungranted", boundary=[deny(INVOKE)], layer=BOUNDARY),
    denied("identity-deny-comes-first", deny(), boundary=[deny()], levels=[[deny()]]),
    no("identity-implicit-comes-first", allow("s3:*"), boundary=[allow("s3:*")], levels=[[allow("s3:*")]]),
    no(
        "boundary-implicit-before-scp",
        FULL,
        boundary=[allow("s3:*")],
        levels=[[allow("s3:*")]],
        layer=BOUNDARY,
    ),
    denied("scp-deny-before-implicit", allow("s3:*"), boundary=[allow("s3:*")], levels=[[deny()]], layer=SCP),
    yes("session-allows", allow(INVOKE), session=[allow("bedrock:*")]),
    no("session-grants-nothing-itself", allow("s3:*"), session=[FULL]),
    denied("session-denies", FULL, session=[FULL, deny(INVOKE)], layer=SESSION),
    no("session-of-no-statements", FULL, session=[], layer=SESSION),
    no("boundary-implicit-before-session", FULL, boundary=[allow("s3:*")], session=[allow("s3:*")], layer=BOUNDARY),
    no("session-implicit-before-scp", FULL, session=[allow("s3:*")], levels=[[allow("s3:*")]], layer=SESSION),
    yes("scp-every-level-allows", FULL, levels=[[FULL], [FULL], [allow("bedrock:*")]]),
    no("scp-one-level-silent", FULL, levels=[[FULL], [allow("s3:*")], [FULL]], layer=SCP),
    no("scp-empty-level", FULL, levels=[[FULL], []], layer=SCP),
    no("scp-grants-nothing-itself", levels=[[FULL]]),
    denied("scp-one-level-denies", FULL, levels=[[FULL, deny(INVOKE)], [FULL]], layer=SCP),
    yes("scp-region-deny-at-home", FULL, levels=[[FULL, REGION_DENY]], context=IN_EU),
    denied("scp-region-deny-on-the-hop", FULL, levels=[[FULL, REGION_DENY]], context=IN_US, layer=SCP),
    denied("scp-region-deny-without-region", FULL, levels=[[FULL, REGION_DENY]], layer=SCP),
    denied(
        "scp-blocks-global",
        FULL,
        levels=[[FULL, NO_GLOBAL]],
        context=IN_GLOBAL,
        resource=GLOBAL_MODEL,
        layer=SCP,
    ),
    yes("scp-blocks-only-global", FULL, levels=[[FULL, NO_GLOBAL]], context=IN_EU),
]

CASES = [*MOTO_CASES, *ELEMENT_CASES, *VARIABLE_CASES, *CONDITION_CASES, *LAYER_CASES]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)
def test_decision_and_layer(case: Case) -> None:
    verdict = case.evaluate()
    assert (verdict.decision, verdict.layer) == (case.decision, case.layer)


def test_case_ids_are_unique() -> None:
    assert len({case.id for case in CASES}) == len(CASES)


def test_motos_cases_are_all_in_the_table() -> None:
    numbers = [case.id.split("-")[1] for case in CASES if case.id.startswith("moto-")]
    assert numbers == [f"{number:02}" for number in range(1, 16)]


def test_a_date_without_a_zone_is_utc_wherever_it_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patched:
        patched.setenv("TZ", "Asia/Tokyo")
        time.tzset()
        case = condition("", "DateEquals", "2026-01-01T00:00:00", ["2026-01-01T00:00:00Z"], True)
        decision = case.evaluate().decision
    time.tzset()
    assert decision is ALLOWED


# --- the rest of the verdict


def matched(verdict: Verdict) -> list[tuple[str, str, str, int]]:
    return [(match.policy_id, match.policy_type, match.sid, match.index) for match in verdict.matched]


def test_allowed_names_what_allowed() -> None:
    case = yes("", allow("s3:*"), allow(INVOKE, Sid="Models"), boundary=[FULL], session=[FULL])
    assert matched(case.evaluate()) == [
        ("p", "role", "Models", 1),
        ("p", "permission-boundary", "", 0),
        ("Policy", "none", "", 0),
    ]


def test_a_match_tells_where_its_statement_stands() -> None:
    text = json.dumps({"Version": "2012-10-17", "Statement": [allow("s3:*"), allow(INVOKE)]})
    request = AccessRequest(INVOKE, EU_MODEL, {})
    (match,) = evaluate(request, PrincipalPolicies((parse_policy(text, policy_id="p"),))).matched
    found = text[match.span.start.column - 1 : match.span.end.column - 1]
    assert json.loads(found) == allow(INVOKE)


def test_a_deny_is_the_only_match() -> None:
    verdict = denied("", FULL, deny(Sid="NoBedrock"), boundary=[FULL, deny()]).evaluate()
    assert [(match.policy_type, match.index) for match in verdict.matched] == [
        ("role", 1),
        ("permission-boundary", 1),
    ]


@pytest.mark.parametrize("level", [[FULL, deny()], [allow("s3:*")]], ids=["explicit", "implicit"])
def test_scp_denial_shows_only_the_identity_allows(level: Sequence[Document]) -> None:
    verdict = no("", FULL, boundary=[FULL], levels=[level]).evaluate()
    assert matched(verdict) == [("p", "role", "", 0)]


def test_nothing_matches() -> None:
    assert no("", allow("s3:*"), boundary=[FULL]).evaluate().matched == ()


@pytest.mark.parametrize(
    ("boundary", "levels", "by_boundary", "by_organizations"),
    [
        (None, [], None, None),
        ([FULL], [[FULL]], True, True),
        ([deny()], [[allow("s3:*")]], False, False),
        ([allow("s3:*")], [[FULL], [deny()]], False, False),
        # Each is about its own layer, whatever the other says.
        ([FULL], [[deny()]], True, False),
    ],
    ids=["absent", "both-allow", "neither", "neither-the-other-way", "only-boundary"],
)
def test_allowed_by(boundary: Any, levels: Any, by_boundary: bool | None, by_organizations: bool | None) -> None:
    verdict = yes("", FULL, boundary=boundary, levels=levels).evaluate()
    assert (verdict.allowed_by_boundary, verdict.allowed_by_organizations) == (by_boundary, by_organizations)


def test_missing_context_is_what_the_own_policies_asked_for() -> None:
    verdict = yes(
        "",
        allow_if("StringEqualsIfExists", "aws:RequestedRegion", "eu-west-1"),
        allow(INVOKE, "*/${aws:username}"),
        allow("s3:*", condition={"Bool": {"aws:SecureTransport": "true"}}),
        boundary=[allow_if("ForAllValues:StringEquals", "bedrock:ServiceTier", "${aws:PrincipalTag/tier}")],
        levels=[[REGION_DENY, allow_if("Null", "aws:PrincipalOrgID", "false")]],
        session=[allow_if("Bool", "aws:ViaAWSService", "true")],
        context={"AWS:USERNAME": ("ana",), "bedrock:ServiceTier": ()},
    ).evaluate()
    assert verdict.missing_context == (
        "aws:PrincipalTag/tier",
        "aws:RequestedRegion",
        "aws:ViaAWSService",
        "bedrock:ServiceTier",
    )


def test_context_keys_are_sorted_and_as_written() -> None:
    first = policy(
        allow(condition={"StringLike": {"aws:PrincipalTag/Team": ["${aws:userid, 'x'}", "a${*}"]}}),
        deny(None, None, NotAction="iam:*", NotResource="*/${ aws:username }", Condition=REGION_EU),
        allow_if("Bool", "aws:SecureTransport", "${aws:notAVariableHere}"),
    )
    second = policy(allow(condition={"StringNotEquals": {"AWS:requestedregion": "eu-west-1"}}))
    assert context_keys([first, second]) == (
        "AWS:requestedregion",
        "aws:PrincipalTag/Team",
        "aws:RequestedRegion",
        "aws:SecureTransport",
        "aws:userid",
        "aws:username",
    )


def test_context_keys_before_variables_existed() -> None:
    assert context_keys([policy(allow(INVOKE, "*/${aws:username}"), version="2008-10-17")]) == ()


# --- documents


def test_json_text_single_statement_and_no_version() -> None:
    parsed = parse_policy(json.dumps({"Id": "x", "Statement": FULL}), policy_id="text")
    assert (parsed.policy_id, parsed.policy_type, len(parsed.statements)) == ("text", "role", 1)
    assert parsed.statements[0].actions == ("*",)
    assert parsed.statements[0].not_actions is None


@pytest.mark.parametrize(
    ("document", "message"),
    [
        ("{not json", "not JSON"),
        ("[]", "an object with a Statement"),
        ({"Version": "2012-10-17"}, "an object with a Statement"),
        ({"Version": "2020-01-01", "Statement": FULL}, "unknown Version '2020-01-01'"),
        ({"Statements": [], "Statement": FULL}, "unknown elements: Statements"),
        ({"Statement": ["x"]}, r"Statement\[0\] must be an object"),
        ({"Statement": {"Action": "*", "Resource": "*"}}, "needs an Effect"),
        ({"Statement": [FULL, {**FULL, "Effect": "allow"}]}, r"Statement\[1\] needs an Effect"),
        ({"Statement": {**FULL, "NotAction": "s3:*"}}, "exactly one of Action and NotAction"),
        ({"Statement": allow(None)}, "exactly one of Action and NotAction"),
        ({"Statement": {**FULL, "NotResource": "*"}}, "exactly one of Resource and NotResource"),
        ({"Statement": allow("*", None)}, "exactly one of Resource and NotResource"),
        ({"Statement": {**FULL, "Principal": "*"}}, "cannot have: Principal"),
        ({"Statement": allow("InvokeModel")}, "'InvokeModel' without a service prefix"),
        ({"Statement": allow({"bedrock": "*"})}, "Action must be a string or a list of strings"),
        ({"Statement": allow("*", [None])}, "Resource must be a string or a list of strings"),
        ({"Statement": allow("*", condition="x")}, "Condition must be an object of operators"),
        ({"Statement": allow("*", condition={"Bool": "x"})}, "Condition.Bool must be an object"),
        ({"Statement": allow_if("Bool", "aws:x", None)}, "Condition.Bool.aws:x must be a string"),
        ({"Statement": allow_if("StringMatches", "aws:x", "a")}, "unknown operator 'StringMatches'"),
        ({"Statement": allow_if("ForSomeValues:StringLike", "aws:x", "a")}, "unknown operator 'ForSome"),
        ({"Statement": allow_if("NullIfExists", "aws:x", "true")}, "unknown operator 'NullIfExists'"),
    ],
)
def test_parse_errors_say_where_and_why(document: Any, message: str) -> None:
    with pytest.raises(PolicyError, match=message) as raised:
        parse_policy(document, policy_id="broken")
    assert str(raised.value).startswith("broken: ")


# --- properties

EFFECTS = st.sampled_from(["Allow", "Deny"])
ACTIONS = st.sampled_from([INVOKE, "bedrock:invoke*", "bedrock:*", "s3:GetObject", "*"])
RESOURCES = st.sampled_from([EU_MODEL, US_MODEL, GLOBAL_MODEL, "*", "arn:aws:bedrock:*", "*/${aws:username}"])
CONDITIONS = st.dictionaries(
    st.sampled_from(["StringEquals", "StringNotLike", "ForAnyValue:StringLike", "BoolIfExists", "Null"]),
    st.dictionaries(
        st.sampled_from(["aws:RequestedRegion", "aws:username"]),
        st.sampled_from(["eu-west-1", "eu-*", "true", "${aws:username}"]),
        max_size=1,
    ),
    max_size=2,
)


def statements(effects: st.SearchStrategy[str] = EFFECTS) -> st.SearchStrategy[Document]:
    """Statements of every shape: each of Action and Resource may come as its Not."""
    scope = st.tuples(
        st.sampled_from(["Action", "Action", "NotAction"]),
        st.lists(ACTIONS, max_size=2),
        st.sampled_from(["Resource", "Resource", "NotResource"]),
        st.lists(RESOURCES, max_size=2),
    )
    return st.builds(
        lambda effect, s, condition: {"Effect": effect, s[0]: s[1], s[2]: s[3], "Condition": condition},
        effects,
        scope,
        CONDITIONS,
    )


POLICIES = st.builds(lambda found: policy(*found), st.lists(statements(), max_size=3))
PRINCIPALS = st.builds(
    PrincipalPolicies,
    st.lists(POLICIES, max_size=2).map(tuple),
    st.none() | POLICIES,
    st.lists(st.lists(POLICIES, max_size=2).map(tuple), max_size=2).map(tuple),
    st.lists(POLICIES, max_size=1).map(tuple),
)
REQUESTS = st.builds(
    AccessRequest,
    st.sampled_from([INVOKE, "s3:GetObject"]) | st.text(max_size=20),
    st.sampled_from([EU_MODEL, US_MODEL, GLOBAL_MODEL, USER_PROFILE, "*"]) | st.text(max_size=20),
    st.dictionaries(
        st.sampled_from(["aws:RequestedRegion", "aws:username"]),
        st.lists(st.sampled_from(["eu-west-1", "ana", "*"]) | st.text(max_size=5), max_size=2).map(tuple),
    ),
)
PLACES = st.sampled_from([IDENTITY, BOUNDARY, SCP, SESSION])


def adding(extra: Policy, place: str, principal: PrincipalPolicies) -> PrincipalPolicies:
    """The same principal with one more policy in one of its layers, where that layer exists."""
    boundary, levels = principal.boundary, principal.service_control
    if place == BOUNDARY and boundary:
        merged = Policy(boundary.policy_id, boundary.statements + extra.statements, boundary.policy_type)
        return replace(principal, boundary=merged)
    if place == SCP and levels:
        return replace(principal, service_control=(*levels[:-1], (*levels[-1], extra)))
    if place == SESSION and principal.session:
        return replace(principal, session=(*principal.session, extra))
    return replace(principal, identity=(*principal.identity, extra))


@given(REQUESTS, PRINCIPALS, PLACES)
def test_a_deny_of_everything_always_wins(request_: AccessRequest, principal: PrincipalPolicies, place: str) -> None:
    with_deny = adding(policy(deny("*")), place, principal)
    assert evaluate(request_, with_deny).decision is EXPLICIT


@given(REQUESTS, PRINCIPALS, PLACES, statements(st.just("Allow")))
def test_another_allow_never_takes_away(
    request_: AccessRequest, principal: PrincipalPolicies, place: str, extra: Document
) -> None:
    granted = adding(policy(FULL), IDENTITY, principal)  # else hardly any request would be allowed before
    before, after = evaluate(request_, granted), evaluate(request_, adding(policy(extra), place, granted))
    assert not (before.decision is ALLOWED and after.decision is not ALLOWED)
    assert (before.decision is EXPLICIT) == (after.decision is EXPLICIT)
