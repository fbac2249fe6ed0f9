"""The sandbox's AWS as tests meet it: its address, ways in as portal or person, and its control pages."""

from __future__ import annotations

import json
import urllib.error
import urllib.parse
import urllib.request
from dataclasses import dataclass
from typing import Any

import boto3
from botocore.config import Config

from sandbox.aws.names import role_name
from sandbox.company import Company

PROD, PAYMENTS, LAB, MANAGEMENT = "111122223333", "222233334444", "444455556666", "999988887777"
NO_RETENTION, SMALL = "555566667777", "666677778888"
SESSION = boto3.session.Session()  # one, so that it reads botocore's data once
DEVICE_GRANT = "urn:ietf:params:oauth:grant-type:device_code"


@dataclass(frozen=True)
class Aws:
    """The server's address, and the ways in that the tests share."""

    company: Company
    url: str

    def client(self, service: str, keys: dict[str, str] | None = None, region: str = "eu-west-1") -> Any:
        portal = self.company.portal
        own = {
            "aws_access_key_id": portal.access_key_id,
            "aws_secret_access_key": portal.secret_access_key,
        }
        config = Config(retries={"total_max_attempts": 1}, read_timeout=5, connect_timeout=2)
        place = {"region_name": region, "endpoint_url": self.url, "config": config}
        return SESSION.client(service, **place, **(keys or own))  # type: ignore[call-overload]  # any service

    def assume(
        self, account: str, role: str = "OnrampReadOnly", session: str = "portal", **arguments: str
    ) -> dict[str, str]:
        """Keys of a role that trusts the portal; `arguments` are AssumeRole's own."""
        found = self.client("sts").assume_role(
            RoleArn=f"arn:aws:iam::{account}:role/{role}",
            RoleSessionName=session,
            ExternalId=self.company.portal.external_id,
            **arguments,
        )["Credentials"]
        return {
            "aws_access_key_id": found["AccessKeyId"],
            "aws_secret_access_key": found["SecretAccessKey"],
            "aws_session_token": found["SessionToken"],
        }

    def portal(self, service: str, account: str = PROD, region: str = "eu-west-1") -> Any:
        role = "OnrampDirectory" if account == MANAGEMENT else "OnrampReadOnly"
        return self.client(service, self.assume(account, role), region)

    def user_keys(self, name: str, account: str = PROD) -> dict[str, str]:
        """A new access key of an IAM user."""
        key = self.portal("iam", account).create_access_key(UserName=name)["AccessKey"]
        return {"aws_access_key_id": key["AccessKeyId"], "aws_secret_access_key": key["SecretAccessKey"]}

    def call(self, method: str, path: str, body: object = None) -> Any:
        """A control endpoint: the JSON answer, or the status when it is an error or has no body."""
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.url + path, data=data, method=method)
        try:
            with urllib.request.urlopen(request, timeout=15) as response:
                text = response.read()
        except urllib.error.HTTPError as error:
            with error:
                return error.code
        return json.loads(text) if text else response.status

    def calls(self) -> dict[str, int]:
        """How often each operation was called, by `service.Operation`."""
        counts: dict[str, int] = self.call("GET", "/sandbox/calls")
        return counts

    def throttles(self) -> dict[str, int]:
        """How many of them were throttled, by `service.Operation`."""
        counts: dict[str, int] = self.call("GET", "/sandbox/throttles")
        return counts

    def forget_calls(self) -> None:
        self.call("DELETE", "/sandbox/calls")

    def fault(self, **fault: Any) -> None:
        """Replace the scripted faults by this one."""
        self.call("PUT", "/sandbox/faults", [fault])

    def rate(self, **rate: Any) -> None:
        """Replace the rates by this one."""
        self.call("PUT", "/sandbox/settings", {"rates": [rate]})

    def approve(self, user_code: str, email: str) -> int:
        data = urllib.parse.urlencode({"user_code": user_code, "email": email}).encode()
        try:
            with urllib.request.urlopen(f"{self.url}/sandbox/device", data=data, timeout=5) as response:
                return int(response.status)
        except urllib.error.HTTPError as error:
            with error:
                return error.code

    def sign_in(self, email: str) -> dict[str, Any]:
        """The device flow: the registration and the token."""
        oidc = self.client("sso-oidc")
        client = oidc.register_client(clientName="test", clientType="public")
        known = {"clientId": client["clientId"], "clientSecret": client["clientSecret"]}
        start_url = self.company.identity_center.start_url
        device = oidc.start_device_authorization(**known, startUrl=start_url)
        assert self.approve(device["userCode"], email) == 200
        token = oidc.create_token(**known, grantType=DEVICE_GRANT, deviceCode=device["deviceCode"])
        return {**client, **token}

    def credentials(self, email: str, account: str, permission_set: str) -> dict[str, str]:
        found = self.client("sso").get_role_credentials(
            roleName=permission_set, accountId=account, accessToken=self.sign_in(email)["accessToken"]
        )["roleCredentials"]
        return {
            "aws_access_key_id": found["accessKeyId"],
            "aws_secret_access_key": found["secretAccessKey"],
            "aws_session_token": found["sessionToken"],
        }

    def session_arn(self, permission_set: str, account: str = PROD) -> str:
        """Of a permission set's role as its sessions name it; the session's name comes after a slash."""
        return f"arn:aws:sts::{account}:assumed-role/{role_name(account, permission_set)}"

    def role_arn(self, permission_set: str, account: str = PROD) -> str:
        name = role_name(account, permission_set)
        return f"arn:aws:iam::{account}:role/aws-reserved/sso.amazonaws.com/eu-west-1/{name}"
