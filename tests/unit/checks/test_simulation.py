"""The simulator is asked as seldom as its answer stays exact, and what it points at is found in the policies."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from onboarding.aws import iam
from onboarding.aws.iam import Decision, Matched
from onboarding.aws.session import Access
from onboarding.checks.base import Case
from onboarding.checks.simulation import decisions_about, matched_rows, person_context, person_keys, role_subject
from onboarding.enums import Layer, Outcome
from tests.factories import HAIKU, OPUS, ROLE_ARN, SONNET
from tests.unit.checks.stubs import (
    ACCOUNT,
    ALLOWED,
    ASSIGNED_FACTS,
    DESTINATIONS,
    EMAIL,
    GLOBAL,
    IDENTITY_FACTS,
    INVOKE,
    REGION,
    ROLE_FACTS,
    ROLE_ID,
    USER_ID,
    Params,
    Stubs,
    know,
    make_known_case,
    profile_arn,
    profile_facts,
    simulated,
    statement,
)

OPERATION = "SimulatePrincipalPolicy"
INSIDE = {"OrganizationsDecisionDetail": {"AllowedByOrganizations": True}}
USER_ARN = f"arn:aws:iam::{ACCOUNT}:user/team/ana"


def case_with(context_keys: Sequence[str] = (), has_scps: bool | None = None, **role: Any) -> Case:
    """Ana, whose role's policies look at these condition keys."""
    case = make_known_case()
    know(case, "permission-sets", {**ASSIGNED_FACTS, "has_scps": has_scps})
    know(case, "role-policies", {**ROLE_FACTS, "context_keys": list(context_keys), **role})
    return case


def in_an_organization(params: Params) -> dict[str, Any]:
    """Everything is allowed, and service control policies had a say."""
    told = simulated()(params)
    return {"EvaluationResults": [{**row, **INSIDE} for row in told["EvaluationResults"]]}


def contexts(stubs: Stubs) -> list[dict[str, str]]:
    """The condition keys of each simulation."""
    return [
        {row["ContextKeyName"]: row["ContextKeyValues"][0] for row in call.params["ContextEntries"]}
        for call in stubs.calls
    ]


def resources(stubs: Stubs) -> list[list[str]]:
    return [call.params["ResourceArns"] for call in stubs.calls]


def model_arns(profile: str) -> list[str]:
    return [row["arn"] for row in profile_facts(profile)["destinations"]]


# --- How often it is asked


@pytest.mark.django_db
@pytest.mark.parametrize("has_scps", [False, None])
def test_one_question_for_every_profile_where_nothing_differs(stubs: Stubs, has_scps: bool | None) -> None:
    stubs.answer(SimulatePrincipalPolicy=simulated())
    case = case_with(has_scps=has_scps)

    decisions = [decisions_about(profile, case) for profile in (OPUS, SONNET, HAIKU)]

    assert stubs.count(OPERATION) == 1
    asked = [arn for profile in (OPUS, SONNET, HAIKU) for arn in [profile_arn(profile), *model_arns(profile)]]
    assert sorted(resources(stubs)[0]) == sorted(asked)
    assert all((action, arn) in found for found in decisions for action in INVOKE for arn in asked)


@pytest.mark.django_db
def test_one_question_in_an_organization_that_limits_nobody(stubs: Stubs) -> None:
    stubs.answer(SimulatePrincipalPolicy=in_an_organization)
    case = case_with(has_scps=False)

    for profile in (OPUS, SONNET, HAIKU):
        decisions_about(profile, case)

    assert stubs.count(OPERATION) == 1


@pytest.mark.django_db
def test_a_question_for_each_hop_where_an_organization_limits_somebody(stubs: Stubs) -> None:
    stubs.answer(SimulatePrincipalPolicy=in_an_organization)
    case = case_with(has_scps=True)

    decisions_about(SONNET, case)

    assert stubs.count(OPERATION) == len(DESTINATIONS)


