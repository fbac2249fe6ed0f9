"""Invoking models as the people of the scenario, through boto3's own parsers."""

from __future__ import annotations

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.sandbox_aws import LAB, PAYMENTS, PROD, Aws

BODY = json.dumps(
    {
        "anthropic_version": "bedrock-2023-05-31",
        "max_tokens": 1,
        "messages": [{"role": "user", "content": "."}],
    }
)
SONNET = "eu.anthropic.claude-sonnet-4-6"
DEVELOPER = "ClaudeCodeDeveloper"


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
]


@pytest.mark.parametrize(
    ("email", "permission_set", "account", "profile", "status", "code", "text"),
    PEOPLE,
    ids=[f"{row[0]}-{row[1]}" for row in PEOPLE],
)
def test_everybody_on_their_plans_profile(
    aws: Aws, email: str, permission_set: str, account: str, profile: str, status: int, code: str, text: str
) -> None:
    client = runtime(aws, email, permission_set, account)
    if status == 200:
        answer = json.loads(client.invoke_model(modelId=profile, body=BODY)["body"].read())
        assert answer["content"] == [{"type": "text", "text": f"Hello from the sandbox, {profile}."}]
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
