"""STS, Organizations, Identity Center's administration and the directory, seeded as the scenario says."""

from __future__ import annotations

from dataclasses import replace

import pytest
from botocore.exceptions import ClientError

from sandbox.aws.seed import seed
from sandbox.company import FederatedRole
from tests.sandbox_aws import LAB, MANAGEMENT, NO_RETENTION, PAYMENTS, PROD, SMALL, Aws


def test_the_portals_own_identity(aws: Aws) -> None:
    identity = aws.client("sts").get_caller_identity()
    assert identity["Arn"] == "arn:aws:iam::123456789012:user/onramp-portal"


@pytest.mark.parametrize("account", [PROD, PAYMENTS, LAB, NO_RETENTION, SMALL, MANAGEMENT])
def test_the_portal_assumes_its_roles(aws: Aws, account: str) -> None:
    role = "OnrampDirectory" if account == MANAGEMENT else "OnrampReadOnly"
    identity = aws.portal("sts", account).get_caller_identity()
    assert identity["Arn"] == f"arn:aws:sts::{account}:assumed-role/{role}/portal"
    assert identity["Account"] == account


@pytest.mark.parametrize(
    "arguments",
    [
        {"RoleArn": f"arn:aws:iam::{PROD}:role/OnrampReadOnly"},
        {"RoleArn": f"arn:aws:iam::{PROD}:role/OnrampReadOnly", "ExternalId": "wrong"},
        {"RoleArn": f"arn:aws:iam::{PROD}:role/Absent", "ExternalId": "onramp-sandbox"},
        {"RoleArn": "arn:aws:iam::000000000000:role/OnrampReadOnly", "ExternalId": "onramp-sandbox"},
    ],
)
def test_assume_role_asks_for_the_external_id(aws: Aws, arguments: dict[str, str]) -> None:
    with pytest.raises(ClientError, match=r"not authorized to perform: sts:AssumeRole") as caught:
        aws.client("sts").assume_role(RoleSessionName="portal", **arguments)
    assert caught.value.response["Error"]["Code"] == "AccessDenied"


def test_a_permission_sets_role_trusts_nobody_but_identity_center(aws: Aws) -> None:
    with pytest.raises(ClientError, match="AccessDenied"):
        aws.client("sts").assume_role(
            RoleArn=aws.role_arn("ClaudeCodeDeveloper"), RoleSessionName="portal", ExternalId="onramp-sandbox"
        )


def test_a_federated_role_trusts_the_portal_with_its_external_id(aws: Aws) -> None:
    arn = f"arn:aws:iam::{PROD}:role/ClaudeCodeFederated"
    keys = aws.assume(PROD, "ClaudeCodeFederated", session="kenji.mori@acme.example")
    identity = aws.client("sts", keys).get_caller_identity()
    assert identity["Arn"] == f"arn:aws:sts::{PROD}:assumed-role/ClaudeCodeFederated/kenji.mori@acme.example"
    with pytest.raises(ClientError, match="AccessDenied"):
        aws.client("sts").assume_role(RoleArn=arn, RoleSessionName="portal")


def test_a_federated_role_may_trust_its_provider_only(aws: Aws) -> None:
    policy = next(item for item in aws.company.permission_sets if item.name == "ClaudeCodeBounded")
    made = FederatedRole("Closed", policy.policy, path="/claude/", boundary=policy.boundary, tags={"team": "data"})
    production = replace(aws.company.accounts[0], roles=(made,))
    seed(replace(aws.company, accounts=(production, *aws.company.accounts[1:])))
    role = aws.portal("iam").get_role(RoleName="Closed")["Role"]
    assert role["Arn"] == f"arn:aws:iam::{PROD}:role/claude/Closed"
    assert role["Tags"] == [{"Key": "team", "Value": "data"}]
    assert role["PermissionsBoundary"]["PermissionsBoundaryArn"].endswith(":policy/ClosedBoundary")
    (trust,) = role["AssumeRolePolicyDocument"]["Statement"]
    assert trust["Action"] == "sts:AssumeRoleWithWebIdentity"
    assert trust["Principal"]["Federated"] == f"arn:aws:iam::{PROD}:oidc-provider/login.acme.example"
    with pytest.raises(ClientError, match="AccessDenied"):
        aws.assume(PROD, "claude/Closed")