@pytest.mark.django_db
def test_the_first_answer_tells_of_an_organization_once(stubs: Stubs) -> None:
    stubs.answer(SimulatePrincipalPolicy=in_an_organization)
    case = case_with(has_scps=None)

    decisions_about(SONNET, case)
    assert stubs.count(OPERATION) == 1 + len(DESTINATIONS)
    decisions_about(OPUS, case)
    assert stubs.count(OPERATION) == 1 + 2 * len(DESTINATIONS)


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("key", "calls"),
    [
        ("aws:RequestedRegion", 3),
        ("AWS:requestedREGION", 3),
        ("bedrock:InferenceProfileArn", 3),
        ("Bedrock:inferenceprofilearn", 3),
        # The same at every hop.
        ("aws:PrincipalTag/team", 1),
        ("aws:SourceIp", 1),
        ("bedrock:GuardrailIdentifier", 1),
    ],
)
def test_a_question_for_each_hop_where_a_policy_looks_at_what_differs(stubs: Stubs, key: str, calls: int) -> None:
    stubs.answer(SimulatePrincipalPolicy=simulated())

    decisions_about(SONNET, case_with([key], has_scps=False))

    assert stubs.count(OPERATION) == calls


@pytest.mark.django_db
def test_a_profile_that_nobody_can_build_on_is_not_asked_about(stubs: Stubs) -> None:
    stubs.answer(SimulatePrincipalPolicy=simulated())
    case = case_with()
    know(case, "inference-profile", {"profile": OPUS}, about=OPUS, outcome=Outcome.FAILED)

    decisions_about(SONNET, case)

    assert not {profile_arn(OPUS), *model_arns(OPUS)} & set(resources(stubs)[0])


@pytest.mark.django_db
def test_people_of_one_role_are_asked_about_apart_where_a_policy_tells_them_apart(stubs: Stubs) -> None:
    stubs.answer(SimulatePrincipalPolicy=simulated())
    case = case_with(["sts:RoleSessionName"])
    decisions_about(SONNET, case)
    know(case, "identity", {**IDENTITY_FACTS, "session_name": "luis.gil@acme.example"})

    decisions_about(SONNET, case)

    assert [context["sts:RoleSessionName"] for context in contexts(stubs)] == [EMAIL, "luis.gil@acme.example"]


# --- What each hop is asked with


@pytest.mark.django_db
def test_each_hop_has_its_region_and_the_profile(stubs: Stubs) -> None:
    stubs.answer(SimulatePrincipalPolicy=simulated())

    decisions_about(SONNET, case_with(["aws:RequestedRegion"]))

    told = dict(zip([context["aws:RequestedRegion"] for context in contexts(stubs)], resources(stubs), strict=True))
    assert told == {
        REGION: [profile_arn(SONNET), f"arn:aws:bedrock:{REGION}::foundation-model/anthropic.claude-sonnet-4-6"],
        "eu-central-1": ["arn:aws:bedrock:eu-central-1::foundation-model/anthropic.claude-sonnet-4-6"],
        "eu-south-2": ["arn:aws:bedrock:eu-south-2::foundation-model/anthropic.claude-sonnet-4-6"],
    }
    assert {context["bedrock:InferenceProfileArn"] for context in contexts(stubs)} == {profile_arn(SONNET)}


@pytest.mark.django_db
def test_the_hop_without_a_region_is_unspecified(stubs: Stubs) -> None:
    stubs.answer(SimulatePrincipalPolicy=simulated())
    case = case_with(["aws:RequestedRegion"])
    know(case, "inference-profile", profile_facts(GLOBAL, ["", REGION]), about=GLOBAL)

    decisions_about(GLOBAL, case)

    assert sorted(context["aws:RequestedRegion"] for context in contexts(stubs)) == [REGION, "unspecified"]


@pytest.mark.django_db
def test_a_denial_at_one_hop_is_found_there(stubs: Stubs) -> None:
    stubs.answer(
        SimulatePrincipalPolicy=simulated(
            lambda action, arn, context: context["aws:RequestedRegion"] == "eu-south-2" and action == INVOKE[1]
        )
    )

    found = decisions_about(SONNET, case_with(["aws:RequestedRegion"]))

    denied = [(row.action, row.resource) for row in found.values() if not row.is_allowed]
    assert denied == [(INVOKE[1], "arn:aws:bedrock:eu-south-2::foundation-model/anthropic.claude-sonnet-4-6")]


