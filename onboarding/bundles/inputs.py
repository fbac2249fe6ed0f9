"""What a bundle is made of: plain values, chosen and verified elsewhere."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from onboarding.enums import CredentialMethod, ModelForm, Platform, SettingsScope, Tier


class UnsafeValue(ValueError):
    """A value that must not reach a generated file. It names the field and never repeats the value."""

    def __init__(self, field: str) -> None:
        super().__init__(f"{field} holds something that generated files must not contain")
        self.field = field


@dataclass(frozen=True, slots=True)
class LeftOut:
    """A model of the plan that was not verified for this person."""

    tier: Tier
    profile_id: str
    why: str  # a sentence in the person's language


@dataclass(frozen=True, slots=True)
class IdentityCenterSession:
    """Where the person signs in to AWS, and as what."""

    start_url: str
    region: str
    role_name: str  # the permission set


@dataclass(frozen=True, slots=True)
class Credentials:
    """How credentials come to a machine. `session` where the person signs in there, `helper` where a command does."""

    method: CredentialMethod
    session: IdentityCenterSession | None = None
    helper: str = ""


@dataclass(frozen=True, slots=True)
class Route:
    """What Bedrock said of an inference profile: its ARN, the model behind it, and every model ARN it may call."""

    arn: str
    model_id: str
    model_arns: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Behaviour:
    """What a plan says about Claude Code besides its models; empty is as Claude Code does by itself.

    The fields are those of `models.plan_settings.PlanSettings`, with the same names and units.
    """

    model_form: str = ModelForm.PINS
    limits_models: bool = True
    settings_scope: str = SettingsScope.USER
    minimum_version: str = ""
    update_channel: str = ""
    max_output_tokens: int | None = None
    thinking_tokens: int | None = None
    effort: str = ""
    prompt_caching: str = ""
    service_tier: str = ""
    guardrail: str = ""
    guardrail_version: str = ""
    region_prefix: str = ""
    https_proxy: str = ""
    no_proxy: str = ""
    ca_bundle: str = ""
    otlp_endpoint: str = ""
    otlp_protocol: str = ""
    denied_tools: tuple[str, ...] = ()
    announcements: tuple[str, ...] = ()
    free_settings: Mapping[str, Any] = field(default_factory=dict, hash=False)

    @property
    def is_managed(self) -> bool:
        return self.settings_scope == SettingsScope.MANAGED


@dataclass(frozen=True, slots=True)
class BundleInputs:
    """Hashable, so that what is made of equal inputs can be remembered: mappings count for equality alone."""

    person_name: str
    person_email: str
    team_name: str
    cost_centre: str
    platform: Platform
    language: str  # "en" | "es"
    plan_name: str
    plan_slug: str
    revision: int
    aws_profile: str
    account_id: str
    account_name: str
    region: str
    models: Mapping[Tier, str] = field(
        hash=False
    )  # verified inference profiles only, in the order opus, sonnet, haiku
    routes: Mapping[str, Route] = field(hash=False)  # of each of them
    default_tier: Tier  # always a key of models
    left_out: tuple[LeftOut, ...]
    role_name: str  # what people call the role: the permission set, or the role's or user's own name
    credentials: Credentials
    behaviour: Behaviour
    portal_url: str

    @property
    def of_nobody(self) -> BundleInputs:
        """The same for whoever else has this offer; with telemetry the e-mail is part of the settings."""
        email = self.person_email if self.behaviour.otlp_endpoint else ""
        return replace(self, person_name="", person_email=email)

    @property
    def default_model(self) -> str:
        return self.models[self.default_tier]

    @property
    def unverified_tiers(self) -> tuple[Tier, ...]:
        return tuple(tier for tier in Tier if tier not in self.models)

    @property
    def settings_name(self) -> str:
        """What the file of settings is called: who puts it on a machine decides."""
        return "managed-settings.json" if self.behaviour.is_managed else "settings.json"
