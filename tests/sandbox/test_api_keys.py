"""Bedrock API keys, made as AWS's own library makes them, and sent by hand: boto3 sends them over TLS only."""

from __future__ import annotations

import base64
import datetime as dt
import json
import urllib.error
import urllib.request

import pytest
import time_machine
from botocore.auth import SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from sandbox.aws.seed import INLINE_POLICY
from tests.sandbox_aws import PROD, Aws

BODY = json.dumps({"anthropic_version": "bedrock-2023-05-31", "max_tokens": 1, "messages": []})
SONNET = "eu.anthropic.claude-sonnet-4-6"
KENJI = "kenji.mori@acme.example"
INVALID = "Authentication failed: Please make sure your API Key is valid."
EXPIRED = "Bearer Token has expired"


def api_key(keys: dict[str, str], region: str = "eu-west-1", hours: int = 12) -> str:
    """By the steps of aws-bedrock-token-generator 1.1.0."""
    request = AWSRequest(
        method="POST",
        url="https://bedrock.amazonaws.com/",
        headers={"host": "bedrock.amazonaws.com"},
        params={"Action": "CallWithBearerToken"},
    )
    token = keys.get("aws_session_token")
    credentials = Credentials(keys["aws_access_key_id"], keys["aws_secret_access_key"], token)
    SigV4QueryAuth(credentials, "bedrock", region, expires=hours * 3600).add_auth(request)
    address = str(request.url).removeprefix("https://") + "&Version=1"
    return "bedrock-api-key-" + base64.b64encode(address.encode()).decode()


def call(aws: Aws, key: str, path: str, body: str | None = None, host: str = "") -> str:
    """ "" when it is answered, or the error's message."""
    headers = {"Authorization": f"Bearer {key}", **({"Host": host} if host else {})}
    request = urllib.request.Request(aws.url + path, data=body.encode() if body else None, headers=headers)
    try:
        with urllib.request.urlopen(request, timeout=5):
            return ""
    except urllib.error.HTTPError as error:
        with error:
            return str(json.loads(error.read())["message"]) if error.code == 403 else f"status {error.code}"


def invoke(aws: Aws, key: str, model_id: str = SONNET, host: str = "") -> str:
    return call(aws, key, f"/model/{model_id}/invoke", BODY, host)


@pytest.fixture
def kenji(aws: Aws) -> dict[str, str]:
    """The credentials of a session whose role may do everything with Bedrock."""
    allow(aws, {"Effect": "Allow", "Action": "bedrock:*", "Resource": "*"})
    return aws.assume(PROD, "ClaudeCodeFederated", session=KENJI)


def allow(aws: Aws, *statements: dict[str, object]) -> None:
    """Give ClaudeCodeFederated this policy in place of its own."""
    document = json.dumps({"Version": "2012-10-17", "Statement": statements})
    aws.portal("iam").put_role_policy(
        RoleName="ClaudeCodeFederated", PolicyName=INLINE_POLICY, PolicyDocument=document
    )


def test_it_stands_for_the_session_it_was_made_of(aws: Aws, kenji: dict[str, str]) -> None:
    assert invoke(aws, api_key(kenji)) == ""
    seen = aws.call("GET", "/sandbox/invocations")[-1]
    assert seen["principal"] == f"arn:aws:sts::{PROD}:assumed-role/ClaudeCodeFederated/{KENJI}"
    assert (seen["region"], seen["traits"]["authentication"]) == ("eu-west-1", "api-key")


def test_the_control_plane_takes_it_too(aws: Aws, kenji: dict[str, str]) -> None:
    key = api_key(kenji)
    assert call(aws, key, "/inference-profiles") == ""
    assert call(aws, key, f"/inference-profiles/{SONNET}") == ""


def test_a_users_key(aws: Aws) -> None:
    """Of keys without a session; the policy of this user does not allow it."""
    said = invoke(aws, api_key(aws.user_keys("svc-sven")))
    assert f"arn:aws:iam::{PROD}:user/svc-sven is not authorized to perform: bedrock:CallWithBearerToken" in said


