"""bedrock-key.ps1, on the model of PowerShell in interpreter.py, against the signature of AWS's own library."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import pytest
import time_machine
from botocore.auth import SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from tests.unit.bundles.windows.home import Home
from tests.unit.bundles.windows.interpreter import Machine
from tests.unit.bundles.windows.values import Record

AWS = "C:/Program Files/Amazon/AWSCLIV2/aws.exe"
KEYS = {
    "Version": 1,
    "AccessKeyId": "ASIAEXAMPLE",
    "SecretAccessKey": "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY",
    "SessionToken": "FwoGZXIvYXdzE/==+a b~-_.",
}


def minted(home: Home, credentials: Any, *arguments: str, programs: tuple[str, ...] = (AWS,)) -> Machine:
    made = home.machine()
    made.asked: list[Any] = []  # type: ignore[misc, attr-defined]

    def aws(machine: Machine, given: list[Any], named: dict[str, Any], piped: list[Any]) -> list[Any]:
        made.asked.append(given[0])  # type: ignore[attr-defined]
        return json.dumps(credentials, indent=2).splitlines() if credentials else []

    made.commands["get-command"] = lambda *_: [Record(Definition=path) for path in programs]
    made.commands[AWS.lower()] = aws
    ended = home.run("bedrock-key.ps1", *arguments, on=made)
    # Dot-sourced: it neither ends the session nor leaves anything in it.
    assert (ended.code, ended.left, ended.said) == (None, [], [])
    assert set(made.top.variables) == {"erroractionpreference", "psscriptroot", "args"}
    return made


def expected(credentials: dict[str, Any], hours: int) -> str:
    keys = Credentials(credentials["AccessKeyId"], credentials["SecretAccessKey"], credentials.get("SessionToken"))
    request = AWSRequest(
        method="POST",
        url="https://bedrock.amazonaws.com/",
        headers={"host": "bedrock.amazonaws.com"},
        params={"Action": "CallWithBearerToken"},
    )
    SigV4QueryAuth(keys, "bedrock", "eu-west-1", expires=hours * 3600).add_auth(request)
    assert request.url is not None
    signed = request.url.removeprefix("https://") + "&Version=1"
    return "bedrock-api-key-" + base64.b64encode(signed.encode()).decode()


@pytest.mark.parametrize(("arguments", "hours"), [((), 12), (("--hours", "1"), 1), (("--hours", "12"), 12)])
@pytest.mark.parametrize("token", [True, False])
def test_the_key_is_the_one_of_awss_library(
    tmp_path: Path, arguments: tuple[str, ...], hours: int, token: bool
) -> None:
    credentials = KEYS if token else {name: value for name, value in KEYS.items() if name != "SessionToken"}
    with time_machine.travel("2026-11-25T09:08:07Z", tick=False):
        made = minted(Home(tmp_path / "x"), credentials, *arguments)
        wanted = expected(credentials, hours)
    assert decoded(made.environment["AWS_BEARER_TOKEN_BEDROCK"]) == decoded(wanted)
    assert made.complained == [f"bedrock-key.made(eu-west-1|{hours})"]
    assert made.asked == [  # type: ignore[attr-defined]
        ["configure", "export-credentials", "--format", "process", "--profile", "platform"]
    ]


def decoded(key: str) -> list[str]:
    """Its parts; their order is no part of what is signed."""
    assert key.startswith("bedrock-api-key-")
    text = base64.b64decode(key.removeprefix("bedrock-api-key-")).decode()
    return sorted(text.removeprefix("bedrock.amazonaws.com/?").split("&"))


@pytest.mark.parametrize(
    ("credentials", "arguments", "programs", "complained"),
    [
        (KEYS, ("--hours", "13"), (AWS,), ["usage(|)"]),
        (KEYS, ("--hours",), (AWS,), ["usage(|)"]),
        (KEYS, (), (), ["no-cli(|)"]),
        (KEYS, (), ("C:/npm/aws",), ["no-cli(|)"]),
        (None, (), (AWS,), ["no-credentials(|)", "sign-in(aws sso login --profile platform|)"]),
        ({"AccessKeyId": "x"}, (), (AWS,), ["no-credentials(|)", "sign-in(aws sso login --profile platform|)"]),
    ],
)
def test_without_a_key_the_window_stays_as_it_was(
    tmp_path: Path, credentials: Any, arguments: tuple[str, ...], programs: tuple[str, ...], complained: list[str]
) -> None:
    made = minted(Home(tmp_path / "x"), credentials, *arguments, programs=programs)
    assert made.complained == [f"bedrock-key.{line}" for line in complained]
    assert "AWS_BEARER_TOKEN_BEDROCK" not in made.environment


def test_a_bundle_with_a_file_missing(tmp_path: Path) -> None:
    home = Home(tmp_path / "x")
    (home.bundle / "onramp.json").unlink()
    assert minted(home, KEYS).complained[0].startswith("onramp.json could not be read.")
