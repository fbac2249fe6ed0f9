"""Inputs to build bundles from, and texts that mean harm."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from hypothesis import strategies as st

from onboarding.bundles.inputs import Behaviour, BundleInputs, Credentials, IdentityCenterSession, LeftOut, Route
from onboarding.catalog import inference_profile_arn, model_arn, parse_profile_id
from onboarding.enums import CredentialMethod, Platform, Tier

OPUS = "eu.anthropic.claude-opus-4-8"
SONNET = "eu.anthropic.claude-sonnet-4-6"
HAIKU = "eu.anthropic.claude-haiku-4-5-20251001-v1:0"
ALL_TIERS = {Tier.OPUS: OPUS, Tier.SONNET: SONNET, Tier.HAIKU: HAIKU}

SESSION = IdentityCenterSession("https://acme.awsapps.com/start/#", "eu-central-1", "ClaudeCodeDeveloper")
SIGN_IN = Credentials(CredentialMethod.IDENTITY_CENTER, SESSION)
HELPER = "/opt/acme/bin/acme-sts --json"


def route(profile: str, model_id: str = "") -> Route:
    """What Bedrock says of an inference profile; `model_id` for an application's, whose ARN does not tell."""
    parsed = parse_profile_id(profile)
    model = parsed.model_id if parsed else model_id
    arn = inference_profile_arn("eu-west-1", "111122223333", profile) if parsed else profile
    return Route(arn, model, tuple(model_arn(region, model) for region in ("eu-south-2", "eu-west-1")))


def credentials(method: CredentialMethod) -> Credentials:
    """What a plan of this method comes with."""
    return Credentials(method, SESSION if method.signs_in else None, HELPER if method.has_helper else "")


BEHAVIOUR = Behaviour(max_output_tokens=32000, denied_tools=("Read(./.env)", "Read(./secrets/**)"))

EXAMPLE = BundleInputs(
    person_name="Ana Núñez",
    person_email="ana.nunez@acme.example",
    team_name="Platform",
    cost_centre="CC-101",
    platform=Platform.MACOS,
    language="en",
    plan_name="Platform",
    plan_slug="platform",
    revision=7,
    aws_profile="claude-code-platform",
    account_id="111122223333",
    account_name="Acme AI",
    region="eu-west-1",
    models=ALL_TIERS,
    routes={profile: route(profile) for profile in ALL_TIERS.values()},
    default_tier=Tier.SONNET,
    left_out=(),
    role_name="ClaudeCodeDeveloper",
    credentials=SIGN_IN,
    behaviour=BEHAVIOUR,
    portal_url="https://onramp.acme.example",
)


def bundle_inputs(**changes: Any) -> BundleInputs:
    return replace(EXAMPLE, **changes)


def behaving(**changes: Any) -> BundleInputs:
    """The example, where the plan sets these besides."""
    return bundle_inputs(behaviour=replace(BEHAVIOUR, **changes))


def with_method(method: CredentialMethod, **changes: Any) -> BundleInputs:
    return bundle_inputs(credentials=credentials(method), **changes)


APPLICATION = "arn:aws:bedrock:eu-west-1:111122223333:application-inference-profile/"


def with_application_profiles() -> BundleInputs:
    """Every tier through a profile of the team's own."""
    behind = {
        Tier.OPUS: (f"{APPLICATION}opus0000opus", "anthropic.claude-opus-4-8"),
        Tier.SONNET: (f"{APPLICATION}sonnet00sonn", "anthropic.claude-sonnet-4-6"),
        Tier.HAIKU: (f"{APPLICATION}haiku000haik", "anthropic.claude-haiku-4-5-20251001-v1:0"),
    }
    return bundle_inputs(
        models={tier: arn for tier, (arn, _) in behind.items()},
        routes={arn: route(arn, model) for arn, model in behind.values()},
    )


def without_haiku() -> BundleInputs:
    return bundle_inputs(
        models={Tier.OPUS: OPUS, Tier.SONNET: SONNET},
        left_out=(LeftOut(Tier.HAIKU, HAIKU, "A service control policy denies eu-south-2."),),
    )


# Each would do something if a shell, an INI reader, Markdown or a terminal took it for more than text.
HOSTILE = (
    "'; touch canary; '",
    "$(touch canary)",
    "`touch canary`",
    '"; touch canary #',
    "\n[profile default]\nregion = us-east-1",
    "\r\ntouch canary\r\n",
    "x]\n[default",
    " # comment",
    "’; New-Item canary; ‘",
    "\\'; touch canary; \\'",
    "=touch",
    "--help",
    "%PATH% & touch canary",
    "<script>alert(1)</script>",
    "[a](https://evil.example) | www.evil.example https://evil.example",
    "``` | --- |",
    "\u202eevil\u2069 \u05d0\u05d1\u05d2",
    "👩🏽‍💻 Zoë",
    "\x00\x07\x1b[31m",
    "\ud800",
    "",
)

hostile_text = st.lists(st.one_of(st.sampled_from(HOSTILE), st.text(max_size=30)), max_size=4).map("".join)