def test_what_a_key_may_do_is_what_its_owner_may(aws: Aws, kenji: dict[str, str]) -> None:
    key = api_key(kenji)
    with_key: dict[str, object] = {"Effect": "Allow", "Action": "bedrock:CallWithBearerToken", "Resource": "*"}
    long_term = {"StringEquals": {"bedrock:BearerTokenType": "LONG_TERM"}}
    invoke_model: dict[str, object] = {"Effect": "Allow", "Action": "bedrock:InvokeModel", "Resource": "*"}

    allow(aws, invoke_model)
    assert "bedrock:CallWithBearerToken on resource: * because no identity-based policy" in invoke(aws, key)
    allow(aws, with_key)
    assert "bedrock:InvokeModel on resource" in invoke(aws, key)
    allow(aws, with_key, invoke_model, {**with_key, "Effect": "Deny", "Condition": long_term})
    assert invoke(aws, key) == ""


@pytest.mark.parametrize(
    ("region", "host", "model_id", "said"),
    [
        ("eu-west-1", "bedrock-runtime.eu-west-1.amazonaws.com", SONNET, ""),
        ("ap-northeast-1", "bedrock-runtime.ap-northeast-1.amazonaws.com", "jp.anthropic.claude-sonnet-4-6", ""),
        ("ap-northeast-1", "", SONNET, INVALID),
        ("eu-west-1", "bedrock-runtime.ap-northeast-1.amazonaws.com", SONNET, INVALID),
    ],
)
def test_it_is_good_in_its_own_region_only(
    aws: Aws, kenji: dict[str, str], region: str, host: str, model_id: str, said: str
) -> None:
    assert invoke(aws, api_key(kenji, region), model_id, host) == said


def test_it_ends_when_it_says_and_with_its_session(aws: Aws, kenji: dict[str, str]) -> None:
    with time_machine.travel(dt.datetime.now(dt.UTC) - dt.timedelta(hours=2), tick=True):
        over, still_good = api_key(kenji, hours=1), api_key(kenji, hours=12)
    with time_machine.travel(dt.datetime.now(dt.UTC) + dt.timedelta(hours=1), tick=True):
        too_early = api_key(kenji)
    assert [invoke(aws, key) for key in (over, still_good, too_early)] == [EXPIRED, "", EXPIRED]
    with time_machine.travel(dt.datetime.now(dt.UTC) + dt.timedelta(hours=2), tick=True):  # sessions have one hour
        assert invoke(aws, still_good) == EXPIRED


def changed(key: str, before: str, after: str) -> str:
    address = base64.b64decode(key.removeprefix("bedrock-api-key-")).decode()
    assert before in address
    return "bedrock-api-key-" + base64.b64encode(address.replace(before, after).encode()).decode()


def test_a_key_that_is_none(aws: Aws, kenji: dict[str, str]) -> None:
    key, foreign = api_key(kenji), {**kenji, "aws_access_key_id": "ASIA0000000000000000"}
    wrong = [
        "ABSKQmVkcm9ja0FQSUtleQ==",  # of the kind that lasts
        "bedrock-api-key-?",
        "bedrock-api-key-" + base64.b64encode(b"bedrock.amazonaws.com/?Action").decode(),
        key.removeprefix("bedrock-api-key-"),
        changed(key, "X-Amz-Expires=43200", "X-Amz-Expires=43201"),
        changed(key, "X-Amz-Expires=43200", "X-Amz-Expires=3600"),  # not what was signed
        changed(key, "CallWithBearerToken", "InvokeModel"),
        changed(key, "bedrock%2Faws4_request", "s3%2Faws4_request"),
        changed(key, "&Version=1", ""),
        api_key({**kenji, "aws_secret_access_key": "x"}),
        api_key({**kenji, "aws_session_token": "x"}),
        api_key(foreign),
    ]
    assert [invoke(aws, each) for each in wrong] == [INVALID] * len(wrong)
    assert aws.call("GET", "/sandbox/invocations") == []
