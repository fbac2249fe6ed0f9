"""Signing a machine in: the device flow, PKCE, botocore's own SSO provider and the installed AWS CLI."""

from __future__ import annotations

import base64
import hashlib
import json
import os
import subprocess
import sys
import urllib.parse
import urllib.request
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.sandbox_aws import DEVICE_GRANT, LAB, PROD, Aws

ANA = "ana.nunez@acme.example"


def register(aws: Aws) -> tuple[Any, dict[str, str]]:
    oidc = aws.client("sso-oidc")
    client = oidc.register_client(clientName="test", clientType="public")
    return oidc, {"clientId": client["clientId"], "clientSecret": client["clientSecret"]}


def test_a_device_waits_for_its_person(aws: Aws) -> None:
    oidc, known = register(aws)
    device = oidc.start_device_authorization(**known, startUrl=aws.company.identity_center.start_url)
    ask = {**known, "grantType": DEVICE_GRANT, "deviceCode": device["deviceCode"]}
    with pytest.raises(oidc.exceptions.AuthorizationPendingException):
        oidc.create_token(**ask)
    with urllib.request.urlopen(device["verificationUriComplete"], timeout=5) as page:
        assert device["userCode"] in page.read().decode()
    assert aws.approve(device["userCode"], "inma.soler@acme.example") == 403  # not in the directory
    assert aws.approve(device["userCode"], "greta.holm@acme.example") == 403  # disabled
    assert aws.approve("WRONG", ANA) == 403
    assert aws.approve(device["userCode"], ANA) == 200
    assert oidc.create_token(**ask)["tokenType"] == "Bearer"
    with pytest.raises(oidc.exceptions.InvalidGrantException):  # a code works once
        oidc.create_token(**ask)


def test_clients_and_start_urls_are_checked(aws: Aws) -> None:
    oidc, known = register(aws)
    with pytest.raises(oidc.exceptions.InvalidRequestException):
        oidc.start_device_authorization(**known, startUrl="https://elsewhere.example/start")
    with pytest.raises(oidc.exceptions.InvalidClientException):
        oidc.create_token(clientId="x", clientSecret="x", grantType="refresh_token", refreshToken="x")
    with pytest.raises(oidc.exceptions.UnsupportedGrantTypeException):
        oidc.create_token(**known, grantType="password")


def test_a_refresh_token_works_once(aws: Aws) -> None:
    token = aws.sign_in(ANA)
    oidc = aws.client("sso-oidc")
    ask = {name: token[name] for name in ("clientId", "clientSecret", "refreshToken")}
    assert oidc.create_token(**ask, grantType="refresh_token")["accessToken"] != token["accessToken"]
    with pytest.raises(oidc.exceptions.InvalidGrantException):
        oidc.create_token(**ask, grantType="refresh_token")


class _Stay(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *args: Any) -> None:
        """Do not follow: nobody listens there."""


def test_pkce(aws: Aws) -> None:
    """What `aws sso login` of the AWS CLI 2 does without --use-device-code."""
    oidc, known = register(aws)
    verifier, callback = "v" * 43, "http://127.0.0.1:9/oauth/callback"
    challenge = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()
    query = {
        "response_type": "code",
        "client_id": known["clientId"],
        "redirect_uri": callback,
        "state": "s",
        "code_challenge_method": "S256",
        "scopes": "sso:account:access",
        "code_challenge": challenge,
    }
    form = urllib.parse.urlencode({"email": ANA}).encode()
    address = f"{aws.url}/authorize?{urllib.parse.urlencode(query)}"
    with pytest.raises(urllib.error.HTTPError) as caught:
        urllib.request.build_opener(_Stay).open(address, data=form, timeout=5)
    with caught.value as answer:
        target = urllib.parse.urlsplit(answer.headers["Location"])
    back = dict(urllib.parse.parse_qsl(target.query))
    assert (answer.code, target.path, back["state"]) == (302, "/oauth/callback", "s")
    ask = {**known, "grantType": "authorization_code", "code": back["code"], "redirectUri": callback}
    assert oidc.create_token(**ask, codeVerifier=verifier)["accessToken"]
    with pytest.raises(oidc.exceptions.InvalidGrantException):
        oidc.create_token(**ask, codeVerifier=verifier)


