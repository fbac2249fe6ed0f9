"""The policy simulator over what moto's IAM and Organizations hold at the moment."""

from __future__ import annotations

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.sandbox_aws import MANAGEMENT, PAYMENTS, PROD, Aws

INVOKE = "bedrock:InvokeModel"
STREAM = "bedrock:InvokeModelWithResponseStream"
ALLOW = {"Effect": "Allow", "Action": "bedrock:*", "Resource": "*"}


def model(region: str) -> str:
    return f"arn:aws:bedrock:{region}::foundation-model/anthropic.claude-sonnet-4-6"


def region(name: str) -> list[dict[str, Any]]:
    return [{"ContextKeyName": "aws:RequestedRegion", "ContextKeyValues": [name], "ContextKeyType": "string"}]


def simulate(aws: Aws, role: str, account: str = PROD, **arguments: Any) -> Any:
    return aws.portal("iam", account).simulate_principal_policy(
        PolicySourceArn=aws.role_arn(role, account), **arguments
    )


def test_new_layout_answers_per_resource(aws: Aws) -> None:
    resources = [model("eu-west-1"), model("eu-south-2")]
    found = simulate(aws, "ClaudeCodeFiveRegions", ActionNames=[INVOKE, STREAM], ResourceArns=resources)
    assert [row["EvalActionName"] for row in found["EvaluationResults"]] == [INVOKE, STREAM]
    first = found["EvaluationResults"][0]
    assert first["EvalResourceName"] == "arn:${Partition}:bedrock:${Region}::foundation-model/${ResourceId}"
    assert first["EvalDecision"] == "implicitDeny"
    assert [(row["EvalResourceName"], row["EvalResourceDecision"]) for row in first["ResourceSpecificResults"]] == [
        (resources[0], "allowed"),
        (resources[1], "implicitDeny"),
    ]
    matched = first["ResourceSpecificResults"][0]["MatchedStatements"][0]
    assert (matched["SourcePolicyId"], matched["SourcePolicyType"]) == ("AwsSSOInlinePolicy", "role")
    assert matched["StartPosition"] == {"Line": 1, "Column": 41}
    assert first["OrganizationsDecisionDetail"] == {"AllowedByOrganizations": True}


def test_old_layout_answers_per_action_and_resource(aws: Aws) -> None:
    aws.call("PUT", "/sandbox/settings", {"simulate_layout": "old"})
    resources = [model("eu-west-1"), model("eu-south-2")]
    found = simulate(aws, "ClaudeCodeFiveRegions", ActionNames=[INVOKE], ResourceArns=resources)
    assert [(row["EvalResourceName"], row["EvalDecision"]) for row in found["EvaluationResults"]] == [
        (resources[0], "allowed"),
        (resources[1], "implicitDeny"),
    ]
    assert not any(row.get("ResourceSpecificResults") for row in found["EvaluationResults"])


def test_resources_of_several_types_and_none(aws: Aws) -> None:
    profile = f"arn:aws:bedrock:eu-west-1:{PROD}:inference-profile/eu.anthropic.claude-sonnet-4-6"
    for resources in ([profile, model("eu-west-1")], ["*"]):
        found = simulate(aws, "ClaudeCodeDeveloper", ActionNames=[INVOKE], ResourceArns=resources)
        assert found["EvaluationResults"][0]["EvalResourceName"] == "*"


def test_service_control_policy(aws: Aws) -> None:
    for name, allowed in (("eu-west-1", True), ("eu-south-2", False)):
        found = simulate(
            aws,
            "ClaudeCodeDeveloper",
            PAYMENTS,
            ActionNames=[INVOKE],
            ResourceArns=[model(name)],
            ContextEntries=region(name),
        )["EvaluationResults"][0]
        assert found["OrganizationsDecisionDetail"]["AllowedByOrganizations"] is allowed
        assert found["EvalDecision"] == ("allowed" if allowed else "explicitDeny")


def test_a_policy_attached_now_counts_now(aws: Aws) -> None:
    arguments: dict[str, Any] = {"ActionNames": [INVOKE], "ResourceArns": [model("eu-south-2")]}
    iam, name = aws.portal("iam"), aws.role_arn("ClaudeCodeFiveRegions").rpartition("/")[2]
    document = {
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Allow", "Action": "bedrock:*", "Resource": "*"}],
    }
    iam.put_role_policy(RoleName=name, PolicyName="More", PolicyDocument=json.dumps(document))
    assert simulate(aws, "ClaudeCodeFiveRegions", **arguments)["EvaluationResults"][0]["EvalDecision"] == "allowed"
    document["Statement"][0]["Effect"] = "Deny"  # type: ignore[index]  # the statement above
    arn = iam.create_policy(PolicyName="Less", PolicyDocument=json.dumps(document))["Policy"]["Arn"]
    iam.attach_role_policy(RoleName=name, PolicyArn=arn)
    found = simulate(aws, "ClaudeCodeFiveRegions", **arguments)["EvaluationResults"][0]
    assert found["EvalDecision"] == "explicitDeny"
    assert found["MatchedStatements"][0]["SourcePolicyType"] == "user-managed"


