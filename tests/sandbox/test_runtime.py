"""Invoking models as the people of the scenario, through boto3's own parsers."""

from __future__ import annotations

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError

from sandbox.aws.seed import INLINE_POLICY
from tests.sandbox_aws import LAB, NO_RETENTION, PAYMENTS, PROD, SMALL, Aws

BODY = json.dumps(
    {
        "anthropic_version": "bedrock-2023-05-31",
        "max_tokens": 1,
        "messages": [{"role": "user", "content": "."}],
    }
)
SONNET = "eu.anthropic.claude-sonnet-4-6"
DEVELOPER = "ClaudeCodeDeveloper"
TAGGED = f"arn:aws:bedrock:eu-west-1:{PROD}:application-inference-profile/a1b2c3d4e5f6"


def runtime(aws: Aws, email: str, permission_set: str, account: str = PROD, region: str = "eu-west-1") -> Any:
    name = f"{email}@acme.example"
    return aws.client("bedrock-runtime", aws.credentials(name, account, permission_set), region)


# Person, permission set, account, profile, and: status, code, what the message must say.
PEOPLE = [
    ("ana.nunez", DEVELOPER, PROD, SONNET, 200, "", ""),
    ("bruno.rey", DEVELOPER, PROD, "eu.anthropic.claude-opus-4-8", 200, "", ""),
    ("hana.novak", DEVELOPER, PROD, "eu.anthropic.claude-haiku-4-5-20251001-v1:0", 200, "", ""),
    ("carla.soto", DEVELOPER, PROD, SONNET, 200, "", ""),
    (
        "luis.gil",
        "ClaudeCodeFiveRegions",
        PROD,
        SONNET,
        403,
        "AccessDeniedException",
        "resource: arn:aws:bedrock:eu-south-2::foundation-model/anthropic.claude-sonnet-4-6 "
        "because no identity-based policy allows the bedrock:InvokeModel action",
    ),
    (
        "pau.vidal",
        DEVELOPER,
        PAYMENTS,
        SONNET,
        403,
        "AccessDeniedException",
        "arn:aws:bedrock:eu-south-2::foundation-model/anthropic.claude-sonnet-4-6 "
        "with an explicit deny in a service control policy",
    ),
    (
        "chiara.rossi",
        "ClaudeCodeGlobalPartial",
        PROD,
        "global.anthropic.claude-sonnet-4-6",
        403,
        "AccessDeniedException",
        "resource: arn:aws:bedrock:::foundation-model/anthropic.claude-sonnet-4-6 because no identity",
    ),
    ("sofia.marin", DEVELOPER, PROD, "global.anthropic.claude-sonnet-4-6", 200, "", ""),
    ("diego.aranda", "ClaudeCodeBounded", PROD, SONNET, 200, "", ""),
    (
        "elena.ruiz",
        DEVELOPER,
        PROD,
        "eu.anthropic.claude-opus-5-5",
        403,
        "AccessDeniedException",
        "aws-marketplace:Subscribe",
    ),
    ("mikel.goni", DEVELOPER, LAB, SONNET, 404, "ResourceNotFoundException", "have not been submitted"),
    (
        "tomas.oliveira",
        DEVELOPER,
        PROD,
        "eu.anthropic.claude-sonnet-5",
        429,
        "ThrottlingException",
        "Too many",
    ),
    ("laura.pena", "ClaudeCodeThrottled", PROD, SONNET, 200, "", ""),
    ("oscar.benitez", DEVELOPER, PROD, SONNET, 200, "", ""),
    (
        "oscar.benitez",
        "ClaudeCodeReadOnly",
        PROD,
        SONNET,
        403,
        "AccessDeniedException",
        f"inference-profile/{SONNET}",
    ),
    ("iris.vega", DEVELOPER, PROD, SONNET, 200, "", ""),
    ("robert.tables", DEVELOPER, PROD, SONNET, 200, "", ""),
    ("petra.kral", DEVELOPER, PROD, "eu.anthropic.claude-sonnet-4-5-20250929-v1:0", 200, "", ""),
    (
        "ivan.ilic",
        DEVELOPER,
        PROD,
        "eu.anthropic.claude-sonnet-4-20250514-v1:0",
        404,
        "ResourceNotFoundException",
        "has reached the end of its life",
    ),
    (
        "fatima.zahra",
        DEVELOPER,
        NO_RETENTION,
        "eu.anthropic.claude-fable-5",
        400,
        "ValidationException",
        "data retention mode 'none' is not available for this model",
    ),
    ("fatima.zahra", DEVELOPER, NO_RETENTION, SONNET, 200, "", ""),
    ("nadia.petrova", DEVELOPER, SMALL, SONNET, 200, "", ""),
    ("bea.wide", "ClaudeCodeWide", PROD, SONNET, 200, "", ""),
    ("maria.conti", "ClaudeCodeByName", PROD, SONNET, 200, "", ""),
    (
        "paolo.greco",
        "ClaudeCodeByName",
        PROD,
        SONNET,
        403,
        "AccessDeniedException",
        f"inference-profile/{SONNET} because no identity-based policy allows",
    ),
    (
        "hugo.meyer",
        "ClaudeCodeByTag",
        PROD,
        SONNET,
        403,
        "AccessDeniedException",
        f"inference-profile/{SONNET} because no identity-based policy allows",
    ),
    ("ada.byron", DEVELOPER, PROD, TAGGED, 200, "", ""),
    ("nico.rossi", "ClaudeCodeDenied", PROD, SONNET, 200, "", ""),
    ("rita.lopes", "ClaudeCodeInvokeOnly", PROD, SONNET, 200, "", ""),
]


