"""The bundle's own doctor in an installed home, with the real Claude Code and AWS CLIs, against the sandbox's AWS."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from onboarding.enums import CredentialMethod
from tests.conformance.machine import Machine
from tests.conformance.people import SONNET, Bundles, denial, verified

pytestmark = [
    pytest.mark.conformance,
    pytest.mark.skipif(shutil.which("curl") is None, reason="no curl, with which the doctor looks at the network"),
]

ANA = "ana.nunez@acme.example"
LUIS = "luis.gil@acme.example"  # his role lacks one of the Regions that the model routes to
EMMA = "emma.jones@acme.example"  # keys in the environment
CHECKS = [
    "claude-code",
    "provider",
    "settings",
    "conflicts",
    "profile",
    "session",
    "identity",
    "discovery",
    "model",
    "network",
]


def examined(machine: Machine, claude: Path, aws_cli: tuple[str, ...], *, first: str = "", typed: str = "") -> Any:
    """The report of the installed doctor, which may ask a model, and by check what it says."""
    machine.put_program("claude", f'exec {claude} "$@"')
    machine.put_python("aws", *aws_cli[1:])
    command = f"{first}\nexec sh ~/.onramp/bundle/doctor.sh --json --ask-model </dev/null"
    # The sandbox's address for Claude Code is what the doctor looks for in vain on a healthy machine.
    done = machine.run("sh", "-ec", command, typed=typed, without="ANTHROPIC_BEDROCK_BASE_URL")
    report = json.loads(done.stdout)
    found = {row["check"]: (row["outcome"], row["reason"]) for row in report["results"]}
    assert list(found) == CHECKS
    assert done.returncode == int(any(outcome == "failed" for outcome, _ in found.values())), done.stderr
    return report, found


def test_everything_passes_for_a_healthy_person(
    each_claude: Path, version: str, machine: Machine, aws_cli: tuple[str, ...], bundles: Bundles
) -> None:
    machine.install(bundles.of(ANA))
    machine.sign_in(ANA)

    report, found = examined(machine, each_claude, aws_cli)

    assert found == dict.fromkeys(CHECKS, ("passed", "works"))
    assert (report["plan"], report["cli_version"]) == ("platform", version)
    details = {row["check"]: row["detail"] for row in report["results"]}
    assert details["identity"] == f"{machine.aws.session_arn('ClaudeCodeDeveloper')}/{ANA}"
    assert details["model"] == SONNET
    (row,) = machine.invocations()
    assert (row["model_id"], row["operation"], row["status"]) == (SONNET, "InvokeModel", 200)


def test_it_tells_who_is_not_signed_in_and_has_an_old_version(
    claude: Path, machine: Machine, aws_cli: tuple[str, ...], bundles: Bundles
) -> None:
    machine.install(bundles.of(ANA, minimum_version="2.1.331"))

    _, found = examined(machine, claude, aws_cli)

    assert found == dict.fromkeys(CHECKS, ("passed", "works")) | {
        "claude-code": ("failed", "too-old"),
        "session": ("failed", "not-signed-in"),
        **dict.fromkeys(["identity", "discovery", "model"], ("skipped", "no-session")),
    }
    assert machine.invocations() == []


@pytest.mark.usefixtures("company")
def test_a_refusal_by_aws_is_told(claude: Path, machine: Machine, aws_cli: tuple[str, ...], bundles: Bundles) -> None:
    """The portal makes no bundle for him: it is a colleague's, with his role."""
    machine.install(bundles.borrowed(ANA, denial(verified(LUIS))))
    machine.sign_in(LUIS)

    report, found = examined(machine, claude, aws_cli)

    assert found == dict.fromkeys(CHECKS, ("passed", "works")) | {"model": ("failed", "refused")}
    (said,) = (row["detail"] for row in report["results"] if row["check"] == "model")
    assert said.startswith("An error occurred (AccessDeniedException) when calling the InvokeModel operation: ")


def test_it_sees_keys_in_the_environment(
    claude: Path, machine: Machine, aws_cli: tuple[str, ...], bundles: Bundles
) -> None:
    """There is no profile to look at, and they are in no conflict with what they are for."""
    machine.install(bundles.of(EMMA, credential_method=CredentialMethod.ENVIRONMENT_KEYS))
    typed = "\n".join([*machine.aws.user_keys(EMMA).values(), "", ""])

    _, found = examined(machine, claude, aws_cli, first=". ~/.onramp/bundle/aws-keys.sh", typed=typed)

    assert found == dict.fromkeys(CHECKS, ("passed", "works")) | {"profile": ("skipped", "no-profile")}
