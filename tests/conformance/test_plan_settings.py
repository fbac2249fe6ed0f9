"""What a plan asks for beyond its models' names, as Bedrock gets it from the real Claude Code CLI."""

from __future__ import annotations

from pathlib import Path

import pytest

from onboarding.enums import PromptCaching, ServiceTier, Tier
from tests.conformance.claude_code import OLD
from tests.conformance.conftest import program
from tests.conformance.machine import Machine
from tests.conformance.people import Bundles

pytestmark = pytest.mark.conformance

ADA = "ada.byron@acme.example"  # her plan names an application inference profile
ANA = "ana.nunez@acme.example"
APPLICATION = "arn:aws:bedrock:eu-west-1:111122223333:application-inference-profile/"
TAGGED = {
    Tier.OPUS: f"{APPLICATION}b2c3d4e5f6a1",
    Tier.SONNET: f"{APPLICATION}a1b2c3d4e5f6",
    Tier.HAIKU: f"{APPLICATION}c3d4e5f6a1b2",
}
NOTHING_ASKED_FOR = {"authentication": "signature", "guardrail": "", "service_tier": "", "cache_lifetimes": "5m"}
THREE_TIERS = {"opus": TAGGED[Tier.OPUS], "haiku": TAGGED[Tier.HAIKU]}


def set_up(machine: Machine, email: str, bundle: bytes) -> None:
    machine.install(bundle)
    machine.sign_in(email)
    machine.aws.forget_calls()


def test_each_alias_goes_to_its_own_application_profile(claude: Path, machine: Machine, bundles: Bundles) -> None:
    set_up(machine, ADA, bundles.of(ADA, **THREE_TIERS))

    for tier, arn in TAGGED.items():
        reply = machine.ask(claude, "--model", tier.value)
        assert [(row["model_id"], row["status"]) for row in reply.invocations] == [(arn, 200)]
        # Claude Code knows whose prices and limits these are, without a question.
        (usage,) = reply.told["modelUsage"].values()
        assert usage["canonicalModel"].startswith(f"claude-{tier.value}-4-")
        assert usage["costBasis"] == "list"

    (row,) = machine.ask(claude).invocations
    assert (row["model_id"], row["traits"]) == (TAGGED[Tier.SONNET], NOTHING_ASKED_FOR)
    assert not {"bedrock.GetInferenceProfile", "bedrock-runtime.InvokeModel"} & set(machine.aws.calls())


def test_one_application_profile_serves_every_alias(claude: Path, machine: Machine, bundles: Bundles) -> None:
    set_up(machine, ADA, bundles.of(ADA))

    assert machine.ask(claude, "--model", "opus").models == {TAGGED[Tier.SONNET]}
    assert not {"bedrock.GetInferenceProfile", "bedrock-runtime.InvokeModel"} & set(machine.aws.calls())


def test_the_old_version_cannot_use_application_profiles(machine: Machine, bundles: Bundles) -> None:
    """`modelOverrides` holds for pins since 2.1.200 alone: such a plan needs that as its minimum version."""
    set_up(machine, ADA, bundles.of(ADA, **THREE_TIERS))

    reply = machine.ask(program(OLD))

    assert (reply.exit_code, reply.models) == (1, {"claude-sonnet-4-6"})
    assert "400 The provided model identifier is invalid" in reply.text


def test_guardrail_service_tier_and_an_hour_of_caching(each_claude: Path, machine: Machine, bundles: Bundles) -> None:
    guardrail = "arn:aws:bedrock:eu-west-1:111122223333:guardrail/a1b2c3d4e5"
    changes = {"guardrail": guardrail, "guardrail_version": "3", "service_tier": ServiceTier.FLEX}
    set_up(machine, ANA, bundles.of(ANA, **changes, prompt_caching=PromptCaching.ONE_HOUR))

    (row,) = machine.ask(each_claude).invocations

    assert row["status"] == 200
    asked_for = {"guardrail": f"{guardrail}:3", "service_tier": "flex", "cache_lifetimes": "1h"}
    assert row["traits"] == NOTHING_ASKED_FOR | asked_for


def test_caching_can_be_switched_off(claude: Path, machine: Machine, bundles: Bundles) -> None:
    set_up(machine, ANA, bundles.of(ANA, prompt_caching=PromptCaching.OFF))

    (row,) = machine.ask(claude).invocations

    assert row["traits"] == NOTHING_ASKED_FOR | {"cache_lifetimes": ""}