@pytest.mark.parametrize(
    ("email", "permission_set", "account", "profile", "status", "code", "text"),
    PEOPLE,
    ids=[f"{row[0]}-{row[1]}-{row[4]}" for row in PEOPLE],
)
def test_everybody_on_their_plans_profile(
    aws: Aws, email: str, permission_set: str, account: str, profile: str, status: int, code: str, text: str
) -> None:
    client = runtime(aws, email, permission_set, account)
    if status == 200:
        answer = json.loads(client.invoke_model(modelId=profile, body=BODY)["body"].read())
        name = profile.rpartition("/")[2]
        assert answer["content"] == [{"type": "text", "text": f"Hello from the sandbox, {name}."}]
        assert answer["usage"]["input_tokens"] == len(BODY) // 4
    else:
        with pytest.raises(ClientError) as caught:
            client.invoke_model(modelId=profile, body=BODY)
        error = caught.value.response
        assert (error["ResponseMetadata"]["HTTPStatusCode"], error["Error"]["Code"]) == (status, code)
        assert text in error["Error"]["Message"]
    seen = aws.call("GET", "/sandbox/invocations")[-1]
    assert (seen["status"], seen["model_id"], seen["operation"]) == (status, profile, "InvokeModel")
    assert seen["principal"].endswith(f"/{email}@acme.example")


def test_tokyo_has_no_such_profile(aws: Aws) -> None:
    client = runtime(aws, "noor.haddad", DEVELOPER, region="ap-northeast-1")
    with pytest.raises(client.exceptions.ValidationException, match=r"The provided model identifier is invalid\."):
        client.invoke_model(modelId="jp.anthropic.claude-sonnet-5", body=BODY)


def test_the_stream_parses(aws: Aws) -> None:
    client = runtime(aws, "ana.nunez", DEVELOPER)
    answer = client.invoke_model_with_response_stream(modelId=SONNET, body=BODY)
    events = [json.loads(event["chunk"]["bytes"]) for event in answer["body"]]
    kinds = [event["type"] for event in events]
    assert kinds[:2] == ["message_start", "content_block_start"]
    assert kinds[-3:] == ["content_block_stop", "message_delta", "message_stop"]
    deltas = [event["delta"]["text"] for event in events if event["type"] == "content_block_delta"]
    assert "".join(deltas) == f"Hello from the sandbox, {SONNET}."
    metrics = events[-1]["amazon-bedrock-invocationMetrics"]
    assert metrics["outputTokenCount"] == events[-2]["usage"]["output_tokens"]


