"""The real Claude Code CLI with the files of a bundle, against the sandbox's AWS."""

from __future__ import annotations

import json
import shlex
from pathlib import Path

import pytest

from onboarding.enums import Tier
from tests.conformance.claude_code import VERSION
from tests.conformance.machine import Machine
from tests.conformance.people import bundle_of, change_plan, verified

pytestmark = [pytest.mark.conformance, pytest.mark.usefixtures("company")]

ANA = "ana.nunez@acme.example"
ELENA = "elena.ruiz@acme.example"  # her plan's Opus waits for its agreement
HANA = "hana.novak@acme.example"  # her plan has Haiku only
DEFAULT = "eu.anthropic.claude-sonnet-4-6"

# The operations that a turn is made of: the same that docs and checks ask permissions for, and no other.
OPERATIONS = {
    "sso.GetRoleCredentials",
    "sts.GetCallerIdentity",  # before awsAuthRefresh: it answers, so that nobody has to sign in again
    "bedrock.ListInferenceProfiles",
    "bedrock-runtime.InvokeModelWithResponseStream",
}


@pytest.fixture
def ana(machine: Machine) -> Machine:
    """Ana's machine, set up and signed in."""
    machine.install(bundle_of(verified(ANA)))
    machine.sign_in(ANA)
    return machine


def test_it_is_the_pinned_version_and_knows_that_it_uses_bedrock(claude: Path, ana: Machine) -> None:
    assert ana.run(claude, "--version").stdout.split()[0] == VERSION

    status = ana.run(claude, "auth", "status")

    assert status.returncode == 0
    assert json.loads(status.stdout)["apiProvider"] == "bedrock"


def test_the_doctor_accepts_every_setting(claude: Path, ana: Machine) -> None:
    assert "Invalid settings" not in ana.run(claude, "doctor").stdout

    # That it would have said so, had there been anything to say:
    wrong = json.loads(ana.settings.read_text()) | {"availableModels": DEFAULT}
    ana.settings.write_text(json.dumps(wrong))
    assert "Invalid settings" in ana.run(claude, "doctor").stdout


def test_it_is_answered_by_the_plans_model_and_asks_no_other(claude: Path, ana: Machine) -> None:
    ana.aws.forget_calls()

    reply = ana.ask(claude)

    assert (reply.exit_code, reply.told["is_error"]) == (0, False)
    assert reply.text == f"Hello from the sandbox, {DEFAULT}."
    assert [(row["model_id"], row["status"]) for row in reply.invocations] == [(DEFAULT, 200)]
    assert reply.invocations[0]["region"] == "eu-west-1"
    assert reply.invocations[0]["principal"].endswith(f"/{ANA}")
    assert set(ana.aws.calls()) == OPERATIONS


def test_each_alias_means_the_plans_model(claude: Path, ana: Machine) -> None:
    for tier, profile in verified(ANA).usable.items():
        reply = ana.ask(claude, "--model", tier.value)
        assert reply.models == {profile}
        assert list(reply.told["modelUsage"]) == [profile]


def test_a_model_outside_the_plan_is_never_asked(claude: Path, ana: Machine) -> None:
    """Claude Code takes the Opus pin for a model that `availableModels` does not name, and says nothing."""
    reply = ana.ask(claude, "--model", "eu.anthropic.claude-opus-5-5")

    assert reply.models == {verified(ANA).usable[Tier.OPUS]}


def test_env_sh_does_without_settings_json(claude: Path, ana: Machine) -> None:
    ana.settings.unlink()
    sourced = ana.home / "claude-with-env-sh"
    env_sh = shlex.quote(str(ana.bundle / "env.sh"))
    sourced.write_text(f'#!/bin/bash\n. {env_sh}\nexec {shlex.quote(str(claude))} "$@"\n')
    sourced.chmod(0o755)

    reply = ana.ask(sourced)

    assert reply.text == f"Hello from the sandbox, {DEFAULT}."
    assert reply.models == {DEFAULT}


def test_who_is_not_signed_in_is_by_the_bundles_command(claude: Path, machine: Machine) -> None:
    """`awsAuthRefresh` in settings.json; an `aws` that leaves what the real one leaves stands in for it."""
    machine.install(bundle_of(verified(ANA)))
    name, content = machine.token_cache(ANA)
    (machine.home / "token").write_text(content)
    cache = machine.home / ".aws/sso/cache"
    machine.put_program("aws", f'echo "$@" >> ~/asked; mkdir -p {cache}; cp ~/token {cache}/{name}')

    reply = machine.ask(claude)

    assert (machine.home / "asked").read_text() == "sso login --profile claude-code-platform\n"
    assert reply.text == f"Hello from the sandbox, {DEFAULT}."


def _without_opus(machine: Machine) -> None:
    """Elena's machine, where her plan's default is a model that was verified for her."""
    change_plan("research", default_tier=Tier.SONNET)
    access = verified(ELENA)
    assert list(access.left_out) == [Tier.OPUS]
    machine.install(bundle_of(access))
    machine.sign_in(ELENA)


def test_a_tier_left_out_means_the_default_model(claude: Path, machine: Machine) -> None:
    _without_opus(machine)

    reply = machine.ask(claude, "--model", "opus")

    assert reply.text == f"Hello from the sandbox, {DEFAULT}."
    turns = [row for row in reply.invocations if row["operation"] == "InvokeModelWithResponseStream"]
    assert [row["model_id"] for row in turns] == [DEFAULT]
    # Prices, window and limits are those of the model that answered, not of the one left out.
    assert reply.told["modelUsage"][DEFAULT]["canonicalModel"] == "claude-sonnet-4-6"


def test_a_tier_left_out_brings_no_start_up_probes(claude: Path, machine: Machine) -> None:
    _without_opus(machine)

    assert machine.ask(claude).models == {DEFAULT}


def test_a_plan_of_one_tier_brings_no_start_up_probes(claude: Path, machine: Machine) -> None:
    access = verified(HANA)
    machine.install(bundle_of(access))
    machine.sign_in(HANA)

    assert machine.ask(claude).models == {access.usable[Tier.HAIKU]}