# --- Who somebody is


@pytest.mark.parametrize(
    ("key", "is_personal"),
    [
        ("aws:PrincipalTag/team", True),
        ("AWS:PRINCIPALTAG/team", True),
        ("aws:userid", True),
        ("aws:username", True),
        ("sts:RoleSessionName", True),
        ("saml:sub", True),
        ("identitystore:UserId", True),
        ("aws:PrincipalArn", False),
        ("aws:RequestedRegion", False),
        ("aws:SourceIp", False),
    ],
)
def test_keys_that_tell_people_apart(key: str, is_personal: bool) -> None:
    assert person_keys([key]) == ([key] if is_personal else [])


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("key", "role", "value"),
    [
        ("aws:userid", {}, f"{ROLE_ID}:{EMAIL}"),
        ("AWS:UserId", {}, f"{ROLE_ID}:{EMAIL}"),
        ("aws:userid", {"role_arn": USER_ARN, "unique_id": "AIDAEXAMPLE"}, "AIDAEXAMPLE"),
        ("aws:username", {"role_arn": USER_ARN}, EMAIL),
        ("sts:RoleSessionName", {}, EMAIL),
        ("identitystore:UserId", {}, USER_ID),
        ("aws:PrincipalTag/Team", {"tags": {"team": "platform"}}, "platform"),
        ("aws:principaltag/team", {"tags": {"Team": "platform"}}, "platform"),
    ],
)
def test_what_is_known_of_somebody_is_said(key: str, role: dict[str, Any], value: str) -> None:
    assert person_context(case_with([key], **role)) == {key: value}


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("key", "role"),
    [
        # A role has no user name, and a user no session.
        ("aws:username", {}),
        ("sts:RoleSessionName", {"role_arn": USER_ARN}),
        ("aws:PrincipalTag/team", {"tags": {}}),
        ("saml:sub", {}),
        ("sts:SourceIdentity", {}),
        # Not about a person.
        ("aws:SourceIp", {}),
    ],
)
def test_what_is_not_known_of_somebody_stays_away(key: str, role: dict[str, Any]) -> None:
    assert person_context(case_with([key], **role)) == {}


@pytest.mark.django_db
def test_the_subject_names_the_person_only_where_a_policy_looks() -> None:
    everybody, somebody = case_with(["aws:SourceIp"]), None
    everybody_subject = role_subject(everybody)
    know(everybody, "role-policies", {**ROLE_FACTS, "context_keys": ["aws:userid"]})
    somebody = role_subject(everybody)

    assert everybody_subject == f"{ROLE_ARN}|{ROLE_FACTS['fingerprint']}|{REGION}"
    assert somebody == f"{everybody_subject}|person {everybody.person.pk}"


# --- What the simulator answers


def simulate(count: int) -> iam.Simulation:
    arns = [f"arn:aws:bedrock:{REGION}::foundation-model/anthropic.m{number}" for number in range(count)]
    context = {"aws:RequestedRegion": REGION}
    return iam.simulate(ROLE_ARN, actions=INVOKE, resources=arns, context=context, region=REGION, access=Access())


@pytest.mark.parametrize(("count", "sizes"), [(1, [1]), (20, [20]), (21, [20, 1]), (45, [20, 20, 5]), (0, [])])
def test_twenty_resources_a_call(stubs: Stubs, count: int, sizes: list[int]) -> None:
    stubs.answer(SimulatePrincipalPolicy=simulated())

    found = simulate(count)

    assert [len(arns) for arns in resources(stubs)] == sizes
    assert len({(row.action, row.resource) for row in found.decisions}) == 2 * count


def test_every_page_of_an_answer_counts(stubs: Stubs) -> None:
    def answer(params: Params) -> dict[str, Any]:
        rows = simulated()(params)["EvaluationResults"]
        if params.get("Marker") == "more":
            return {"EvaluationResults": rows[1:]}
        return {"EvaluationResults": rows[:1], "IsTruncated": True, "Marker": "more"}

    stubs.answer(SimulatePrincipalPolicy=answer)

    assert len(simulate(1).decisions) == 2
    assert stubs.count(OPERATION) == 2


