"""bedrock-key.sh: the key is the one that AWS's own code would make, and nobody but the shell gets to see anything."""

from __future__ import annotations

import base64
import datetime as dt
import json
import re
import shutil
import subprocess
from typing import Any
from unittest import mock
from urllib.parse import parse_qs

import pytest
from botocore.auth import SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from tests.unit.bundles.doctor.conftest import NewMachine
from tests.unit.bundles.doctor.machine import READERS, SHELLS, Machine

SECRET = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"
TOKEN = "IQoJb3JpZ2luX2VjEB4/+token=="
CREDENTIALS: dict[str, Any] = {
    "Version": 1,
    "AccessKeyId": "ASIAIOSFODNN7EXAMPLE",
    "SecretAccessKey": SECRET,
    "SessionToken": TOKEN,
    "Expiration": "2030-01-01T00:00:00+00:00",
}
EXPORT = "configure export-credentials --format process"


@pytest.fixture
def machine(new_machine: NewMachine) -> Machine:
    machine = new_machine("sh")
    machine.says("aws", EXPORT, json.dumps(CREDENTIALS))
    return machine


def key_of(line: str) -> str:
    found = re.fullmatch(r"export AWS_BEARER_TOKEN_BEDROCK='(bedrock-api-key-[A-Za-z0-9+/=]+)'\n", line)
    assert found is not None
    return found[1]


def query_of(key: str) -> dict[str, str]:
    address = base64.b64decode(key.removeprefix("bedrock-api-key-"), validate=True).decode()
    host, query = address.split("/?")
    assert host == "bedrock.amazonaws.com"
    return {name: values[0] for name, values in parse_qs(query, strict_parsing=True).items()}


def as_aws_makes_it(credentials: dict[str, Any], *, region: str, hours: int, date: str) -> str:
    """The key of the same second, by the steps of aws-bedrock-token-generator 1.1.0 and botocore's signature."""
    request = AWSRequest(
        method="POST",
        url="https://bedrock.amazonaws.com/",
        headers={"host": "bedrock.amazonaws.com"},
        params={"Action": "CallWithBearerToken"},
    )
    keys = Credentials(credentials["AccessKeyId"], SECRET, credentials.get("SessionToken"))
    now = dt.datetime.strptime(date, "%Y%m%dT%H%M%SZ")
    with mock.patch("botocore.auth.get_current_datetime", return_value=now):
        SigV4QueryAuth(keys, "bedrock", region, expires=hours * 3600).add_auth(request)
    address = str(request.url).removeprefix("https://") + "&Version=1"
    return "bedrock-api-key-" + base64.b64encode(address.encode()).decode()


@pytest.mark.parametrize("shell", SHELLS)
def test_it_is_the_key_that_aws_would_make(new_machine: NewMachine, shell: str) -> None:
    machine = new_machine(shell)
    machine.says("aws", f"{EXPORT} --profile claude-code-platform", json.dumps(CREDENTIALS))
    said = machine.run("bedrock-key.sh")
    assert said.status == 0
    key = key_of(said.stdout)
    query = query_of(key)
    assert query["X-Amz-Expires"] == "43200"
    assert query["Version"] == "1"
    assert key == as_aws_makes_it(CREDENTIALS, region="eu-west-1", hours=12, date=query["X-Amz-Date"])
    assert said.stderr.startswith("A Bedrock API key for the Region eu-west-1 was made.")
    assert key not in said.stderr


@pytest.mark.parametrize("reader", READERS)
def test_keys_without_a_session_and_other_hours(machine: Machine, reader: str) -> None:
    machine.environment["ONRAMP_JSON_READER"] = reader
    machine.configure(aws_profile="", region="us-gov-west-1")
    keys = {"AccessKeyId": "AKIAIOSFODNN7EXAMPLE", "SecretAccessKey": SECRET}
    machine.says("aws", EXPORT, json.dumps(keys | {"Version": 1}))
    key = key_of(machine.run("bedrock-key.sh", "--hours", "1").stdout)
    query = query_of(key)
    assert "X-Amz-Security-Token" not in query
    assert key == as_aws_makes_it(keys, region="us-gov-west-1", hours=1, date=query["X-Amz-Date"])


