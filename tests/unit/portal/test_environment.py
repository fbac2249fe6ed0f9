"""Settings: typed, all errors at once, secrets from files."""

from __future__ import annotations

import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from pydantic import ValidationError

from portal.environment import Environment

BASE_DIR = Path(__file__).parents[3]


def test_lists_are_separated_by_commas(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ONRAMP_ADMIN_GROUPS", " admins , ,operators ")

    assert Environment().admin_groups == ("admins", "operators")


def test_secrets_come_from_files(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("from-a-file\n")
    monkeypatch.setenv("ONRAMP_OIDC_CLIENT_SECRET_FILE", str(tmp_path / "secret"))

    secret = Environment().oidc_client_secret
    assert secret is not None
    assert secret.get_secret_value() == "from-a-file"
    assert "from-a-file" not in repr(Environment())


def test_addresses_with_passwords_come_from_files(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("DATABASE_URL", "REDIS_URL"):
        (tmp_path / name).write_text(f"{name.lower()}://user:password@host/0\n")
        monkeypatch.setenv(f"{name}_FILE", str(tmp_path / name))

    told = Environment()
    assert told.database_url == "database_url://user:password@host/0"
    assert told.redis_url == "redis_url://user:password@host/0"


def test_nothing_that_opens_something_has_a_default() -> None:
    secrets = {name for name, field in Environment.model_fields.items() if "Secret" in str(field.annotation)}
    assert {"secret_key", "oidc_client_secret", "metrics_token", "smtp_password", "slack_webhook"} <= secrets
    assert {name for name in secrets if Environment.model_fields[name].default} == set()


def test_earlier_secrets_come_as_a_list_or_from_a_file_of_it(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("ONRAMP_SECRET_KEY_FALLBACKS", "last-year, the-year-before")
    told = Environment()
    assert [secret.get_secret_value() for secret in told.secret_key_fallbacks] == ["last-year", "the-year-before"]
    assert "last-year" not in repr(told)

    (tmp_path / "fallbacks").write_text("from-a-file,\nand-before\n")
    monkeypatch.setenv("ONRAMP_SECRET_KEY_FALLBACKS_FILE", str(tmp_path / "fallbacks"))
    read = [secret.get_secret_value() for secret in Environment().secret_key_fallbacks]
    assert read == ["from-a-file", "and-before"]


def test_a_token_from_a_file_is_held_to_the_same(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "token").write_text("short\n")
    monkeypatch.setenv("ONRAMP_METRICS_TOKEN_FILE", str(tmp_path / "token"))

    with pytest.raises(ValidationError, match="metrics_token"):
        Environment()


def test_thresholds_are_percents_in_order_and_once_each(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ONRAMP_BUDGET_THRESHOLDS", "100, 50,100")

    assert Environment().budget_thresholds == (50, 100)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("ONRAMP_BUDGET_THRESHOLDS", "0"),
        ("ONRAMP_BUDGET_THRESHOLDS", "80%"),
        ("ONRAMP_MAIL_FROM", "Onramp <onramp@acme.example>"),
        ("ONRAMP_MAIL_FROM", "onramp@acme.example\nBcc: x@example.com"),
        ("ONRAMP_SMTP_PORT", "0"),
        ("ONRAMP_SMTP_TLS", "maybe"),
        ("ONRAMP_METRICS_TOKEN", "short"),
        ("ONRAMP_METRICS_NETWORKS", "10.0.0.0/8,everywhere"),
        ("ONRAMP_METRICS_PORT", "0"),
        ("ONRAMP_OTLP_ENDPOINT", "collector:4318"),
        ("ONRAMP_SECURITY_CONTACT", "security@acme.example"),
        ("ONRAMP_SECURITY_CONTACT", "http://acme.example/report"),
        ("ONRAMP_SECURITY_CONTACT", "mailto:security@acme.example\nContact: mailto:eve@evil.example"),
    ],
)
def test_what_cannot_be_meant_stops_the_start(name: str, value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(name, value)

    with pytest.raises(ValidationError, match=name.removeprefix("ONRAMP_").lower()):
        Environment()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        # What is refused may be a secret, an address with one, one in the wrong place, or be told with all others.
        ("ONRAMP_METRICS_TOKEN", "secret-1"),
        ("ONRAMP_PUBLIC_URL", "https://ana:secret-2@onramp.example.com"),
        ("ONRAMP_SMTP_PORT", "secret-3"),
        ("ONRAMP_CREDENTIAL_HELPERS", "secret-4"),
    ],
)
def test_a_process_that_does_not_start_prints_no_secret(name: str, value: str) -> None:
    secrets = {
        "ONRAMP_SECRET_KEY": "secret-5",
        "ONRAMP_OIDC_CLIENT_SECRET": "secret-6",
        "ONRAMP_SMTP_PASSWORD": "secret-7",
        "DATABASE_URL": "postgres://onramp:secret-8@db.example/onramp",
    }

    done = subprocess.run(
        [sys.executable, "manage.py", "check"],
        env=os.environ | secrets | {name: value, "DJANGO_SETTINGS_MODULE": "portal.settings"},
        cwd=BASE_DIR,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    said = done.stdout + done.stderr
    assert done.returncode != 0
    assert name.removeprefix("ONRAMP_").lower() in said
    assert "secret-" not in said


@pytest.mark.parametrize(
    "url",
    [
        *("onramp.example.com", "ftp://onramp", "https://", "https://onramp.example.com/on"),
        *("https://onramp.example.com?x=1", "https://onramp.example.com#x", "https://ana@onramp.example.com"),
    ],
)
def test_a_public_url_is_a_scheme_and_a_host(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ONRAMP_PUBLIC_URL", url)

    with pytest.raises(ValidationError, match="public_url"):
        Environment()


def test_a_public_url_in_capitals_is_https_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ONRAMP_PUBLIC_URL", "HTTPS://Onramp.Example.com:8443/")
    told = Environment()
    assert (told.public_url, told.is_https) == ("https://onramp.example.com:8443", True)


@pytest.mark.parametrize(
    ("environment", "expression", "expected"),
    [
        (
            {"DATABASE_URL": "postgres://u:p@db.example/onramp?sslmode=verify-full&keepalives_idle=5"},
            "[settings.DATABASES['default']['OPTIONS'][name]"
            " for name in ('connect_timeout', 'sslmode', 'keepalives_idle')]",
            "[2, 'verify-full', 5]",
        ),
        ({"ONRAMP_PUBLIC_URL": "https://onramp.example"}, "settings.SESSION_COOKIE_NAME", "__Host-session"),
        ({}, "settings.EMAIL_HOST or 'no mail'", "no mail"),
        (
            {"ONRAMP_SMTP_TLS": "tls"},
            "settings.EMAIL_PORT, settings.EMAIL_USE_SSL, settings.EMAIL_USE_TLS",
            "465 True False",
        ),
        ({"ONRAMP_SMTP_PORT": "25"}, "settings.EMAIL_PORT, settings.EMAIL_USE_TLS", "25 True"),
        ({"ONRAMP_PUBLIC_URL": "https://onramp.example"}, "settings.DEFAULT_FROM_EMAIL", "onramp@onramp.example"),
        (
            {"ONRAMP_OIDC_ORIGINS": "https://login.example"},
            "'https://login.example' in settings.CONTENT_SECURITY_POLICY['DIRECTIVES']['form-action']",
            "True",
        ),
        (
            {
                "ONRAMP_OIDC_ISSUER": "",
                "ONRAMP_SAML_METADATA_URL": "https://login.example/app?id=1",
                "ONRAMP_SAML_ORIGINS": "https://portal.example",
            },
            "*settings.CONTENT_SECURITY_POLICY['DIRECTIVES']['form-action']",
            "'self' https://login.example https://portal.example",
        ),
    ],
)
def test_settings_follow_the_environment(environment: dict[str, str], expression: str, expected: str) -> None:
    program = f"from portal import settings; print({expression})"

    # settings are read once a process, so this takes one of its own
    done = subprocess.run(
        [sys.executable, "-c", program],
        env=os.environ | environment,
        cwd=BASE_DIR,
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )

    assert done.stdout.strip() == expected


def test_processes_that_start_together_have_one_secret_key(tmp_path: Path) -> None:
    from portal.settings import _kept_secret

    with ThreadPoolExecutor(16) as threads:
        keys = set(threads.map(_kept_secret, [tmp_path / "home" / "secret-key"] * 64))

    assert len(keys) == 1
    assert len(keys.pop()) == 64
    assert [path.name for path in (tmp_path / "home").iterdir()] == ["secret-key"]
    assert (tmp_path / "home" / "secret-key").stat().st_mode & 0o777 == 0o600