def test_an_unknown_key_is_refused(aws: Aws) -> None:
    keys = {"aws_access_key_id": "AKIA0000000000000000", "aws_secret_access_key": "x"}
    for service, call, code in (
        ("sts", "get_caller_identity", "InvalidClientTokenId"),
        ("bedrock", "list_inference_profiles", "UnrecognizedClientException"),
    ):
        with pytest.raises(ClientError) as caught:
            getattr(aws.client(service, keys), call)()
        assert caught.value.response["Error"]["Code"] == code
        assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == 403


def test_the_organization(aws: Aws) -> None:
    organizations = aws.portal("organizations", MANAGEMENT)
    accounts = {row["Id"]: row["Name"] for row in organizations.list_accounts()["Accounts"]}
    assert accounts == {account.id: account.name for account in aws.company.accounts}
    policies = organizations.list_policies_for_target(TargetId=PAYMENTS, Filter="SERVICE_CONTROL_POLICY")
    assert {row["Name"] for row in policies["Policies"]} == {"FullAWSAccess", "acme-region-guard"}


def test_roles_have_paths_and_stable_names(aws: Aws) -> None:
    roles = aws.portal("iam").list_roles(PathPrefix="/aws-reserved/sso.amazonaws.com/")["Roles"]
    assert {role["Arn"] for role in roles} == {aws.role_arn(item.name) for item in aws.company.permission_sets}
    assert aws.role_arn("ClaudeCodeDeveloper").endswith("AWSReservedSSO_ClaudeCodeDeveloper_596b40c9e9457951")


def test_assignments_and_the_directory_meet(aws: Aws) -> None:
    admin, store = aws.portal("sso-admin", MANAGEMENT), aws.portal("identitystore", MANAGEMENT)
    instance = admin.list_instances()["Instances"][0]
    names = {}
    for arn in admin.list_permission_sets_provisioned_to_account(InstanceArn=instance["InstanceArn"], AccountId=PROD)[
        "PermissionSets"
    ]:
        found = admin.describe_permission_set(InstanceArn=instance["InstanceArn"], PermissionSetArn=arn)
        names[found["PermissionSet"]["Name"]] = arn
    assert set(names) == {item.name for item in aws.company.permission_sets}
    row = admin.list_account_assignments(
        InstanceArn=instance["InstanceArn"], AccountId=PROD, PermissionSetArn=names["ClaudeCodeDeveloper"]
    )["AccountAssignments"][0]
    assert row["PrincipalType"] == "GROUP"
    members = store.list_group_memberships(IdentityStoreId=instance["IdentityStoreId"], GroupId=row["PrincipalId"])[
        "GroupMemberships"
    ]
    users = store.list_users(IdentityStoreId=instance["IdentityStoreId"])["Users"]
    inside = {member["MemberId"]["UserId"] for member in members}
    assert "ana.nunez@acme.example" in {user["UserName"] for user in users if user["UserId"] in inside}
    iris = store.get_user_id(
        IdentityStoreId=instance["IdentityStoreId"],
        AlternateIdentifier={
            "UniqueAttribute": {"AttributePath": "emails.value", "AttributeValue": "iris.vega@acme.example"}
        },
    )
    assert iris["UserId"] in inside


def test_permission_sets_of_another_account(aws: Aws) -> None:
    admin = aws.portal("sso-admin", MANAGEMENT)
    arn = aws.company.identity_center.instance_arn
    page = admin.list_permission_sets_provisioned_to_account(InstanceArn=arn, AccountId=LAB)
    assert len(page["PermissionSets"]) == 1