MODEL = f"arn:aws:bedrock:{REGION}::foundation-model/anthropic.m0"
BOUNDARY = {"PermissionsBoundaryDecisionDetail": {"AllowedByPermissionsBoundary": False}}
OUTSIDE = {"OrganizationsDecisionDetail": {"AllowedByOrganizations": False}}


def old(decision: str, organization: Mapping[str, Any], details: Mapping[str, Any]) -> dict[str, Any]:
    """One result for each action and resource, as before 2026."""
    row = {"EvalActionName": INVOKE[0], "EvalResourceName": MODEL, "EvalDecision": decision}
    return {**row, **organization, **details}


def new(decision: str, organization: Mapping[str, Any], details: Mapping[str, Any]) -> dict[str, Any]:
    """The resources' answers below the action's, as since 2026."""
    specific = {"EvalResourceName": MODEL, "EvalResourceDecision": decision, **details}
    row = {"EvalActionName": INVOKE[0], "EvalResourceName": "arn:${Partition}:bedrock:*", "EvalDecision": decision}
    return {**row, **organization, "ResourceSpecificResults": [specific]}


@pytest.mark.parametrize("layout", [old, new])
@pytest.mark.parametrize(
    ("decision", "organization", "details", "layer"),
    [
        ("allowed", {}, {}, None),
        ("allowed", INSIDE, {}, None),
        ("allowed", OUTSIDE, {}, Layer.SERVICE_CONTROL_POLICY),
        ("implicitDeny", {}, {}, Layer.IDENTITY_POLICY),
        ("implicitDeny", INSIDE, BOUNDARY, Layer.PERMISSIONS_BOUNDARY),
        ("explicitDeny", OUTSIDE, BOUNDARY, Layer.SERVICE_CONTROL_POLICY),
    ],
)
def test_both_layouts_say_the_same(
    stubs: Stubs,
    layout: Any,
    decision: str,
    organization: dict[str, Any],
    details: dict[str, Any],
    layer: Layer | None,
) -> None:
    stubs.answer(SimulatePrincipalPolicy={"EvaluationResults": [layout(decision, organization, details)]})

    found = simulate(1)

    assert found.has_organization is bool(organization)
    (row,) = found.decisions
    assert (row.action, row.resource) == (INVOKE[0], MODEL)
    assert (row.is_allowed, row.is_explicit) == (layer is None, decision == "explicitDeny")
    assert row.layer == layer


@pytest.mark.parametrize("layout", [old, new])
def test_both_layouts_point_at_statements_and_keys(stubs: Stubs, layout: Any) -> None:
    details = {"MatchedStatements": [statement("Own", (1, 2), (3, 4))], "MissingContextValues": ["aws:userid"]}
    stubs.answer(SimulatePrincipalPolicy={"EvaluationResults": [layout("explicitDeny", {}, details)]})

    (row,) = simulate(1).decisions

    assert row.matched == (Matched("Own", "role", (1, 2), (3, 4)),)
    assert row.missing == ("aws:userid",)


def test_resources_of_one_action_have_answers_of_their_own(stubs: Stubs) -> None:
    rows = [
        {"EvalResourceName": "a", "EvalResourceDecision": "allowed"},
        {"EvalResourceName": "b", "EvalResourceDecision": "implicitDeny"},
    ]
    result = {"EvalActionName": INVOKE[0], "EvalDecision": "implicitDeny", "ResourceSpecificResults": rows}
    stubs.answer(SimulatePrincipalPolicy={"EvaluationResults": [result]})

    assert [(row.resource, row.is_allowed) for row in simulate(2).decisions] == [("a", True), ("b", False)]


@pytest.mark.parametrize(
    ("decision", "details", "is_certain"),
    [
        ("allowed", {}, True),
        ("implicitDeny", {}, True),
        ("explicitDeny", {"MissingContextValues": ["aws:userid"]}, True),
        ("implicitDeny", {"MissingContextValues": ["aws:userid"]}, False),
        # A boundary may allow what it allows under a condition, too.
        ("implicitDeny", {"MissingContextValues": ["aws:userid"], **BOUNDARY}, False),
    ],
)
def test_a_denial_for_want_of_context_is_not_certain(
    stubs: Stubs, decision: str, details: dict[str, Any], is_certain: bool
) -> None:
    stubs.answer(SimulatePrincipalPolicy={"EvaluationResults": [old(decision, {}, details)]})

    (row,) = simulate(1).decisions
    assert row.is_certain is is_certain


