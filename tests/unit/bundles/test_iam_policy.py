"""The IAM policy of a plan: what its people need, and no more; the same for Terraform."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import hcl2
import pytest

from onboarding.bundles.iam_policy import iam_policies
from onboarding.bundles.inputs import BundleInputs, UnsafeValue
from onboarding.enums import CredentialMethod, Tier
from tests.unit.bundles.examples import (
    EXAMPLE,
    SONNET,
    behaving,
    bundle_inputs,
    route,
    with_application_profiles,
    with_method,
)

PROFILE = "arn:aws:bedrock:eu-west-1:111122223333:inference-profile/"
MODELS = [
    f"arn:aws:bedrock:{region}::foundation-model/anthropic.claude-sonnet-4-6" for region in ("eu-south-2", "eu-west-1")
]
ONE = bundle_inputs(models={Tier.SONNET: SONNET}, routes={SONNET: route(SONNET)})


def statements(inputs: BundleInputs) -> list[dict[str, Any]]:
    document = json.loads(iam_policies(inputs)["iam-policy.json"])
    assert document.pop("Version") == "2012-10-17"
    found: list[dict[str, Any]] = document["Statement"]
    return found


def test_the_whole_policy_of_one_model() -> None:
    invoke = ["bedrock:InvokeModel", "bedrock:InvokeModelWithResponseStream"]
    assert statements(ONE) == [
        {"Effect": "Allow", "Action": invoke, "Resource": [PROFILE + SONNET]},
        {
            "Effect": "Allow",
            "Action": invoke,
            "Resource": MODELS,
            "Condition": {"StringEquals": {"bedrock:InferenceProfileArn": [PROFILE + SONNET]}},
        },
        {"Effect": "Allow", "Action": "bedrock:ListInferenceProfiles", "Resource": "*"},
        {"Effect": "Allow", "Action": "bedrock:GetInferenceProfile", "Resource": [PROFILE + SONNET]},
        {"Effect": "Allow", "Action": "bedrock:CountTokens", "Resource": MODELS},
    ]


def test_application_profiles_are_named_and_their_models_only_through_them() -> None:
    inputs = with_application_profiles()
    through = sorted(inputs.models.values())
    assert statements(inputs)[0]["Resource"] == through
    assert statements(inputs)[1]["Condition"]["StringEquals"]["bedrock:InferenceProfileArn"] == through


@pytest.mark.parametrize("guardrail", ["abc123", "arn:aws:bedrock:eu-west-1:111122223333:guardrail/abc123"])
def test_a_guardrail_may_be_applied(guardrail: str) -> None:
    inputs = behaving(guardrail=guardrail, guardrail_version="1")
    assert statements(inputs)[-1] == {
        "Effect": "Allow",
        "Action": "bedrock:ApplyGuardrail",
        "Resource": "arn:aws:bedrock:eu-west-1:111122223333:guardrail/abc123",
    }


def test_only_keys_that_end_may_be_used() -> None:
    allow, deny = statements(with_method(CredentialMethod.BEDROCK_API_KEY))[-2:]
    assert allow["Action"] == deny["Action"] == "bedrock:CallWithBearerToken"
    assert (allow["Effect"], deny["Effect"]) == ("Allow", "Deny")
    assert deny["Condition"] == {"StringEquals": {"bedrock:BearerTokenType": "LONG_TERM"}}


@pytest.mark.parametrize(
    "inputs",
    [EXAMPLE, ONE, with_application_profiles(), behaving(guardrail="abc", guardrail_version="1")]
    + [with_method(method) for method in CredentialMethod],
)
def test_terraform_reads_the_same(inputs: BundleInputs) -> None:
    (source,) = hcl2.loads(iam_policies(inputs)["iam-policy.tf"].decode())["data"]
    (blocks,) = source['"aws_iam_policy_document"'].values()
    assert [_as_json(block) for block in blocks["statement"]] == [_listed(row) for row in statements(inputs)]


def _as_json(block: dict[str, Any]) -> dict[str, Any]:
    statement: dict[str, Any] = {
        "Effect": json.loads(block["effect"]),
        "Action": [json.loads(text) for text in block["actions"]],
        "Resource": [json.loads(text) for text in block["resources"]],
    }
    for condition in block.get("condition", []):
        values = [json.loads(text) for text in condition["values"]]
        statement["Condition"] = {json.loads(condition["test"]): {json.loads(condition["variable"]): values}}
    return statement


def _listed(row: dict[str, Any]) -> dict[str, Any]:
    """A statement with lists wherever IAM takes one text or a list of them."""
    listed = {
        key: value if isinstance(value, list) or key in ("Effect", "Condition") else [value]
        for key, value in row.items()
    }
    for test, condition in row.get("Condition", {}).items():
        listed["Condition"] = {
            test: {key: values if isinstance(values, list) else [values] for key, values in condition.items()}
        }
    return listed


@pytest.mark.parametrize("arn", ["${path.module}", '"}', "a b", "%{if}"])
def test_what_terraform_would_fill_in_is_refused(arn: str) -> None:
    with pytest.raises(UnsafeValue):
        iam_policies(replace(ONE, routes={SONNET: replace(route(SONNET), arn=arn)}))
