"""The AWS CLI (version 1, from PyPI) with what a bundle installed in ~/.aws/config."""

from __future__ import annotations

import json

import pytest

from onboarding.enums import CredentialMethod
from tests.conformance.machine import Machine
from tests.conformance.people import Bundles

pytestmark = pytest.mark.conformance

ANA = "ana.nunez@acme.example"
PROFILE = ("--profile", "claude-code-platform")
WITH_PROFILE = [method for method in CredentialMethod if method.has_profile]
KEY_ID = "AKIAIOSFODNN7EXAMPLE"
# How botocore names where a profile's credentials come from; None where what brings them cannot run here.
SOURCES = {
    CredentialMethod.IDENTITY_CENTER: "sso",
    CredentialMethod.BEDROCK_API_KEY: "sso",
    CredentialMethod.CREDENTIAL_PROCESS: "custom-process",
    CredentialMethod.ACCESS_KEYS: "shared-credentials-file",
    CredentialMethod.AWS_LOGIN: None,
    CredentialMethod.OWN: None,
}


def run(machine: Machine, aws_cli: tuple[str, ...], *command: str) -> str:
    done = machine.run(*aws_cli, *command, *PROFILE)
    assert done.returncode == 0, done.stderr
    return done.stdout


def listed(machine: Machine, aws_cli: tuple[str, ...]) -> dict[str, list[str]]:
    """`aws configure list`: where each value of the profile comes from. `list-profiles` is of version 2."""
    rows = run(machine, aws_cli, "configure", "list").splitlines()
    return {row.split()[0]: row.split()[1:] for row in rows if row.split()}


@pytest.mark.parametrize("method", WITH_PROFILE)
def test_it_resolves_the_profile(
    method: CredentialMethod, machine: Machine, aws_cli: tuple[str, ...], bundles: Bundles
) -> None:
    helper = {"credential_helper": "acme-sts"} if method.has_helper else {}
    machine.install(bundles.of(ANA, credential_method=method, **helper))
    if method.signs_in:
        machine.sign_in(ANA)
    if method == CredentialMethod.ACCESS_KEYS:
        # In the form that test_credentials.py sees `aws configure` write.
        (machine.home / ".aws" / "credentials").write_text(
            f"[{PROFILE[1]}]\naws_access_key_id = {KEY_ID}\naws_secret_access_key = wJalrXUtnFEMI\n"
        )
    keys = {"Version": 1, "AccessKeyId": KEY_ID, "SecretAccessKey": "wJalrXUtnFEMI"}
    machine.put_program("acme-sts", f"echo '{json.dumps(keys)}'")

    rows = listed(machine, aws_cli)

    source = SOURCES[method]
    assert rows["profile"][0] == PROFILE[1]
    assert rows["region"] == ["eu-west-1", "config-file", "~/.aws/config"]
    assert rows["access_key"][1:] == ([source] if source else ["set>", "None", "None"])


def test_the_profile_is_the_role_that_was_verified(
    machine: Machine, aws_cli: tuple[str, ...], bundles: Bundles
) -> None:
    machine.install(bundles.of(ANA))
    machine.sign_in(ANA)

    arn = run(machine, aws_cli, "sts", "get-caller-identity", "--query", "Arn", "--output", "text").strip()

    assert arn == f"{machine.aws.session_arn('ClaudeCodeDeveloper')}/{ANA}"