def test_an_scp_attached_now_counts_now(aws: Aws) -> None:
    organizations = aws.portal("organizations", MANAGEMENT)
    document = {
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Deny", "Action": "bedrock:*", "Resource": "*"}],
    }
    created = organizations.create_policy(
        Content=json.dumps(document), Description="x", Name="x", Type="SERVICE_CONTROL_POLICY"
    )
    root = organizations.list_roots()["Roots"][0]["Id"]
    organizations.attach_policy(PolicyId=created["Policy"]["PolicySummary"]["Id"], TargetId=root)
    found = simulate(aws, "ClaudeCodeDeveloper", ActionNames=[INVOKE])["EvaluationResults"][0]
    assert found["OrganizationsDecisionDetail"]["AllowedByOrganizations"] is False


def test_boundary(aws: Aws) -> None:
    found = simulate(aws, "ClaudeCodeBounded", ActionNames=[INVOKE, STREAM], ResourceArns=[model("eu-west-1")])
    detail = "PermissionsBoundaryDecisionDetail"
    rows = found["EvaluationResults"]
    assert [row["EvalDecision"] for row in rows] == ["allowed", "implicitDeny"]
    assert [row[detail]["AllowedByPermissionsBoundary"] for row in rows] == [True, False]
    assert rows[1]["ResourceSpecificResults"][0][detail]["AllowedByPermissionsBoundary"] is False


def statement_at(text: str, match: Any) -> Any:
    """The statement between a match's two positions, on the first line."""
    start, end = match["StartPosition"], match["EndPosition"]
    assert (start["Line"], end["Line"]) == (1, 1)
    return json.loads(text[start["Column"] - 1 : end["Column"] - 1])


def test_positions_lead_to_the_statement_in_the_account_details(aws: Aws) -> None:
    details = aws.portal("iam").get_account_authorization_details()
    denied = next(row for row in details["RoleDetailList"] if "ClaudeCodeDenied" in row["RoleName"])
    found = simulate(aws, "ClaudeCodeDenied", ActionNames=[STREAM], ResourceArns=[model("eu-south-2")])
    (match,) = found["EvaluationResults"][0]["MatchedStatements"]
    document = denied["RolePolicyList"][0]["PolicyDocument"]
    assert statement_at(json.dumps(document), match)["Sid"] == "NoStreamingInSpain"


def test_positions_in_a_boundary(aws: Aws) -> None:
    (policy,) = aws.portal("iam").get_account_authorization_details(Filter=["LocalManagedPolicy"])["Policies"]
    found = simulate(aws, "ClaudeCodeBounded", ActionNames=[INVOKE], ResourceArns=[model("eu-west-1")])
    own, limit = found["EvaluationResults"][0]["MatchedStatements"]
    assert (own["SourcePolicyType"], limit["SourcePolicyType"]) == ("role", "permission-boundary")
    assert limit["SourcePolicyId"] == policy["PolicyName"]
    text = json.dumps(policy["PolicyVersionList"][0]["Document"])
    assert statement_at(text, limit)["Sid"] == "EverythingButStreaming"


def test_positions_in_a_policy_of_several_lines(aws: Aws) -> None:
    text = json.dumps({"Version": "2012-10-17", "Statement": [{**ALLOW, "Action": "s3:*"}, ALLOW]}, indent=2)
    found = aws.portal("iam").simulate_custom_policy(PolicyInputList=[text], ActionNames=[INVOKE])
    (match,) = found["EvaluationResults"][0]["MatchedStatements"]
    lines = text.splitlines()[match["StartPosition"]["Line"] - 1 : match["EndPosition"]["Line"]]
    assert json.loads("".join(lines)) == ALLOW


USERS = [f"arn:aws:iam::{PROD}:user/svc-sven", f"arn:aws:iam::{PROD}:user/emma.jones@acme.example"]


@pytest.mark.parametrize("arn", [*USERS, f"arn:aws:iam::{PROD}:role/ClaudeCodeFederated"])
def test_people_without_identity_center(aws: Aws, arn: str) -> None:
    iam = aws.portal("iam")
    found = iam.simulate_principal_policy(PolicySourceArn=arn, ActionNames=[INVOKE, "bedrock:ListFoundationModels"])
    assert [row["EvalDecision"] for row in found["EvaluationResults"]] == ["implicitDeny", "implicitDeny"]
    found = iam.simulate_principal_policy(
        PolicySourceArn=arn, ActionNames=[INVOKE], ResourceArns=[model("eu-west-1"), model("eu-south-2")]
    )["EvaluationResults"][0]
    assert found["EvalDecision"] == "allowed"
    kind = "user" if ":user/" in arn else "role"
    assert {match["SourcePolicyType"] for match in found["MatchedStatements"]} == {kind}
    keys = iam.get_context_keys_for_principal_policy(PolicySourceArn=arn)
    assert keys["ContextKeyNames"] == ["aws:CalledViaLast"]