def test_accounts_and_roles_of_a_person(aws: Aws) -> None:
    sso, token = aws.client("sso"), aws.sign_in("oscar.benitez@acme.example")["accessToken"]
    assert [row["accountId"] for row in sso.list_accounts(accessToken=token)["accountList"]] == [PROD]
    roles = sso.list_account_roles(accessToken=token, accountId=PROD)["roleList"]
    assert [row["roleName"] for row in roles] == ["ClaudeCodeDeveloper", "ClaudeCodeReadOnly"]
    sso.logout(accessToken=token)
    with pytest.raises(sso.exceptions.UnauthorizedException):
        sso.list_accounts(accessToken=token)


@pytest.mark.parametrize(
    ("email", "account", "name"),
    [
        (ANA, PROD, "ClaudeCodeReadOnly"),
        (ANA, LAB, "ClaudeCodeDeveloper"),
        ("jon.etxeberria@acme.example", PROD, "ClaudeCodeDeveloper"),
        (ANA, PROD, "Absent"),
    ],
)
def test_no_assignment_no_credentials(aws: Aws, email: str, account: str, name: str) -> None:
    with pytest.raises(ClientError, match=r"ForbiddenException.*No access"):
        aws.credentials(email, account, name)


def test_the_session_is_named_after_the_directory_user(aws: Aws) -> None:
    keys = aws.credentials("Iris.Vega@Acme.example", PROD, "ClaudeCodeDeveloper")
    role = aws.role_arn("ClaudeCodeDeveloper").rpartition("/")[2]
    identity = aws.client("sts", keys).get_caller_identity()
    assert identity["Arn"] == f"arn:aws:sts::{PROD}:assumed-role/{role}/iris.vega@acme.example"


def home(aws: Aws, directory: Path) -> dict[str, str]:
    """A home directory where `aws sso login` has just run, and the environment to use it."""
    token = aws.sign_in(ANA)
    cache = directory / ".aws" / "sso" / "cache"
    cache.mkdir(parents=True)
    (directory / ".aws" / "config").write_text(
        f"""[profile claude]
sso_session = acme
sso_account_id = {PROD}
sso_role_name = ClaudeCodeDeveloper
region = eu-west-1

[sso-session acme]
sso_start_url = {aws.company.identity_center.start_url}
sso_region = eu-west-1
sso_registration_scopes = sso:account:access
"""
    )
    cached = {"accessToken": token["accessToken"], "expiresAt": "2099-01-01T00:00:00Z"}
    (cache / f"{hashlib.sha1(b'acme').hexdigest()}.json").write_text(json.dumps(cached))  # noqa: S324 -- the AWS CLI's own naming
    clean = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    return {
        **clean,
        "HOME": str(directory),
        "AWS_CONFIG_FILE": str(directory / ".aws" / "config"),
        "AWS_SHARED_CREDENTIALS_FILE": str(directory / ".aws" / "credentials"),
        "AWS_ENDPOINT_URL": aws.url,
        "AWS_PROFILE": "claude",
        "AWS_EC2_METADATA_DISABLED": "true",
    }


ASK = "import boto3; print(boto3.client('sts').get_caller_identity()['Arn'])"


def test_botocores_sso_provider(aws: Aws, tmp_path: Path) -> None:
    """In a process of its own: botocore reads HOME when it is imported."""
    done = subprocess.run(
        [sys.executable, "-c", ASK],
        env=home(aws, tmp_path),
        capture_output=True,
        text=True,
        timeout=30,
        check=True,
    )
    assert done.stdout.strip().endswith(f"/{ANA}")


def test_the_aws_cli_uses_the_profile(aws: Aws, tmp_path: Path) -> None:
    """Version 1, which is installed, has no `aws sso login`; it uses the profile all the same."""
    cli = Path(sys.executable).with_name("aws")
    if not cli.exists():
        pytest.skip("no AWS CLI is installed")
    command = [str(cli), "sts", "get-caller-identity", "--query", "Arn", "--output", "text"]
    done = subprocess.run(command, env=home(aws, tmp_path), capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout.strip().endswith(f"/{ANA}")