def test_the_boundary_stops_the_stream(aws: Aws) -> None:
    client = runtime(aws, "diego.aranda", "ClaudeCodeBounded")
    with pytest.raises(client.exceptions.AccessDeniedException, match="because no permissions boundary allows"):
        client.invoke_model_with_response_stream(modelId=SONNET, body=BODY)


def test_a_deny_stops_the_stream_in_one_region(aws: Aws) -> None:
    client = runtime(aws, "nico.rossi", "ClaudeCodeDenied")
    with pytest.raises(client.exceptions.AccessDeniedException, match="explicit deny in an identity-based") as caught:
        client.invoke_model_with_response_stream(modelId=SONNET, body=BODY)
    assert "arn:aws:bedrock:eu-south-2::foundation-model/" in caught.value.response["Error"]["Message"]


def test_how_it_was_asked_for_is_kept(aws: Aws) -> None:
    client = runtime(aws, "ana.nunez", DEVELOPER)
    how = {"guardrailIdentifier": "a1b2c3d4e5", "guardrailVersion": "DRAFT", "serviceTier": "priority"}
    client.invoke_model(modelId=SONNET, body=BODY, **how)
    assert aws.call("GET", "/sandbox/invocations")[-1]["traits"] == {
        "authentication": "signature",
        "guardrail": "a1b2c3d4e5:DRAFT",
        "service_tier": "priority",
        "cache_lifetimes": "",
    }


@pytest.mark.parametrize(
    ("points", "lifetimes"),
    [
        ([{"type": "ephemeral"}], "5m"),
        ([{"type": "ephemeral", "ttl": "1h"}, {"type": "ephemeral", "ttl": "5m"}], "1h 5m"),
        ([{"type": "ephemeral", "ttl": "a secret"}, None], "other"),
    ],
)
def test_how_long_a_prompt_is_cached_is_kept_and_nothing_of_its_text(
    aws: Aws, points: list[object], lifetimes: str
) -> None:
    blocks = [{"type": "text", "text": "a secret", "cache_control": point} for point in points]
    body = {"system": blocks, "messages": [{"role": "user", "content": "a secret"}]}
    client = runtime(aws, "ana.nunez", DEVELOPER)
    client.invoke_model(modelId=SONNET, body=json.dumps(json.loads(BODY) | body))
    seen = aws.call("GET", "/sandbox/invocations")
    assert seen[-1]["traits"]["cache_lifetimes"] == lifetimes
    assert "secret" not in json.dumps(seen)


# --- people who come without Identity Center


def invoke(aws: Aws, keys: dict[str, str], model_id: str = SONNET) -> str:
    """ "" when the model answers, or the error's code."""
    try:
        aws.client("bedrock-runtime", keys).invoke_model(modelId=model_id, body=BODY)
    except ClientError as error:
        return str(error.response["Error"]["Code"])
    return ""


def test_a_federated_role_for_the_portal_too(aws: Aws) -> None:
    keys = aws.assume(PROD, "ClaudeCodeFederated", session="kenji.mori@acme.example")
    assert invoke(aws, keys) == ""
    assert invoke(aws, keys, "eu.anthropic.claude-opus-5-5") == "AccessDeniedException"
    seen = aws.call("GET", "/sandbox/invocations")[0]
    assert seen["principal"] == f"arn:aws:sts::{PROD}:assumed-role/ClaudeCodeFederated/kenji.mori@acme.example"


