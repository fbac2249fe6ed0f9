"""The part of ~/.aws/config, read by botocore itself."""

from __future__ import annotations

import configparser
from dataclasses import replace
from pathlib import Path

import botocore.session
import pytest
from hypothesis import given
from hypothesis import strategies as st

from onboarding.bundles.aws_config import aws_config, headings, markers
from onboarding.bundles.inputs import UnsafeValue
from tests.unit.bundles.examples import EXAMPLE, HOSTILE, SESSION, bundle_inputs, hostile_text


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
        "sso_session": "acme",
        "sso_account_id": "111122223333",
        "sso_role_name": "ClaudeCodeDeveloper",
        "region": "eu-west-1",
    }
    assert session.full_config["sso_sessions"]["acme"] == {
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


FIELDS = ("name", "start_url", "region", "role_name")


@given(field=st.sampled_from(FIELDS), value=hostile_text)
def test_it_reads_back_exactly_or_is_refused(field: str, value: str) -> None:
    session = replace(SESSION, **{field: value})
    try:
        text = aws_config(bundle_inputs(session=session)).decode()
    except UnsafeValue as error:
        assert error.field == f"session.{field}"  # noqa: PT017 -- refusing is one of two right answers
        return
    parser = configparser.RawConfigParser(default_section="")
    parser.read_string(text)
    assert parser.sections() == [f"sso-session {session.name}", "profile claude-code-platform"]
    assert dict(parser[f"sso-session {session.name}"]) == {
        "sso_start_url": session.start_url,
        "sso_region": session.region,
        "sso_registration_scopes": "sso:account:access",
    }
    assert parser["profile claude-code-platform"]["sso_role_name"] == session.role_name


@pytest.mark.parametrize("value", [text for text in HOSTILE if text not in ("--help", "=touch")])
def test_hostile_permission_sets_are_refused(value: str) -> None:
    with pytest.raises(UnsafeValue, match=r"session\.role_name"):
        aws_config(bundle_inputs(session=replace(SESSION, role_name=value)))


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


def test_where_the_companys_own_tool_signs_in_there_is_a_profile_and_nothing_else() -> None:
    text = aws_config(bundle_inputs(session=None)).decode()

    parser = configparser.RawConfigParser(default_section="")
    parser.read_string(text)
    assert {name: dict(parser[name]) for name in parser.sections()} == {
        "profile claude-code-platform": {"region": "eu-west-1"}
    }
