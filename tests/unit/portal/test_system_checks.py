"""What `manage.py check` says about settings that do not go together."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from portal import system_checks
from portal.environment import Environment

if TYPE_CHECKING:
    from pytest_django.fixtures import Settings

HAND = {
    "ONRAMP_SAML_IDP_ENTITY_ID": "https://login.example",
    "ONRAMP_SAML_IDP_SSO_URL": "https://login.example/sso",
    "ONRAMP_SAML_IDP_CERTIFICATE_FILE": "idp.crt",
}
CLIENT = {"ONRAMP_OIDC_CLIENT_ID": "onramp", "ONRAMP_OIDC_CLIENT_SECRET": "none"}
URL = {"ONRAMP_SAML_METADATA_URL": "https://login.example/metadata"}
FILE = {"ONRAMP_SAML_METADATA_FILE": "metadata.xml"}


@pytest.fixture(autouse=True)
def _files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "idp.crt").write_text("no certificate")
    (tmp_path / "metadata.xml").write_text("<html/>")
    monkeypatch.chdir(tmp_path)
    for name in ("ISSUER", "CLIENT_ID", "CLIENT_SECRET"):
        monkeypatch.delenv(f"ONRAMP_OIDC_{name}", raising=False)


def said(settings: Settings, monkeypatch: pytest.MonkeyPatch, environment: dict[str, str]) -> list[str | None]:
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    settings.ENVIRONMENT = Environment()
    return [message.id for message in system_checks.sign_in(None)]


@pytest.mark.parametrize(
    ("environment", "expected"),
    [
        ({}, ["onramp.W001"]),
        ({"ONRAMP_OIDC_ISSUER": "https://login.example"}, ["onramp.E001"]),
        # As deploy/compose.env.example has it until it is filled in.
        (CLIENT | {"ONRAMP_OIDC_ISSUER": "https://login.example", "ONRAMP_OIDC_CLIENT_SECRET": ""}, ["onramp.E001"]),
        (CLIENT | {"ONRAMP_OIDC_ISSUER": "https://login.example"}, []),
        (CLIENT | {"ONRAMP_OIDC_ISSUER": "http://localhost:9000"}, []),
        (CLIENT | {"ONRAMP_OIDC_ISSUER": "http://login.example"}, ["onramp.E006"]),
        (URL, []),
        ({"ONRAMP_OIDC_ISSUER": "https://login.example"} | URL, ["onramp.E001"]),
        (URL | FILE, ["onramp.E002"]),
        (URL | {"ONRAMP_SAML_IDP_ENTITY_ID": "https://login.example"}, ["onramp.E002"]),
        ({"ONRAMP_SAML_IDP_SSO_URL": "https://login.example/sso"}, ["onramp.E003"]),
        ({"ONRAMP_SAML_METADATA_URL": "http://login.example/metadata"}, ["onramp.E004"]),
        ({"ONRAMP_SAML_METADATA_URL": "http://localhost:8080/metadata"}, []),
        (HAND | {"ONRAMP_SAML_IDP_SSO_URL": "http://login.example/sso"}, ["onramp.E004"]),
        (HAND, ["onramp.E005"]),
        (FILE, ["onramp.E005"]),
    ],
    ids=str,
)
def test_sign_in_is_named_whole_and_once(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, environment: dict[str, str], expected: list[str]
) -> None:
    assert said(settings, monkeypatch, environment) == expected


def test_what_contradicts_itself_is_not_used(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    said(settings, monkeypatch, URL | FILE)
    assert settings.ENVIRONMENT.saml_provider == {}


@pytest.mark.parametrize(
    ("engine", "key", "expected"),
    [
        ("portal.postgresql", None, ["onramp.W003"]),
        ("portal.postgresql", "", ["onramp.W003"]),
        ("portal.postgresql", "the-same-on-every-machine-0123456789", []),
        ("django.db.backends.sqlite3", None, []),
    ],
)
def test_machines_that_share_a_database_share_a_key(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, engine: str, key: str | None, expected: list[str]
) -> None:
    monkeypatch.delenv("ONRAMP_SECRET_KEY")
    if key is not None:
        monkeypatch.setenv("ONRAMP_SECRET_KEY", key)
    monkeypatch.setitem(settings.DATABASES["default"], "ENGINE", engine)
    settings.ENVIRONMENT = Environment()

    assert [message.id for message in system_checks.secret_key(None)] == expected