def test_a_users_group_is_named(aws: Aws) -> None:
    iam = aws.portal("iam")
    iam.create_group(GroupName="Claude")
    document = {"Version": "2012-10-17", "Statement": [{**ALLOW, "Effect": "Deny"}]}
    iam.put_group_policy(GroupName="Claude", PolicyName="No", PolicyDocument=json.dumps(document))
    iam.add_user_to_group(GroupName="Claude", UserName="svc-sven")
    found = iam.simulate_principal_policy(PolicySourceArn=USERS[0], ActionNames=[INVOKE])["EvaluationResults"][0]
    assert found["EvalDecision"] == "explicitDeny"
    assert [(row["SourcePolicyId"], row["SourcePolicyType"]) for row in found["MatchedStatements"]] == [
        ("No", "group")
    ]


@pytest.mark.parametrize(
    ("role", "key", "value", "decision"),
    [
        ("ClaudeCodeByName", "aws:userid", "AROAX:maria.conti@acme.example", "allowed"),
        ("ClaudeCodeByName", "aws:userid", "AROAX:paolo.greco@acme.example", "implicitDeny"),
        ("ClaudeCodeByTag", "aws:PrincipalTag/team", "platform", "allowed"),
    ],
)
def test_conditions_on_the_person(aws: Aws, role: str, key: str, value: str, decision: str) -> None:
    arguments: dict[str, Any] = {"ActionNames": [INVOKE], "ResourceArns": [model("eu-west-1")]}
    blind = simulate(aws, role, **arguments)["EvaluationResults"][0]
    assert (blind["EvalDecision"], blind["MissingContextValues"]) == ("implicitDeny", [key])
    entry = {"ContextKeyName": key, "ContextKeyValues": [value], "ContextKeyType": "string"}
    found = simulate(aws, role, **arguments, ContextEntries=[entry])["EvaluationResults"][0]
    assert (found["EvalDecision"], found["MissingContextValues"]) == (decision, [])
    keys = aws.portal("iam").get_context_keys_for_principal_policy(PolicySourceArn=aws.role_arn(role))
    assert key in keys["ContextKeyNames"]


def test_missing_context_and_context_keys(aws: Aws) -> None:
    found = simulate(aws, "ClaudeCodeDeveloper", ActionNames=["aws-marketplace:Subscribe"])
    assert found["EvaluationResults"][0]["MissingContextValues"] == ["aws:CalledViaLast"]
    keys = aws.portal("iam").get_context_keys_for_principal_policy(PolicySourceArn=aws.role_arn("ClaudeCodeDeveloper"))
    assert keys["ContextKeyNames"] == ["aws:CalledViaLast"]


def test_pages(aws: Aws) -> None:
    actions = [f"bedrock:Get{letter}" for letter in "ABCDE"]
    first = simulate(aws, "ClaudeCodeDeveloper", ActionNames=actions, MaxItems=2)
    assert first["IsTruncated"]
    assert len(first["EvaluationResults"]) == 2
    rest = simulate(aws, "ClaudeCodeDeveloper", ActionNames=actions, Marker=first["Marker"])
    assert not rest["IsTruncated"]
    assert "Marker" not in rest
    assert [row["EvalActionName"] for row in rest["EvaluationResults"]] == actions[2:]


@pytest.mark.parametrize(
    ("arn", "code"),
    [
        (f"arn:aws:iam::{PROD}:role/Absent", "NoSuchEntity"),
        (f"arn:aws:iam::{PROD}:user/absent", "NoSuchEntity"),
        (f"arn:aws:sts::{PROD}:assumed-role/OnrampReadOnly/portal", "InvalidInput"),
    ],
)
def test_principals_it_does_not_know(aws: Aws, arn: str, code: str) -> None:
    iam = aws.portal("iam")
    with pytest.raises(ClientError) as simulated:
        iam.simulate_principal_policy(PolicySourceArn=arn, ActionNames=[INVOKE])
    with pytest.raises(ClientError) as keys:
        iam.get_context_keys_for_principal_policy(PolicySourceArn=arn)
    assert {caught.value.response["Error"]["Code"] for caught in (simulated, keys)} == {code}


def test_custom_policies(aws: Aws) -> None:
    allow = json.dumps({"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "*", "Resource": "*"}})
    deny = allow.replace("Allow", "Deny")
    iam = aws.portal("iam")
    arguments = {"PolicyInputList": [allow], "ActionNames": [INVOKE]}
    assert iam.simulate_custom_policy(**arguments)["EvaluationResults"][0]["EvalDecision"] == "allowed"
    limited = iam.simulate_custom_policy(
        **arguments,
        PermissionsBoundaryPolicyInputList=[deny],
        OrderedOrganizationPolicyInputList=[{"ServiceControlPolicyInputList": [allow]}],
    )["EvaluationResults"][0]
    assert limited["PermissionsBoundaryDecisionDetail"] == {"AllowedByPermissionsBoundary": False}
    assert limited["OrganizationsDecisionDetail"] == {"AllowedByOrganizations": True}
    with pytest.raises(ClientError, match="InvalidInput"):
        iam.simulate_custom_policy(PolicyInputList=["{"], ActionNames=[INVOKE])