# --- Where a statement stands

ONE_LINE = '{"Statement": [{"Sid": "A", "Effect": "Allow"}, {"Sid": "B", "Effect": "Deny"}]}'
SEVERAL_LINES = '{\n  "Statement": [\n    {\n      "Sid": "A"\n    },\n    {"Effect": "Deny"}\n  ]\n}'


def rows(document: str, *matched: Matched, name: str = "Own") -> list[dict[str, Any]]:
    role = {"policies": [{"name": name, "kind": "inline", "document": document}]}
    return matched_rows([decision(*matched)], role)


def decision(*matched: Matched) -> Decision:
    return Decision(INVOKE[0], MODEL, False, True, Layer.IDENTITY_POLICY, matched, ())


@pytest.mark.parametrize(
    ("document", "start", "end", "sid", "text"),
    [
        (ONE_LINE, (1, 16), (1, 47), "A", '{"Sid": "A", "Effect": "Allow"}'),
        (ONE_LINE, (1, 49), (1, 79), "B", '{"Sid": "B", "Effect": "Deny"}'),
        (SEVERAL_LINES, (3, 5), (5, 6), "A", '{\n      "Sid": "A"\n    }'),
        (SEVERAL_LINES, (6, 5), (6, 23), "", '{"Effect": "Deny"}'),
        # A place that is not there, or holds no statement, tells nothing.
        (ONE_LINE, (0, 0), (0, 0), "", ""),
        (ONE_LINE, (2, 1), (2, 9), "", ""),
        (ONE_LINE, (1, 500), (1, 600), "", ""),
        (ONE_LINE, (1, 49), (1, 16), "", ""),
        (ONE_LINE, (1, 17), (1, 40), "", ""),
        (ONE_LINE, (-1, 1), (1, 9), "", ""),
        ("", (1, 1), (1, 2), "", ""),
        ("[1]", (1, 1), (1, 4), "", ""),
    ],
)
def test_the_statement_that_decided_is_cut_out(
    document: str, start: tuple[int, int], end: tuple[int, int], sid: str, text: str
) -> None:
    assert rows(document, Matched("Own", "role", start, end)) == [
        {"policy": "Own", "type": "role", "sid": sid, "text": text}
    ]


@pytest.mark.parametrize("policy_id", ["Own", "role_AWSReservedSSO_X_0123456789abcdef_Own", "user_ana_Own"])
def test_a_policy_is_found_by_its_name_at_the_end(policy_id: str) -> None:
    (row,) = rows(ONE_LINE, Matched(policy_id, "role", (1, 49), (1, 79)))

    assert (row["policy"], row["sid"]) == (policy_id, "B")


def test_a_policy_that_was_not_read_is_named_all_the_same() -> None:
    assert rows(ONE_LINE, Matched("AdministratorAccess", "aws-managed", (3, 5), (9, 6))) == [
        {"policy": "AdministratorAccess", "type": "aws-managed", "sid": "", "text": ""}
    ]


@pytest.mark.parametrize("policy_id", ["NoInvoke", "role_X_NoInvoke"])
def test_a_policy_whose_name_ends_like_anothers_is_not_mistaken_for_it(policy_id: str) -> None:
    policies = [("Invoke", '{"Statement": [{"Sid": "A"}]}'), ("NoInvoke", '{"Statement": [{"Sid": "B"}]}')]
    role = {"policies": [{"name": name, "kind": "inline", "document": text} for name, text in policies]}

    (row,) = matched_rows([decision(Matched(policy_id, "role", (1, 16), (1, 28)))], role)

    assert row["sid"] == "B"


def test_a_statement_that_decided_twice_is_told_once() -> None:
    same = Matched("Own", "role", (1, 49), (1, 79))

    assert len(matched_rows([decision(same), decision(same)], {"policies": []})) == 1


def test_a_role_without_statements_has_none() -> None:
    assert rows(json.dumps(dict(ALLOWED))) == []