@pytest.mark.parametrize("name", ["svc-sven", "emma.jones@acme.example"])
def test_iam_users(aws: Aws, name: str) -> None:
    keys = aws.user_keys(name)
    assert invoke(aws, keys) == ""
    assert aws.call("GET", "/sandbox/invocations")[0]["principal"] == f"arn:aws:iam::{PROD}:user/{name}"
    with pytest.raises(ClientError, match="bedrock:ListFoundationModels"):
        aws.client("bedrock", keys).list_foundation_models()


def replace_policy(aws: Aws, condition: dict[str, dict[str, str]]) -> None:
    """The one policy of svc-sven and of ClaudeCodeFederated: everything, under this condition."""
    statement = {"Effect": "Allow", "Action": "bedrock:*", "Resource": "*", "Condition": condition}
    document = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    iam = aws.portal("iam")
    iam.put_user_policy(UserName="svc-sven", PolicyName=INLINE_POLICY, PolicyDocument=document)
    iam.put_role_policy(RoleName="ClaudeCodeFederated", PolicyName=INLINE_POLICY, PolicyDocument=document)


@pytest.mark.parametrize(
    ("key", "pattern", "as_user", "as_role"),
    [
        ("aws:username", "svc-sven", "", "AccessDeniedException"),
        ("aws:userid", "AIDA*", "", "AccessDeniedException"),
        ("aws:userid", "AROA*:kenji.mori@acme.example", "AccessDeniedException", ""),
        ("aws:PrincipalTag/email", "sven.berg@acme.example", "", "AccessDeniedException"),
        ("aws:PrincipalTag/team", "data", "AccessDeniedException", ""),
        ("aws:PrincipalArn", f"arn:aws:iam::{PROD}:*", "", ""),
        ("aws:PrincipalAccount", PAYMENTS, "AccessDeniedException", "AccessDeniedException"),
    ],
)
def test_a_condition_sees_who_calls(aws: Aws, key: str, pattern: str, as_user: str, as_role: str) -> None:
    aws.portal("iam").tag_role(RoleName="ClaudeCodeFederated", Tags=[{"Key": "team", "Value": "data"}])
    replace_policy(aws, {"StringLike": {key: pattern}})
    assert invoke(aws, aws.user_keys("svc-sven")) == as_user
    assert invoke(aws, aws.assume(PROD, "ClaudeCodeFederated", session="kenji.mori@acme.example")) == as_role


