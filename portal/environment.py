"""Every value the portal takes from its environment, typed and checked at start.

`docs/configuration.md` names each of them; a test compares the two. AWS is not here: credentials, profile and
endpoint are botocore's own configuration (`AWS_PROFILE`, `AWS_ENDPOINT_URL`, ...), and the roles to assume are rows.
"""

from __future__ import annotations

import re
from importlib.util import find_spec
from ipaddress import IPv4Network, IPv6Network
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from pydantic import AliasChoices, Field, FilePath, SecretStr, field_validator, model_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from onboarding.catalog import HELPER_COMMAND

BASE_DIR = Path(__file__).resolve().parent.parent

CommaSeparated = Annotated[tuple[str, ...], NoDecode]
CommaSeparatedNumbers = Annotated[tuple[int, ...], NoDecode]
CommaSeparatedSecrets = Annotated[tuple[SecretStr, ...], NoDecode]


def _plain(name: str) -> AliasChoices:
    """A setting whose name carries no ONRAMP_ prefix, because other tools share it."""
    return AliasChoices(name)


class Environment(BaseSettings):
    """The portal's settings. Names are upper-cased and prefixed with `ONRAMP_` unless an alias says otherwise."""

    # An error names the setting alone: what was in it may be a secret, and with it come all the others.
    model_config = SettingsConfigDict(
        env_prefix="ONRAMP_", env_file=BASE_DIR / ".env", extra="ignore", hide_input_in_errors=True
    )

    home: Path = Field(BASE_DIR / ".onramp", description="Folder for the embedded default's state: SQLite, Redis.")
    public_url: str = Field(
        "http://localhost:8000", description="Where people reach the portal; links and redirect URIs start with it."
    )
    debug: bool = Field(False, description="Django's debug pages. Never in production.")
    secret_key: SecretStr | None = Field(
        None, description="Signs sessions and tokens. Made and kept in ONRAMP_HOME when empty or absent."
    )
    secret_key_file: Path | None = Field(None, description="A file that holds ONRAMP_SECRET_KEY.")
    secret_key_fallbacks: CommaSeparatedSecrets = Field(
        (), description="Earlier values of ONRAMP_SECRET_KEY, which still open what they signed: docs/keys.md."
    )
    secret_key_fallbacks_file: Path | None = Field(None, description="A file that holds ONRAMP_SECRET_KEY_FALLBACKS.")
    log_format: Literal["json", "console"] = Field("json", description="One JSON object a line, or coloured text.")
    company: str = Field("", description="The company's name, shown beside the mark and on the sign-in button.")
    security_contact: CommaSeparated = Field(
        (),
        description="Whom to tell of a hole, such as mailto:security@example.com or an https address; the best first.",
    )

    database_url: str = Field(
        "",
        validation_alias=_plain("DATABASE_URL"),
        description="PostgreSQL or SQLite; SQLite in ONRAMP_HOME if empty.",
    )
    database_url_file: Path | None = Field(
        None, validation_alias=_plain("DATABASE_URL_FILE"), description="A file that holds DATABASE_URL."
    )
    redis_url: str = Field(
        "redis://localhost:6379/0", validation_alias=_plain("REDIS_URL"), description="Celery's broker."
    )
    redis_url_file: Path | None = Field(
        None, validation_alias=_plain("REDIS_URL_FILE"), description="A file that holds REDIS_URL."
    )

    oidc_issuer: str = Field("", description="The identity provider's issuer URL, where discovery starts.")
    oidc_client_id: str = Field("", description="The portal's client id at the identity provider.")
    oidc_client_secret: SecretStr | None = Field(None, description="The portal's client secret.")
    oidc_client_secret_file: Path | None = Field(None, description="A file that holds ONRAMP_OIDC_CLIENT_SECRET.")
    oidc_scopes: CommaSeparated = Field(
        ("openid", "profile", "email"), description="Scopes asked for; some providers want `groups` among them."
    )
    oidc_origins: CommaSeparated = Field(
        (), description="Origins that sign-in passes through besides the issuer's, such as https://login.example.com."
    )
    oidc_groups_claim: str = Field("groups", description="The claim that lists a person's groups.")
    oidc_roles_claim: str = Field(
        "roles", description="The claim that lists a person's app roles, which count like groups; empty: none."
    )
    admin_groups: CommaSeparated = Field((), description="Groups whose members are admins of the portal.")
    auditor_groups: CommaSeparated = Field(
        (), description="Groups whose members are auditors: they read what admins read, and change nothing of it."
    )
    required_groups: CommaSeparated = Field(
        (), description="Only members of one of these groups may sign in; empty: anybody whom the provider lets in."
    )

    saml_metadata_url: str = Field("", description="Where the SAML identity provider publishes its metadata; https.")
    saml_metadata_file: FilePath | None = Field(
        None, description="A file with that metadata, for a provider that does not publish it."
    )
    saml_idp_entity_id: str = Field("", description="Without metadata: the provider's entity id.")
    saml_idp_sso_url: str = Field(
        "", description="Without metadata: where the provider takes sign-in requests, by HTTP-Redirect."
    )
    saml_idp_certificate_file: FilePath | None = Field(
        None, description="Without metadata: a PEM file with the provider's signing certificate, or several."
    )
    saml_entity_id: str = Field("", description="The portal's own entity id; by default the address of its metadata.")
    saml_email_attributes: CommaSeparated = Field(
        (
            "email",
            "mail",
            "http://schemas.xmlsoap.org/ws/2005/05/identity/claims/emailaddress",
            "urn:oid:0.9.2342.19200300.100.1.3",
        ),
        description="Attributes that hold a person's e-mail; the first that is there counts.",
    )
    saml_name_attributes: CommaSeparated = Field(
        (
            "name",
            "displayName",
            "http://schemas.microsoft.com/identity/claims/displayname",
            "urn:oid:2.16.840.1.113730.3.1.241",
        ),
        description="Attributes that hold a person's name; the first that is there counts.",
    )
    saml_groups_attributes: CommaSeparated = Field(
        (
            "groups",
            "http://schemas.microsoft.com/ws/2008/06/identity/claims/groups",
            "http://schemas.microsoft.com/ws/2008/06/identity/claims/role",
        ),
        description="Attributes that list a person's groups or app roles, one a value; all of them count.",
    )
    saml_idp_initiated: bool = Field(
        False, description="Also take answers that nobody asked the provider for, such as from a tile on its own page."
    )
    saml_origins: CommaSeparated = Field(
        (), description="Origins that SAML sign-in passes through besides those of the metadata and the sign-in URL."
    )

    credential_helpers: dict[str, str] = Field(
        {},
        description=(
            "Commands of the company's that bring AWS credentials on people's machines, by the name under which a "
            'plan may choose one, as JSON: {"acme-sts": "/opt/acme/bin/acme-sts --json"}.'
        ),
    )

    nightly_hour: int = Field(3, ge=0, le=23, description="The hour, in UTC, at which everybody is verified.")
    history_days: int = Field(30, ge=1, description="How long the verifications of nightly sweeps are kept.")

    cost_explorer_requests: int = Field(
        100, ge=0, description="The most requests to Cost Explorer in a calendar month; AWS charges $0.01 for each."
    )

    budget_thresholds: CommaSeparatedNumbers = Field(
        (80, 100), description="Percents of a budget at which an alert is raised, once a month each."
    )
    smtp_host: str = Field(
        "", description="The mail server; without one, alerts and notifications are shown in the portal only."
    )
    smtp_port: int | None = Field(
        None, ge=1, le=65535, description="Its port; by default 587 with starttls, 465 with tls, else 25."
    )
    smtp_user: str = Field("", description="The account at the mail server; empty: none.")
    smtp_password: SecretStr | None = Field(None, description="That account's password.")
    smtp_password_file: Path | None = Field(None, description="A file that holds ONRAMP_SMTP_PASSWORD.")
    smtp_tls: Literal["starttls", "tls", "off"] = Field(
        "starttls", description="How mail is encrypted: after STARTTLS, from the first byte on, or not at all."
    )
    mail_from: str = Field("", description="The sender of mails; by default onramp@ and the portal's host.")
    slack_webhook: SecretStr | None = Field(
        None, description="An incoming webhook of Slack: the admins' channel, for alerts of teams and notifications."
    )
    slack_webhook_file: Path | None = Field(None, description="A file that holds ONRAMP_SLACK_WEBHOOK.")
    webhook_hosts: CommaSeparated = Field(("hooks.slack.com",), description="Hosts that a webhook may be at.")

    session_hours: int = Field(8, ge=1, description="A session ends this many hours after sign-in.")
    session_idle_hours: int = Field(
        8, ge=1, description="A session ends after this many hours in which nothing was asked of the portal."
    )
    metrics_token: SecretStr | None = Field(
        None, description="Opens /metrics, sent as Authorization: Bearer; at least 16 characters."
    )
    metrics_token_file: Path | None = Field(None, description="A file that holds ONRAMP_METRICS_TOKEN.")
    metrics_networks: Annotated[tuple[IPv4Network | IPv6Network, ...], NoDecode] = Field(
        (), description="Addresses and networks that may read /metrics without a token, when no proxy is between."
    )
    metrics_dir: Path | None = Field(
        None, description="Folder in which the processes of one host count; by default `metrics` in ONRAMP_HOME."
    )
    metrics_port: int | None = Field(
        None, ge=1, le=65535, description="A worker's own port for /metrics; for workers that share no folder."
    )
    internal_hosts: CommaSeparated = Field(
        (), description="Further names or addresses that probes and Prometheus use as Host, such as a pod's address."
    )
    otlp_endpoint: str = Field(
        "", description="Where traces go, by OTLP over HTTP, such as http://collector:4318; empty: nowhere."
    )
    person_rate: int = Field(120, ge=1, description="How many forms one person may send in a minute.")
    address_rate: int = Field(
        60,
        ge=1,
        description="How many requests from one address may fail in a minute, where no session is asked for.",
    )
    token_rate: int = Field(600, ge=1, description="How many requests a minute one API token is good for.")
    trusted_proxies: int = Field(0, ge=0, description="How many proxies in front set X-Forwarded-For.")
    secure_cookies: bool | None = Field(
        None, description="Cookies over HTTPS only; by default as ONRAMP_PUBLIC_URL's scheme says."
    )

    @field_validator(
        "secret_key_fallbacks",
        "oidc_scopes",
        "oidc_origins",
        "saml_email_attributes",
        "saml_name_attributes",
        "saml_groups_attributes",
        "saml_origins",
        "admin_groups",
        "required_groups",
        "auditor_groups",
        "budget_thresholds",
        "webhook_hosts",
        "metrics_networks",
        "internal_hosts",
        "security_contact",
        mode="before",
    )
    @classmethod
    def _split(cls, value: Any) -> Any:
        return tuple(part.strip() for part in value.split(",") if part.strip()) if isinstance(value, str) else value

    @field_validator("credential_helpers")
    @classmethod
    def _plain_commands(cls, value: dict[str, str]) -> dict[str, str]:
        """These commands run on every machine, so they are words and nothing that a shell acts on."""
        for name, command in value.items():
            if re.fullmatch(r"[a-z0-9][a-z0-9-]{0,39}", name) is None or HELPER_COMMAND.fullmatch(command) is None:
                raise ValueError(f"{name}: a name of a-z, 0-9 and hyphens, and a command of plain words")
        return value

    @field_validator("budget_thresholds")
    @classmethod
    def _percents(cls, value: tuple[int, ...]) -> tuple[int, ...]:
        if any(not 1 <= percent <= 1000 for percent in value):
            raise ValueError("percents from 1 to 1000, such as 80,100")
        return tuple(sorted(set(value)))

    @field_validator("mail_from")
    @classmethod
    def _one_address(cls, value: str) -> str:
        """It stands in the head of every mail."""
        if value and re.fullmatch(r"[^\s<>,@]+@[^\s<>,@]+", value) is None:
            raise ValueError("a plain address, such as onramp@example.com")
        return value

    @field_validator("security_contact")
    @classmethod
    def _contacts(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        """RFC 9116 2.5.3: addresses with their scheme, and those of the web with https."""
        for contact in value:
            if re.fullmatch(r"(?:mailto:[^\s@]+@|https://|tel:\+)[^\s@]+", contact) is None:
                raise ValueError("begins with mailto:, https:// or tel:+, such as mailto:security@example.com")
        return value

    @field_validator("otlp_endpoint")
    @classmethod
    def _an_origin(cls, value: str) -> str:
        if value and find_spec("opentelemetry") is None:
            raise ValueError("traces need the packages of requirements-otel.txt, which are not installed")
        return cls._absolute(value) if value else value

    @field_validator("public_url")
    @classmethod
    def _origin(cls, value: str) -> str:
        """Scheme and host as they are compared with: in lower case, and with nothing behind that links would carry."""
        parts = urlsplit(cls._absolute(value))
        if parts.username or parts.password or parts.path or parts.query or parts.fragment:
            raise ValueError("must be a scheme and a host, with a port if need be, such as https://onramp.example.com")
        return f"{parts.scheme}://{parts.netloc.lower()}"

    @classmethod
    def _absolute(cls, value: str) -> str:
        parts = urlsplit(value)
        if parts.scheme not in {"http", "https"} or not parts.hostname:
            raise ValueError("must be an absolute http(s) URL, such as https://onramp.example.com")
        return value.rstrip("/")

    @model_validator(mode="after")
    def _read_files(self) -> Environment:
        for name in ("secret_key", "oidc_client_secret", "smtp_password", "slack_webhook", "metrics_token"):
            path = getattr(self, f"{name}_file")
            if path is not None:
                setattr(self, name, SecretStr(path.read_text().strip()))
        for name in ("database_url", "redis_url"):
            path = getattr(self, f"{name}_file")
            if path is not None:
                setattr(self, name, path.read_text().strip())
        if self.secret_key_fallbacks_file is not None:
            kept = self.secret_key_fallbacks_file.read_text().split(",")
            self.secret_key_fallbacks = tuple(SecretStr(part.strip()) for part in kept if part.strip())
        return self

    @model_validator(mode="after")
    def _not_guessed(self) -> Environment:
        """Whoever reads metrics may try as often as they like."""
        if self.metrics_token is not None and 0 < len(self.metrics_token.get_secret_value()) < 16:
            raise ValueError("metrics_token: at least 16 characters")
        return self

    @property
    def host(self) -> str:
        return urlsplit(self.public_url).hostname or "localhost"

    @property
    def saml_ways(self) -> list[dict[str, str]]:
        """Each way in which the SAML identity provider is named, whole or not. Just one, and whole, is right."""
        by_hand = {
            "entity_id": self.saml_idp_entity_id,
            "sso_url": self.saml_idp_sso_url,
            "certificates": self.saml_idp_certificate_file.read_text() if self.saml_idp_certificate_file else "",
        }
        ways = [
            {"metadata_url": self.saml_metadata_url},
            {"metadata": self.saml_metadata_file.read_text() if self.saml_metadata_file else ""},
            by_hand,
        ]
        return [way for way in ways if any(way.values())]

    @property
    def saml_provider(self) -> dict[str, str]:
        """The one way; empty where SAML is not configured, or not so that it could be trusted."""
        ways = self.saml_ways
        return ways[0] if len(ways) == 1 and all(ways[0].values()) else {}

    @property
    def sign_in_origins(self) -> list[str]:
        """Where browsers may be sent by the sign-in page's buttons."""
        provider = self.saml_provider
        urls = [self.oidc_issuer, *(provider.get(name, "") for name in ("metadata_url", "metadata", "sso_url"))]
        named = [match for url in urls for match in re.findall(r"(?:^|\bLocation=[\"'])(https?://[^/?#\"'\s]+)", url)]
        return list(dict.fromkeys([*named, *self.oidc_origins, *self.saml_origins]))

    @property
    def is_https(self) -> bool:
        return self.public_url.startswith("https://")

    @property
    def has_secure_cookies(self) -> bool:
        return self.is_https if self.secure_cookies is None else self.secure_cookies
