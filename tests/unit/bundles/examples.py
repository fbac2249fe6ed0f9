"""Inputs to build bundles from, and texts that mean harm."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from hypothesis import strategies as st

from onboarding.bundles.inputs import BundleInputs, IdentityCenterSession, LeftOut
from onboarding.enums import Platform, Tier

OPUS = "eu.anthropic.claude-opus-4-8"
SONNET = "eu.anthropic.claude-sonnet-4-6"
HAIKU = "eu.anthropic.claude-haiku-4-5-20251001-v1:0"
ALL_TIERS = {Tier.OPUS: OPUS, Tier.SONNET: SONNET, Tier.HAIKU: HAIKU}

SESSION = IdentityCenterSession("acme", "https://acme.awsapps.com/start/#", "eu-central-1", "ClaudeCodeDeveloper")

EXAMPLE = BundleInputs(
    person_name="Ana Núñez",
    person_email="ana.nunez@acme.example",
    platform=Platform.MACOS,
    language="en",
    plan_name="Platform",
    revision=7,
    aws_profile="claude-code-platform",
    account_id="111122223333",
    account_name="Acme AI",
    region="eu-west-1",
    models=ALL_TIERS,
    default_tier=Tier.SONNET,
    left_out=(),
    role_name="ClaudeCodeDeveloper",
    session=SESSION,
    max_output_tokens=32000,
    denied_tools=("Read(./.env)", "Read(./secrets/**)"),
    portal_url="https://onramp.acme.example",
)


def bundle_inputs(**changes: Any) -> BundleInputs:
    return replace(EXAMPLE, **changes)


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
