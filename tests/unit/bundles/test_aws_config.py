"""The part of ~/.aws/config, read by botocore itself."""

from __future__ import annotations

import configparser
import shlex
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path

import botocore.session
import pytest
from botocore.compat import compat_shell_split
from hypothesis import given
from hypothesis import strategies as st

from onboarding.bundles import credentials
from onboarding.bundles.aws_config import aws_config, headings, markers
from onboarding.bundles.inputs import BundleInputs, IdentityCenterSession, UnsafeValue
from onboarding.enums import CredentialMethod, Platform
from tests.unit.bundles.examples import (
    EXAMPLE,
    HELPER,
    HOSTILE,
    SESSION,
    SIGN_IN,
    bundle_inputs,
    hostile_text,
    with_method,
)


def signing_in(session: IdentityCenterSession) -> BundleInputs:
    return bundle_inputs(credentials=replace(SIGN_IN, session=session))


def test_botocore_resolves_the_profile(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    config = tmp_path / "config"
    config.write_bytes(b"[profile payments]\nregion = eu-central-1\n\n" + aws_config(EXAMPLE))
    monkeypatch.setenv("AWS_CONFIG_FILE", str(config))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))
    for name in (
        "AWS_ACCESS_KEY_ID",
        "AWS_SECRET_ACCESS_KEY",
        "AWS_SESSION_TOKEN",
        "AWS_PROFILE",
        "AWS_REGION",
    ):
        monkeypatch.delenv(name, raising=False)
    session = botocore.session.Session(profile=EXAMPLE.aws_profile)
    assert session.get_scoped_config() == {
        "sso_session": "claude-code-platform",
        "sso_account_id": "111122223333",
        "sso_role_name": "ClaudeCodeDeveloper",
        "region": "eu-west-1",
    }
    assert session.full_config["sso_sessions"]["claude-code-platform"] == {
        "sso_start_url": "https://acme.awsapps.com/start/#",
        "sso_region": "eu-central-1",
        "sso_registration_scopes": "sso:account:access",
    }
    assert session.full_config["profiles"]["payments"] == {"region": "eu-central-1"}
    credentials = session.get_credentials()
    assert credentials is not None
    assert credentials.method == "sso"


def test_markers_fence_it() -> None:
    lines = aws_config(EXAMPLE).decode().splitlines()
    assert (lines[0], lines[-1]) == markers(EXAMPLE.aws_profile)
    assert all(heading in lines for heading in headings(EXAMPLE))


FIELDS = ("start_url", "region", "role_name")


@given(field=st.sampled_from(FIELDS), value=hostile_text)
def test_it_reads_back_exactly_or_is_refused(field: str, value: str) -> None:
    session = replace(SESSION, **{field: value})
    try:
        text = aws_config(signing_in(session)).decode()
    except UnsafeValue as error:
        assert error.field == f"session.{field}"  # noqa: PT017 -- refusing is one of two right answers
        return
    parser = configparser.RawConfigParser(default_section="")
    parser.read_string(text)
    assert parser.sections() == ["sso-session claude-code-platform", "profile claude-code-platform"]
    assert dict(parser["sso-session claude-code-platform"]) == {
        "sso_start_url": session.start_url,
        "sso_region": session.region,
        "sso_registration_scopes": "sso:account:access",
    }
    assert parser["profile claude-code-platform"]["sso_role_name"] == session.role_name


@pytest.mark.parametrize("value", [text for text in HOSTILE if text not in ("--help", "=touch")])
def test_hostile_permission_sets_are_refused(value: str) -> None:
    with pytest.raises(UnsafeValue, match=r"session\.role_name"):
        aws_config(signing_in(replace(SESSION, role_name=value)))


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("account_id", "11112222333"),
        ("account_id", "11112222333\u0664"),
        ("region", "eu-west-1\n"),
        ("region", "us east 1"),
        ("aws_profile", "-x"),
        ("aws_profile", "default]"),
    ],
)
def test_the_error_names_the_field_and_not_the_value(field: str, value: str) -> None:
    with pytest.raises(UnsafeValue) as caught:
        aws_config(bundle_inputs(**{field: value}))
    assert caught.value.field == field
    assert value not in str(caught.value)


@pytest.mark.parametrize("method", [CredentialMethod.OWN, CredentialMethod.ACCESS_KEYS, CredentialMethod.AWS_LOGIN])
def test_where_another_tool_brings_credentials_there_is_a_profile_and_nothing_else(method: CredentialMethod) -> None:
    assert sections(with_method(method)) == {"profile claude-code-platform": {"region": "eu-west-1"}}


@pytest.mark.parametrize("method", [CredentialMethod.ENVIRONMENT_KEYS, CredentialMethod.CREDENTIAL_EXPORT])
def test_where_credentials_come_without_a_profile_there_is_nothing(method: CredentialMethod) -> None:
    assert aws_config(with_method(method)) == b""


@pytest.mark.parametrize(
    ("platform", "expected"),
    [
        (Platform.LINUX, ["timeout", "10", *HELPER.split()]),
        (Platform.MACOS, ["perl", "-e", "alarm shift; exec @ARGV", "10", *HELPER.split()]),
        (
            Platform.WINDOWS,
            [
                "powershell",
                "-NoProfile",
                "-NonInteractive",
                "-Command",
                f"Start-Job {{{HELPER}}} | Wait-Job -Timeout 10 | Receive-Job",
            ],
        ),
    ],
)
def test_a_helper_is_run_with_a_limit_of_time(platform: Platform, expected: list[str]) -> None:
    """As botocore takes the command apart, on each platform."""
    inputs = with_method(CredentialMethod.CREDENTIAL_PROCESS, platform=platform)
    command = sections(inputs)["profile claude-code-platform"]["credential_process"]
    assert compat_shell_split(command, "win32" if platform == Platform.WINDOWS else "linux") == expected


@pytest.mark.parametrize("platform", [Platform.LINUX, Platform.MACOS])
def test_the_limit_ends_a_helper_that_hangs(platform: Platform, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(credentials, "HELPER_SECONDS", 1)
    hanging = with_method(CredentialMethod.CREDENTIAL_PROCESS, platform=platform)
    hanging = replace(hanging, credentials=replace(hanging.credentials, helper="sleep 600"))
    command = shlex.split(sections(hanging)["profile claude-code-platform"]["credential_process"])
    if shutil.which(command[0]) is None:
        pytest.skip(f"{command[0]} is not installed here")
    assert subprocess.run(command, capture_output=True).returncode != 0


@given(command=hostile_text)
def test_a_helper_is_plain_words_or_refused(command: str) -> None:
    inputs = with_method(CredentialMethod.CREDENTIAL_PROCESS)
    try:
        aws_config(replace(inputs, credentials=replace(inputs.credentials, helper=command)))
    except UnsafeValue as error:
        assert error.field == "credential_helper"  # noqa: PT017 -- refusing is one of two right answers
    else:
        assert not set(command) & set("&|;<>()$`\\\"'*?[]#~%!{},\t\r\n")


def sections(inputs: BundleInputs) -> dict[str, dict[str, str]]:
    parser = configparser.RawConfigParser(default_section="")
    parser.read_string(aws_config(inputs).decode())
    return {name: dict(parser[name]) for name in parser.sections()}
