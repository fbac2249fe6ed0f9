"""What the simulator's answers are taken for: never a denial it did not give, never a pass over a denial."""

from __future__ import annotations

from typing import Any

import pytest
from botocore.exceptions import ClientError, CredentialRetrievalError, ParamValidationError, ReadTimeoutError

from onboarding.aws import NoAnswer, NotConfigured, PortalDenied, Refused
from onboarding.aws.errors import mapped
from onboarding.aws.iam import _decisions
from onboarding.checks.registry import explain
from onboarding.enums import Layer, Outcome, Readiness
from tests.aws.verifying import replace_policies, verify
from tests.sandbox_aws import Aws

ACTION, MODEL = "bedrock:InvokeModel", "arn:aws:bedrock:eu-west-1::foundation-model/anthropic.claude-opus-4-8"


def result(decision: str, *, layout: str, **details: Any) -> dict[str, Any]:
    """One evaluation result in the layout of before 2026 (`old`) or since (`new`)."""
    organizations = details.pop("OrganizationsDecisionDetail", None)
    top: dict[str, Any] = {"EvalActionName": ACTION, "EvalDecision": decision}
    if organizations:
        top["OrganizationsDecisionDetail"] = organizations
    if layout == "old":
        return top | {"EvalResourceName": MODEL} | details
    specific = {"EvalResourceName": MODEL, "EvalResourceDecision": decision} | details
    return top | {"EvalResourceName": "arn:${Partition}:bedrock:*", "ResourceSpecificResults": [specific]}


@pytest.mark.parametrize("layout", ["old", "new"])
@pytest.mark.parametrize(
    ("decision", "details", "layer"),
    [
        ("allowed", {}, None),
        ("implicitDeny", {}, Layer.IDENTITY_POLICY),
        ("explicitDeny", {}, Layer.IDENTITY_POLICY),
        (
            "implicitDeny",
            {"PermissionsBoundaryDecisionDetail": {"AllowedByPermissionsBoundary": False}},
            Layer.PERMISSIONS_BOUNDARY,
        ),
        (
            "explicitDeny",
            {"OrganizationsDecisionDetail": {"AllowedByOrganizations": False}},
            Layer.SERVICE_CONTROL_POLICY,
        ),
        (
            "allowed",
            {"OrganizationsDecisionDetail": {"AllowedByOrganizations": False}},
            Layer.SERVICE_CONTROL_POLICY,
        ),
        ("allowed", {"OrganizationsDecisionDetail": {"AllowedByOrganizations": True}}, None),
    ],
)
def test_both_layouts_name_the_layer(layout: str, decision: str, details: dict[str, Any], layer: Layer | None) -> None:
    (found,) = _decisions(result(decision, layout=layout, **details))

    assert (found.resource, found.layer, found.is_allowed) == (MODEL, layer, layer is None)


@pytest.mark.parametrize("layout", ["old", "new"])
def test_a_denial_for_want_of_context_is_not_certain(layout: str) -> None:
    missing = {"MissingContextValues": ["aws:PrincipalTag/team"]}

    (implicit,) = _decisions(result("implicitDeny", layout=layout, **missing))
    (explicit,) = _decisions(result("explicitDeny", layout=layout, **missing))

    assert not implicit.is_certain
    assert explicit.is_certain


@pytest.mark.usefixtures("company")
def test_a_policy_on_a_principals_tags_is_unknown_and_names_them(aws: Aws) -> None:
    condition = {"StringEquals": {"aws:PrincipalTag/team": "platform"}}
    statement = {"Effect": "Allow", "Action": "bedrock:*", "Resource": "*", "Condition": condition}
    replace_policies(aws, "ClaudeCodeDeveloper", [statement])

    verification = verify("ana.nunez@acme.example")

    finding = verification.findings.filter(check_name="permissions").first()
    assert finding is not None
    assert verification.outcome == Readiness.UNKNOWN
    assert (finding.outcome, finding.reason) == (Outcome.UNKNOWN, "needs-context")
    assert "aws:PrincipalTag/team" in explain(finding).summary


def client_error(code: str, status: int = 400, operation: str = "ListRoles") -> ClientError:
    response = {"Error": {"Code": code, "Message": code}, "ResponseMetadata": {"HTTPStatusCode": status}}
    return ClientError(response, operation)  # type: ignore[arg-type]  # a shortened response


@pytest.mark.parametrize(
    ("raised", "kind"),
    [
        (client_error("Throttling"), NoAnswer),
        (client_error("InternalFailure", 500), NoAnswer),
        (ReadTimeoutError(endpoint_url="https://iam.amazonaws.com"), NoAnswer),
        (client_error("AccessDenied", 403), PortalDenied),
        (client_error("ExpiredToken", 403), NotConfigured),
        (CredentialRetrievalError(provider="sso", error_msg="expired"), NotConfigured),
        (client_error("NoSuchEntity", 404), Refused),
    ],
)
def test_errors_have_four_kinds(raised: Exception, kind: type[Exception]) -> None:
    with pytest.raises(kind, match="iam:ListRoles"), mapped("iam:ListRoles"):
        raise raised


def test_a_role_that_cannot_be_assumed_is_not_blamed_on_the_call_behind_it() -> None:
    with pytest.raises(PortalDenied, match="sts:AssumeRole"), mapped("iam:ListRoles"):
        raise client_error("AccessDenied", 403, "AssumeRole")


def test_a_fault_of_our_own_is_not_taken_for_aws() -> None:
    with pytest.raises(ParamValidationError), mapped("identitystore:GetUserId"):
        raise ParamValidationError(report="empty")


INVOKE = ["bedrock:InvokeModel", "bedrock:InvokeModelWithResponseStream"]
PROFILES, MODELS = "arn:aws:bedrock:*:*:inference-profile/*", "arn:aws:bedrock:*::foundation-model/*"
ALLOW_ALL = {"Effect": "Allow", "Action": "*", "Resource": "*"}


@pytest.mark.usefixtures("company")
@pytest.mark.parametrize(
    ("statements", "reason", "said"),
    [
        (
            [{"Effect": "Allow", "Action": INVOKE, "Resource": MODELS}],
            "identity-policy-profile",
            "not the inference profile itself",
        ),
        (
            [{"Effect": "Allow", "Action": INVOKE, "Resource": PROFILES}],
            "identity-policy",
            "Spain (eu-south-2)",
        ),
        (
            [ALLOW_ALL, {"Effect": "Deny", "Action": INVOKE[1], "Resource": MODELS}],
            "identity-policy-deny",
            "explicitly denies",
        ),
        (
            [{"Effect": "Allow", "Action": "bedrock:Invoke*", "Resource": [PROFILES, MODELS]}],
            "allowed",
            "may invoke the profile",
        ),
    ],
)
def test_each_kind_of_policy_gets_its_own_words(
    aws: Aws, statements: list[dict[str, Any]], reason: str, said: str
) -> None:
    replace_policies(aws, "ClaudeCodeDeveloper", statements)

    verification = verify("hana.novak@acme.example")

    finding = verification.findings.get(check_name="permissions")
    assert finding.reason == reason
    assert said in explain(finding).summary
