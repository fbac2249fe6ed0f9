"""What a bundle is made of: plain values, chosen and verified elsewhere."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from onboarding.enums import Platform, Tier


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

    name: str
    start_url: str
    region: str
    role_name: str  # the permission set


@dataclass(frozen=True, slots=True)
class BundleInputs:
    person_name: str
    person_email: str
    platform: Platform
    language: str  # "en" | "es"
    plan_name: str
    revision: int
    aws_profile: str
    account_id: str
    account_name: str
    region: str
    models: Mapping[Tier, str]  # verified inference profiles only, in the order opus, sonnet, haiku
    default_tier: Tier  # always a key of models
    left_out: tuple[LeftOut, ...]
    role_name: str  # what people call the role: the permission set, or the role's or user's own name
    session: IdentityCenterSession | None  # None: the company's own tool brings the credentials
    max_output_tokens: int | None
    denied_tools: tuple[str, ...]
    portal_url: str

    @property
    def default_model(self) -> str:
        return self.models[self.default_tier]

    @property
    def unverified_tiers(self) -> tuple[Tier, ...]:
        return tuple(tier for tier in Tier if tier not in self.models)
