"""iam:GetAccountAuthorizationDetails: everybody's policies in one listing, in pages."""

from __future__ import annotations

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError
from moto.iam.models import iam_backends

from sandbox.aws.seed import INLINE_POLICY
from tests.sandbox_aws import LAB, PROD, Aws

LISTS = ("UserDetailList", "GroupDetailList", "RoleDetailList", "Policies")
ALL = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "bedrock:*", "Resource": "*"}]}


def details(aws: Aws, **arguments: Any) -> Any:
    return aws.portal("iam").get_account_authorization_details(**arguments)


def role(aws: Aws, name: str) -> dict[str, Any]:
    found = details(aws, Filter=["Role"])["RoleDetailList"]
    return next(row for row in found if row["RoleName"].startswith(name))


def test_a_permission_sets_role(aws: Aws) -> None:
    found = role(aws, "AWSReservedSSO_ClaudeCodeDeveloper_")
    developer = next(item for item in aws.company.permission_sets if item.name == "ClaudeCodeDeveloper")
    assert found["Arn"] == aws.role_arn("ClaudeCodeDeveloper")
    assert found["Path"] == "/aws-reserved/sso.amazonaws.com/eu-west-1/"
    assert found["RolePolicyList"] == [{"PolicyName": "AwsSSOInlinePolicy", "PolicyDocument": developer.policy}]
    assert found["AssumeRolePolicyDocument"]["Statement"][0]["Action"] == "sts:AssumeRoleWithSAML"
    assert (found["AttachedManagedPolicies"], found["Tags"], found["InstanceProfileList"]) == ([], [], [])
    assert "PermissionsBoundary" not in found


def test_ids_say_what_they_are_of_and_outlive_a_reset(aws: Aws) -> None:
    def ids() -> tuple[str, str]:
        return role(aws, "ClaudeCodeFederated")["RoleId"], details(aws)["UserDetailList"][0]["UserId"]

    before = ids()
    aws.call("POST", "/sandbox/reset", {})
    assert ids() == before
    assert [found[:4] for found in before] == ["AROA", "AIDA"]
    keys = aws.assume(PROD, "ClaudeCodeFederated", session="kenji")
    assert aws.client("sts", keys).get_caller_identity()["UserId"] == f"{before[0]}:kenji"


def test_a_boundary_and_its_policy(aws: Aws) -> None:
    bounded = next(item for item in aws.company.permission_sets if item.name == "ClaudeCodeBounded")
    boundary = role(aws, "AWSReservedSSO_ClaudeCodeBounded_")["PermissionsBoundary"]
    assert boundary["PermissionsBoundaryType"] == "PermissionsBoundaryPolicy"
    policy = next(
        row
        for row in details(aws, Filter=["LocalManagedPolicy"])["Policies"]
        if row["Arn"] == boundary["PermissionsBoundaryArn"]
    )
    assert (policy["PolicyName"], policy["PermissionsBoundaryUsageCount"]) == ("ClaudeCodeBoundedBoundary", 1)
    assert policy["PolicyId"]
    (version,) = policy["PolicyVersionList"]
    assert (version["VersionId"], version["IsDefaultVersion"]) == (policy["DefaultVersionId"], True)
    assert version["Document"] == bounded.boundary


def test_a_managed_policy_with_two_versions(aws: Aws) -> None:
    iam, first = aws.portal("iam"), json.dumps(ALL).replace("bedrock", "s3")
    arn = iam.create_policy(PolicyName="Wide", PolicyDocument=first)["Policy"]["Arn"]
    iam.create_policy_version(PolicyArn=arn, PolicyDocument=json.dumps(ALL), SetAsDefault=True)
    iam.attach_role_policy(RoleName="ClaudeCodeFederated", PolicyArn=arn)
    attached = role(aws, "ClaudeCodeFederated")["AttachedManagedPolicies"]
    assert attached == [{"PolicyName": "Wide", "PolicyArn": arn}]
    policy = next(row for row in details(aws)["Policies"] if row["Arn"] == arn)
    assert (policy["DefaultVersionId"], policy["AttachmentCount"]) == ("v2", 1)
    documents = {row["VersionId"]: (row["IsDefaultVersion"], row["Document"]) for row in policy["PolicyVersionList"]}
    assert documents["v2"] == (True, ALL)
    assert not documents["v1"][0]