def test_a_users_groups_count(aws: Aws) -> None:
    iam = aws.portal("iam")
    iam.delete_user_policy(UserName="svc-sven", PolicyName=INLINE_POLICY)
    keys = aws.user_keys("svc-sven")
    assert invoke(aws, keys) == "AccessDeniedException"
    iam.create_group(GroupName="Claude")
    document = {"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "bedrock:*", "Resource": "*"}}
    iam.put_group_policy(GroupName="Claude", PolicyName="All", PolicyDocument=json.dumps(document))
    iam.add_user_to_group(GroupName="Claude", UserName="svc-sven")
    assert invoke(aws, keys) == ""


def test_a_role_of_nobody_may_do_nothing(aws: Aws) -> None:
    """Only the portal's own user and roles are let pass without a policy."""
    iam = aws.portal("iam")
    trust = {"Effect": "Allow", "Principal": {"AWS": aws.company.portal.account}, "Action": "sts:AssumeRole"}
    document = json.dumps({"Version": "2012-10-17", "Statement": trust})
    iam.create_role(RoleName="Other", AssumeRolePolicyDocument=document)
    keys = aws.assume(PROD, "Other")
    assert invoke(aws, keys) == "AccessDeniedException"
    assert invoke(aws, aws.assume(PROD)) == ""
    iam.delete_role(RoleName="Other")
    assert invoke(aws, keys) == "AccessDeniedException"


def test_a_session_policy_narrows_the_role(aws: Aws) -> None:
    statement = {"Effect": "Allow", "Action": "bedrock:InvokeModel", "Resource": f"arn:aws:bedrock:*:{PROD}:*"}
    policy = json.dumps({"Version": "2012-10-17", "Statement": statement})
    keys = aws.assume(PROD, "ClaudeCodeFederated", Policy=policy)
    with pytest.raises(ClientError, match=r"foundation-model/.* because no session policy allows the bedrock:Invoke"):
        aws.client("bedrock-runtime", keys).invoke_model(modelId=SONNET, body=BODY)
    with pytest.raises(ClientError, match="MalformedPolicyDocument"):
        aws.assume(PROD, "ClaudeCodeFederated", Policy="{}")


@pytest.mark.parametrize(
    ("resource", "code"),
    [
        (TAGGED, ""),
        (f"arn:aws:bedrock:eu-west-1:{PROD}:inference-profile/{SONNET}", "AccessDeniedException"),
        (TAGGED.replace("a1b2", "b1b2"), "AccessDeniedException"),
    ],
)
def test_an_application_profile_is_authorized_by_its_own_arn(aws: Aws, resource: str, code: str) -> None:
    through = {"StringEquals": {"bedrock:InferenceProfileArn": TAGGED}}
    statements = [
        {"Effect": "Allow", "Action": "bedrock:InvokeModel", "Resource": resource},
        {
            "Effect": "Allow",
            "Action": "bedrock:InvokeModel",
            "Resource": "arn:aws:bedrock:*::foundation-model/*",
            "Condition": through,
        },
    ]
    policy = json.dumps({"Version": "2012-10-17", "Statement": statements})
    keys = aws.assume(PROD, "ClaudeCodeFederated", Policy=policy)
    assert invoke(aws, keys, TAGGED) == code
    assert invoke(aws, keys, SONNET) == "AccessDeniedException"


def test_an_application_profile_of_another_account(aws: Aws) -> None:
    keys = aws.credentials("nadia.petrova@acme.example", SMALL, DEVELOPER)
    assert invoke(aws, keys, TAGGED) == "ValidationException"


def test_profile_arns_and_bare_models(aws: Aws) -> None:
    client = runtime(aws, "ana.nunez", DEVELOPER)
    arn = f"arn:aws:bedrock:eu-west-1:{PROD}:inference-profile/{SONNET}"
    assert client.invoke_model(modelId=arn, body=BODY)["ResponseMetadata"]["HTTPStatusCode"] == 200
    with pytest.raises(client.exceptions.ValidationException, match="on-demand throughput isn’t supported"):
        client.invoke_model(modelId="anthropic.claude-sonnet-4-6", body=BODY)
    for absent in ("claude-sonnet-4-6", "us.anthropic.claude-sonnet-4-6", arn.replace(PROD, LAB)):
        with pytest.raises(client.exceptions.ValidationException, match="identifier is invalid"):
            client.invoke_model(modelId=absent, body=BODY)


@pytest.mark.parametrize("body", ["{", "{}", "[]"])
def test_a_body_that_is_no_message(aws: Aws, body: str) -> None:
    client = runtime(aws, "ana.nunez", DEVELOPER)
    with pytest.raises(client.exceptions.ValidationException):
        client.invoke_model(modelId=SONNET, body=body)


def test_an_unknown_key(aws: Aws) -> None:
    keys = {
        "aws_access_key_id": "ASIA0000000000000000",
        "aws_secret_access_key": "x",
        "aws_session_token": "x",
    }
    with pytest.raises(ClientError, match="UnrecognizedClientException"):
        aws.client("bedrock-runtime", keys).invoke_model(modelId=SONNET, body=BODY)


def test_the_control_plane_asks_for_permission_too(aws: Aws) -> None:
    keys = aws.credentials("ana.nunez@acme.example", PROD, DEVELOPER)
    bedrock = aws.client("bedrock", keys)
    assert bedrock.list_inference_profiles()["inferenceProfileSummaries"]
    assert bedrock.get_inference_profile(inferenceProfileIdentifier=SONNET)["inferenceProfileId"] == SONNET
    with pytest.raises(ClientError, match="bedrock:ListFoundationModels"):
        bedrock.list_foundation_models()
