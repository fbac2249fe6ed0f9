"""The real Claude Code CLI with what a bundle installed in a home directory, against the sandbox's AWS.

A test with `each_claude` says what both versions do; the others are about one of them.
"""

from __future__ import annotations

import io
import json
import zipfile
from pathlib import Path

import pytest

from onboarding.enums import Tier
from tests.conformance.claude_code import CURRENT, OLD
from tests.conformance.conftest import program
from tests.conformance.machine import Machine
from tests.conformance.people import HAIKU, OPUS, SONNET, Bundles, bundle_of, verified

pytestmark = pytest.mark.conformance

ANA = "ana.nunez@acme.example"
ELENA = "elena.ruiz@acme.example"  # her plan's Opus waits for its agreement
HANA = "hana.novak@acme.example"  # her plan has Haiku only


@pytest.fixture
def ana(bundles: Bundles, machine: Machine) -> Machine:
    """Ana's machine, set up and signed in."""
    machine.install(bundles.of(ANA))
    machine.sign_in(ANA)
    return machine


@pytest.fixture
def elena(bundles: Bundles, machine: Machine) -> Machine:
    """Elena's machine, where her plan's default is a model that was verified for her."""
    machine.install(bundles.of(ELENA, default_tier=Tier.SONNET))
    machine.sign_in(ELENA)
    return machine


@pytest.mark.usefixtures("company")
def test_these_are_the_bundles_that_the_portal_makes(bundles: Bundles) -> None:
    assert bundles.of(ANA) == bundle_of(verified(ANA))


def test_it_is_the_pinned_version_and_knows_that_it_uses_bedrock(
    each_claude: Path, version: str, ana: Machine
) -> None:
    assert ana.run(each_claude, "--version").stdout.split()[0] == version

    status = ana.run(each_claude, "auth", "status")

    assert status.returncode == 0
    assert json.loads(status.stdout)["apiProvider"] == "bedrock"


def test_claudes_own_doctor_accepts_every_setting(claude: Path, ana: Machine) -> None:
    """Not at 2.1.197, where it wants a terminal."""
    assert "Invalid settings" not in ana.run(claude, "doctor").stdout

    # That it would have said so, had there been anything to say:
    wrong = json.loads(ana.settings.read_text()) | {"availableModels": SONNET}
    ana.settings.write_text(json.dumps(wrong))
    assert "Invalid settings" in ana.run(claude, "doctor").stdout


def test_each_alias_means_the_plans_model(each_claude: Path, ana: Machine) -> None:
    for tier, profile in {Tier.OPUS: OPUS, Tier.SONNET: SONNET, Tier.HAIKU: HAIKU}.items():
        reply = ana.ask(each_claude, "--model", tier.value)
        assert reply.models == {profile}
        assert list(reply.told["modelUsage"]) == [profile]


def test_a_model_outside_the_plan_is_never_asked(each_claude: Path, version: str, ana: Machine) -> None:
    """It takes another of the plan's for a model that `availableModels` does not name, and says nothing."""
    reply = ana.ask(each_claude, "--model", "eu.anthropic.claude-opus-5-5")

    assert reply.models == {{CURRENT: OPUS, OLD: SONNET}[version]}


def test_env_sh_does_without_settings_json(claude: Path, ana: Machine, bundles: Bundles) -> None:
    """The installer leaves it in the bundle: it is for places where nothing is installed."""
    ana.settings.unlink()
    with zipfile.ZipFile(io.BytesIO(bundles.of(ANA))) as packed:
        packed.extract("env.sh", ana.home)

    reply = ana.ask(claude, first=". ~/env.sh")

    assert reply.text == f"Hello from the sandbox, {SONNET}."
    assert reply.models == {SONNET}


def test_a_tier_left_out_means_the_default_model(claude: Path, elena: Machine) -> None:
    """And brings no start-up probes."""
    reply = elena.ask(claude, "--model", "opus")

    assert reply.text == f"Hello from the sandbox, {SONNET}."
    assert [(row["model_id"], row["operation"]) for row in reply.invocations] == [
        (SONNET, "InvokeModelWithResponseStream")
    ]
    # Prices, window and limits are those of the model that answered, not of the one left out.
    assert reply.told["modelUsage"][SONNET]["canonicalModel"] == "claude-sonnet-4-6"


def test_the_old_version_tries_models_of_its_own_where_a_tier_is_left_out(elena: Machine) -> None:
    """Before 2.1.200 `modelOverrides` does not hold for pins, so that one that two tiers share counts as none. The
    plan's model answers all the same; that others are called, only a plan of three tiers prevents, or a minimum
    version.
    """
    reply = elena.ask(program(OLD), "--model", "opus")

    assert reply.text == f"Hello from the sandbox, {SONNET}."
    assert [row["model_id"] for row in reply.invocations if row["operation"] != "InvokeModel"] == [SONNET]
    probed = {row["model_id"] for row in reply.invocations if row["operation"] == "InvokeModel"}
    # Which of them, and how many, is a matter of time: the turn does not wait for them.
    assert probed
    assert all(model.startswith(("eu.anthropic.claude-opus-4-", "eu.anthropic.claude-sonnet-4-5")) for model in probed)


def test_a_plan_of_one_tier_brings_no_start_up_probes(claude: Path, machine: Machine, bundles: Bundles) -> None:
    machine.install(bundles.of(HANA))
    machine.sign_in(HANA)

    assert machine.ask(claude).models == {HAIKU}