def test_users_with_tags_groups_and_policies(aws: Aws) -> None:
    iam = aws.portal("iam")
    iam.create_group(GroupName="Claude")
    iam.put_group_policy(GroupName="Claude", PolicyName="All", PolicyDocument=json.dumps(ALL))
    iam.add_user_to_group(GroupName="Claude", UserName="svc-sven")
    found = details(aws)
    sven, emma, key = found["UserDetailList"]
    names = ("svc-sven", "emma.jones@acme.example", "BedrockAPIKey-q7xk")
    assert (sven["UserName"], emma["UserName"], key["UserName"]) == names
    assert (sven["Tags"], emma["Tags"]) == ([{"Key": "email", "Value": "sven.berg@acme.example"}], [])
    assert (sven["GroupList"], emma["GroupList"]) == (["Claude"], [])
    assert [row["PolicyName"] for row in sven["UserPolicyList"]] == [INLINE_POLICY]
    assert sven["UserPolicyList"][0]["PolicyDocument"]["Statement"][0]["Sid"] == "Invoke"
    assert found["GroupDetailList"][0]["GroupPolicyList"] == [{"PolicyName": "All", "PolicyDocument": ALL}]


@pytest.mark.parametrize(
    ("kinds", "lists"),
    [
        (["User"], {"UserDetailList"}),
        (["Role"], {"RoleDetailList"}),
        (["Group"], set()),
        (["LocalManagedPolicy"], {"Policies"}),
        (["AWSManagedPolicy"], set()),
        (["User", "Role"], {"UserDetailList", "RoleDetailList"}),
        ([], {"UserDetailList", "RoleDetailList", "Policies"}),
    ],
)
def test_filter(aws: Aws, kinds: list[str], lists: set[str]) -> None:
    found = details(aws, Filter=kinds)
    assert {name for name in LISTS if found[name]} == lists
    assert found["IsTruncated"] is False


def test_pages_count_all_kinds_together(aws: Aws) -> None:
    first = details(aws, MaxItems=4)
    assert (first["IsTruncated"], [len(first[name]) for name in LISTS]) == (True, [3, 0, 1, 0])
    second = details(aws, MaxItems=1000, Marker=first["Marker"])
    assert (second["IsTruncated"], "Marker" in second) == (False, False)
    whole = details(aws)
    for name in LISTS:
        assert [row["Arn"] for row in first[name] + second[name]] == [row["Arn"] for row in whole[name]]
    with pytest.raises(ClientError, match="InvalidInput"):
        details(aws, Marker="x")


def test_every_account_has_its_own(aws: Aws) -> None:
    found = aws.portal("iam", LAB).get_account_authorization_details()
    assert {row["RoleName"].rpartition("_")[0] or row["RoleName"] for row in found["RoleDetailList"]} == {
        "OnrampReadOnly",
        "AWSReservedSSO_ClaudeCodeDeveloper",
    }
    assert found["UserDetailList"] == []


def test_hundreds_of_roles_come_in_pages(aws: Aws) -> None:
    iam, text = iam_backends[PROD]["aws"], json.dumps(ALL)
    for number in range(300):
        iam.create_role(f"Role{number}", text, "/", None, "", [], None).put_policy("All", text)
    pages = list(aws.portal("iam").get_paginator("get_account_authorization_details").paginate(Filter=["Role"]))
    assert len(pages) == 4
    assert sum(len(page["RoleDetailList"]) for page in pages) > 300
