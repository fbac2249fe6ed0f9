"""What a policy grants beyond what Claude Code needs, whichever way it is written."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from onboarding.checks.grants import Broad, broad_grants
from tests.unit.checks.stubs import policy

ALL, VENDORS, REGIONS, KEYS = "all-actions", "other-vendors", "any-region", "long-term-keys"
INVOKE = ["bedrock:InvokeModel", "bedrock:InvokeModelWithResponseStream"]
CLAUDE = "arn:aws:bedrock:eu-west-1::foundation-model/anthropic.*"
PROFILE = "arn:aws:bedrock:eu-west-1:111122223333:inference-profile/eu.anthropic.claude-sonnet-4-6"


def grounds(document: str, name: str = "Own") -> set[str]:
    return {row.ground for row in broad_grants(name, document)}


def allow(action: Any, resource: Any = "*", **more: Any) -> dict[str, Any]:
    return {"Effect": "Allow", "Action": action, "Resource": resource, **more}


def deny(action: Any, **more: Any) -> dict[str, Any]:
    return {"Effect": "Deny", "Action": action, "Resource": "*", **more}


def when(key: str, value: Any, operator: str = "StringEquals") -> dict[str, Any]:
    return {"Condition": {operator: {key: value}}}


@pytest.mark.parametrize(
    ("statements", "found"),
    [
        # --- Actions
        ([allow("bedrock:*")], {ALL, KEYS, VENDORS, REGIONS}),
        ([allow("*")], {ALL, KEYS, VENDORS, REGIONS}),
        ([allow(["s3:GetObject", "bedrock:*"])], {ALL, KEYS, VENDORS, REGIONS}),
        ([allow("BEDROCK:*")], {ALL, KEYS, VENDORS, REGIONS}),
        ([allow(INVOKE, [CLAUDE, PROFILE])], set()),
        ([allow(INVOKE[0], CLAUDE)], set()),
        ([allow("bedrock:Invoke*", CLAUDE)], set()),
        ([allow(INVOKE)], {VENDORS, REGIONS}),
        ([allow(INVOKE[1])], {VENDORS, REGIONS}),
        ([allow("bedrock:invokemodel")], {VENDORS, REGIONS}),
        ([allow("bedrock:Invoke*")], {VENDORS, REGIONS}),
        ([allow("bedrock:Invoke?odel")], {VENDORS, REGIONS}),
        ([allow("bedrock:InvokeMode?")], {VENDORS, REGIONS}),
        # A bracket means itself: this names no action.
        ([allow("bedrock:[I]nvokeModel")], set()),
        ([allow("bedrock:InvokeModel*", CLAUDE), allow("bedrock:ListInferenceProfiles")], set()),
        ([allow(["bedrock:Get*", "bedrock:List*"])], set()),
        ([allow("s3:*")], set()),
        ([allow("bedrock:DeleteGuardrail")], {ALL}),
        # --- Everything but
        ([{"Effect": "Allow", "NotAction": "iam:*", "Resource": "*"}], {ALL, KEYS, VENDORS, REGIONS}),
        ([{"Effect": "Allow", "NotAction": ["IAM:*", "sts:*"], "Resource": CLAUDE}], {ALL, KEYS}),
        ([{"Effect": "Allow", "NotAction": "bedrock:*", "Resource": "*"}], set()),
        ([{"Effect": "Allow", "NotAction": "bedrock:Invoke*", "Resource": "*"}], {ALL, KEYS}),
        ([{"Effect": "Allow", "Action": INVOKE, "NotResource": PROFILE}], {VENDORS, REGIONS}),
        # --- Resources
        ([allow(INVOKE, "arn:aws:bedrock:eu-west-1::foundation-model/*")], {VENDORS}),
        ([allow(INVOKE, "arn:aws:bedrock:eu-west-1::foundation-model/amazon.nova-pro-v1:0")], {VENDORS}),
        ([allow(INVOKE, "arn:aws:bedrock:eu-west-1::foundation-model/meta.llama3-3-70b-instruct-v1:0")], {VENDORS}),
        ([allow(INVOKE, "arn:aws:bedrock:eu-west-1::foundation-model/a*")], {VENDORS}),
        ([allow(INVOKE, "arn:aws:bedrock:eu-west-1::*")], {VENDORS}),
        ([allow(INVOKE, "arn:aws:bedrock:eu-west-1::foundation-model/anthropic*")], set()),
        ([allow(INVOKE, "arn:aws:bedrock:eu-west-1::guardrail/*")], set()),
        ([allow(INVOKE, "arn:aws:bedrock:eu-west-1::foundation-model/anthropic.claude-[opus]")], set()),
        ([allow(INVOKE, "arn:aws:bedrock:*::foundation-model/anthropic.*")], {REGIONS}),
        ([allow(INVOKE, "arn:aws:bedrock:*:*:inference-profile/eu.anthropic.*")], {REGIONS}),
        ([allow(INVOKE, "arn:aws:bedrock:eu-*::foundation-model/anthropic.*")], set()),
        ([allow(INVOKE, "arn:aws:bedrock:::foundation-model/anthropic.*")], set()),
        ([allow(INVOKE, "arn:aws:bedrock:*:*:*")], {VENDORS, REGIONS}),
        ([allow(INVOKE, "arn:aws:bedrock:*")], {VENDORS, REGIONS}),
        ([allow(INVOKE, "arn:aws:bedrock:*:*")], {VENDORS, REGIONS}),
        ([allow(INVOKE, "arn:*")], {VENDORS, REGIONS}),
        ([allow(INVOKE, [CLAUDE, "*"])], {VENDORS, REGIONS}),
        # --- Conditions
        ([allow(INVOKE, **when("aws:RequestedRegion", ["eu-west-1"]))], {VENDORS}),
        ([allow(INVOKE, **when("AWS:requestedregion", "eu-*", "StringLike"))], {VENDORS}),
        ([allow(INVOKE, **when("bedrock:InferenceProfileArn", PROFILE, "ArnLike"))], set()),
        ([allow(INVOKE, **when("Bedrock:inferenceProfileARN", PROFILE))], set()),
        ([allow(INVOKE, **when("aws:SourceIp", "10.0.0.0/8", "IpAddress"))], {VENDORS, REGIONS}),
        # --- API keys
        ([allow("bedrock:CallWithBearerToken")], {KEYS}),
        ([allow("bedrock:CallWith*")], {KEYS}),
        ([allow("bedrock:CallWithBearerToken", **when("bedrock:BearerTokenType", "SHORT_TERM"))], set()),
        (
            [
                allow("bedrock:CallWithBearerToken"),
                deny("bedrock:CallWithBearerToken", **when("bedrock:BearerTokenType", "LONG_TERM")),
            ],
            set(),
        ),
        ([deny("bedrock:*"), allow("bedrock:CallWithBearerToken")], set()),
        ([deny("s3:*"), allow("bedrock:CallWithBearerToken")], {KEYS}),
        # --- Denials grant nothing
        ([deny("*")], set()),
        ([deny("bedrock:*")], set()),
        ([], set()),
    ],
)
def test_grounds(statements: list[dict[str, Any]], found: set[str]) -> None:
    assert grounds(policy(*statements)) == found


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("AdministratorAccess", {ALL}),
        ("PowerUserAccess", {ALL}),
        ("AmazonBedrockFullAccess", {ALL}),
        ("AmazonBedrockReadOnly", set()),
        ("ReadOnlyAccess", set()),
    ],
)
def test_awss_own_policies_are_known_by_name(name: str, found: set[str]) -> None:
    assert grounds(f"arn:aws:iam::aws:policy/{name}", name) == found


def test_a_policy_of_ones_own_is_read_whatever_its_name() -> None:
    assert grounds(policy(allow(INVOKE, CLAUDE)), "AdministratorAccess") == set()


def test_the_policy_and_the_statement_are_named() -> None:
    document = policy(allow("s3:*"), allow(INVOKE, CLAUDE.replace("eu-west-1", "*")), allow(INVOKE, Sid="Everything"))

    assert list(broad_grants("Own", document)) == [
        Broad(REGIONS, "Own", "2"),
        Broad(VENDORS, "Own", "Everything"),
        Broad(REGIONS, "Own", "Everything"),
    ]


def test_a_statement_need_not_be_in_a_list() -> None:
    assert grounds(json.dumps({"Statement": allow(INVOKE)})) == {VENDORS, REGIONS}


@pytest.mark.parametrize(
    "document",
    [
        *("", "{", "null", "[]", "1", '"text"', "{}", '{"Statement": null}', '{"Statement": "Allow"}'),
        *('{"Statement": [1, null, "x", []]}', '{"Statement": [{}]}', '{"Statement": [{"Effect": "Allow"}]}'),
        '{"Statement": [{"Effect": "Allow", "Action": 1, "Resource": {}}]}',
        '{"Statement": [{"Effect": "Allow", "Action": [null, {}], "Condition": []}]}',
        '{"Statement": [{"Effect": ["Allow"], "Action": "*"}]}',
    ],
)
def test_a_document_that_is_none_grants_nothing(document: str) -> None:
    assert grounds(document) == set()


_words = st.sampled_from(
    ["Allow", "Deny", "*", "bedrock:*", "[", "arn:aws:bedrock:*::foundation-model/*", "aws:RequestedRegion", ""]
)
_leaves = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | _words | st.text(max_size=5)
_keys = st.sampled_from(
    ["Statement", "Effect", "Action", "NotAction", "Resource", "NotResource", "Condition", "Sid"]
) | st.text(max_size=5)
_json = st.recursive(
    _leaves, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_keys, inner, max_size=5), max_leaves=15
)
_statements = st.lists(
    st.fixed_dictionaries(
        {"Effect": st.just("Allow")},
        optional=dict.fromkeys(("Action", "NotAction", "Resource", "NotResource", "Condition", "Sid"), _json),
    ),
    max_size=3,
)


@given(_json.map(json.dumps) | _statements.map(lambda rows: json.dumps({"Statement": rows})) | st.text())
def test_no_document_is_too_odd(document: str) -> None:
    assert grounds(document) <= {ALL, VENDORS, REGIONS, KEYS}