def test_a_shell_that_evaluates_it_has_the_key(machine: Machine) -> None:
    script = f'eval "$(sh "{machine.bundle}/bedrock-key.sh" 2>/dev/null)"; env'.replace("$(touch", "\\$(touch")
    said = subprocess.run(["sh", "-c", script], env=machine.whole_environment, capture_output=True, check=True)
    assert b"\nAWS_BEARER_TOKEN_BEDROCK=bedrock-api-key-" in said.stdout
    assert SECRET.encode() not in said.stdout


def test_fish_has_the_key_too(machine: Machine) -> None:
    line = machine.run("bedrock-key.sh", "--shell", "fish").stdout
    assert line.startswith("set -gx AWS_BEARER_TOKEN_BEDROCK 'bedrock-api-key-")
    fish = shutil.which("fish")
    if fish is None:
        pytest.skip("fish is not installed here")
    said = subprocess.run(
        [fish, "--no-config", "-c", "source; env"],
        input=line.encode(),
        env=machine.whole_environment,
        capture_output=True,
        check=True,
    )
    assert b"AWS_BEARER_TOKEN_BEDROCK=bedrock-api-key-" in said.stdout


def test_credentials_are_in_no_argument_no_environment_and_no_file(machine: Machine) -> None:
    python = (machine.tools / "python3").resolve()
    machine.lacks("python3")
    machine.program("python3", f'{{ printf "%s\\n" "$@"; env; }} >>"{machine.root}/seen"; exec "{python}" "$@"')
    before = {path for path in machine.root.rglob("*") if path.is_file()}
    key = key_of(machine.run("bedrock-key.sh").stdout)
    after = {path for path in machine.root.rglob("*") if path.is_file()}
    assert after - before == {machine.root / "seen"}
    seen = (machine.root / "seen").read_text()
    for secret in (SECRET, TOKEN, key, CREDENTIALS["AccessKeyId"]):
        assert str(secret) not in seen


@pytest.mark.parametrize("login", ["aws sso login --profile x", ""])
@pytest.mark.parametrize(
    ("out", "status"),
    [("", 255), ("{}", 0), ("[]", 0), ("no JSON, but " + SECRET, 0), ('{"AccessKeyId": 1, "SecretAccessKey": 2}', 0)],
)
def test_without_credentials_there_is_no_key(machine: Machine, login: str, out: str, status: int) -> None:
    machine.configure(login_command=login)
    machine.says("aws", EXPORT, out, error="aws: why not\n", status=status)
    said = machine.run("bedrock-key.sh")
    assert (said.status, said.stdout) == (1, "")
    expected = ["aws: why not", "The AWS CLI gave no credentials, so no key was made."]
    assert said.stderr.splitlines() == expected + ([f"Run `{login}`, then this again."] if login else [])


def test_without_python_it_names_the_other_way(machine: Machine) -> None:
    machine.lacks("python3")
    said = machine.run("bedrock-key.sh")
    assert (said.status, said.stdout) == (1, "")
    assert "Amazon Bedrock console under API keys, in the Region eu-west-1" in said.stderr


def test_without_the_aws_cli(machine: Machine) -> None:
    (machine.bin / "aws").unlink()
    said = machine.run("bedrock-key.sh")
    assert (said.status, said.stdout) == (1, "")
    assert said.stderr.startswith("The AWS CLI is not installed")


@pytest.mark.parametrize(
    "arguments",
    [("--hours", "13"), ("--hours", "0"), ("--hours", "1.5"), ("--hours",), ("--shell", "csh"), ("x",), ("--help",)],
)
def test_it_explains_its_use(machine: Machine, arguments: tuple[str, ...]) -> None:
    said = machine.run("bedrock-key.sh", *arguments)
    assert (said.status, said.stdout) == (3, "")
    assert said.stderr.startswith('Usage: eval "$(sh bedrock-key.sh)"')


@pytest.mark.parametrize("name", ["words.txt", "onramp.json", "json.sh"])
def test_a_bundle_that_is_not_whole(machine: Machine, name: str) -> None:
    (machine.bundle / name).unlink()
    said = machine.run("bedrock-key.sh")
    assert (said.status, said.stdout) == (3, "")
    assert said.stderr.startswith(f"{name} could not be read.")


def test_without_a_json_reader(machine: Machine) -> None:
    machine.environment["ONRAMP_JSON_READER"] = "none"
    assert machine.run("bedrock-key.sh").status == 4
