"""The doctor as a whole, on a pretend machine, in every shell."""

from __future__ import annotations

import json
from typing import Any

import pytest

from onboarding.doctor import CHECKS
from tests.unit.bundles.doctor.conftest import NewMachine
from tests.unit.bundles.doctor.machine import (
    READERS,
    ROLE_ARN,
    SHELLS,
    Case,
    Machine,
)
from tests.unit.bundles.doctor.portal import Portal
from tests.unit.bundles.examples import HOSTILE as HOSTILE_TEXTS

# --- Everything, in every shell


@pytest.mark.parametrize("shell", SHELLS)
def test_everything_works_in_every_shell(new_machine: NewMachine, portal: Portal, shell: str) -> None:
    machine = new_machine(shell)
    machine.works()
    machine.configure(hosts=[portal.url])
    said = machine.run("doctor.sh", "--ask-model")
    assert said.stderr == ""
    assert said.status == 0
    lines = said.stdout.splitlines()
    assert [line.split("  ")[0] for line in lines[1:-2]] == ["Passed"] * len(CHECKS)
    assert lines[-1] == "Nothing failed."


@pytest.mark.parametrize("reader", READERS)
def test_the_report_of_a_machine_that_works(machine: Machine, portal: Portal, reader: str) -> None:
    machine.configure(hosts=[portal.url])
    machine.environment["ONRAMP_JSON_READER"] = reader
    said = machine.doctor("--ask-model", "--name", "ana's machine")
    assert said.status == 0
    assert said.stderr == ""
    assert said.report["version"] == 1
    assert (said.report["plan"], said.report["revision"]) == ("platform", 7)
    assert (said.report["machine"], said.report["cli_version"]) == ("ana's machine", "2.1.330")
    assert said.reasons == {check.id: "passed works" for check in CHECKS}
    assert said.detail("identity") == ROLE_ARN
    assert said.detail("settings") == "~/.claude/settings.json"


@pytest.mark.parametrize("shell", SHELLS)
def test_a_machine_without_anything_in_every_shell(new_machine: NewMachine, shell: str) -> None:
    machine = new_machine(shell)
    machine.lacks("curl", "timeout")
    machine.environment["ANTHROPIC_MODEL"] = "opus"
    said = machine.doctor()
    assert said.status == 1
    assert said.stderr == ""
    assert said.reasons == {
        "claude-code": "failed not-found",
        "provider": "skipped no-claude-code",
        "settings": "failed missing",
        "conflicts": "failed conflict",
        "profile": "failed no-cli",
        "session": "unknown no-cli",
        "identity": "skipped no-session",
        "discovery": "skipped no-session",
        "model": "skipped no-session",
        "network": "unknown no-curl",
    }


def test_a_remedy_follows_what_did_not_pass(machine: Machine) -> None:
    lines = machine.drive("JSON=; check_claude_code; summarise", Case("2.1.99 (Claude Code)\n")).stdout.splitlines()
    assert lines == [
        "Failed  Claude Code: Version 2.1.99 is installed; your plan needs 2.1.200 or newer.",
        "    Run `claude update`, then `claude --version`: it must say 2.1.200 or newer.",
        "",
        "Failed: Claude Code. Start with the first one: those below it often need it.",
    ]


def test_a_summary_names_what_could_not_be_told(machine: Machine) -> None:
    lines = machine.drive("JSON=; check_claude_code; check_provider; summarise", Case()).stdout.splitlines()
    expected = "Nothing failed, but not everything could be told. Unknown: Claude Code, Bedrock as the provider."
    assert lines[-1] == expected


# --- What it prints, and how it ends

HOSTILE = 'a"b\\c\n\t\x1b]0;x\x07$(touch canary)`touch canary`\u202egnp.exe {2} & é'


@pytest.mark.parametrize("reader", READERS)
def test_hostile_texts_are_only_text(machine: Machine, reader: str) -> None:
    machine.environment["ONRAMP_JSON_READER"] = reader
    machine.configure(plan=HOSTILE, role=HOSTILE, default_model=HOSTILE)
    machine.says("claude", "--version", error=HOSTILE, status=1)
    machine.says("claude", "auth status", json.dumps({"apiProvider": HOSTILE}))
    arn = f"arn:aws:sts::111122223333:assumed-role/{HOSTILE}/ana"
    machine.says("aws", "sts get-caller-identity", json.dumps({"Arn": arn}))
    machine.says("aws", "bedrock list-inference-profiles", error=HOSTILE, status=254)
    said = machine.doctor("--name", HOSTILE)
    assert said.report["machine"] == HOSTILE
    assert said.report["plan"] == HOSTILE
    assert said.detail("provider").startswith('a"b\\c')


def test_a_terminal_is_shown_no_control_characters(machine: Machine) -> None:
    machine.configure(plan=HOSTILE)
    machine.says("claude", "auth status", json.dumps({"apiProvider": HOSTILE}))
    human = machine.drive('JSON=; read_plan; word doctor.introduction "$(plain "$PLAN")"; check_provider').stdout
    assert human.isascii()
    assert "\x1b" not in human
    assert "{2} & ??, not Bedrock." in human


@pytest.mark.parametrize("reader", READERS)
def test_every_name_makes_a_report(machine: Machine, reader: str) -> None:
    """One process, one report for each of many names."""
    machine.environment["ONRAMP_JSON_READER"] = reader
    texts = [text for text in HOSTILE_TEXTS if text and "\0" not in text and "\ud800" not in text]
    if reader == "jq":
        texts = texts[-6:]
    names = [*texts, '"\\', "\\u0000 {1}", "x" * 300, "\x1f\x7f", "a\n"]
    named = 'NAME=$(cat "$ONRAMP_CASE/out" && echo .); NAME=${NAME%.}; PLAN=p REVISION=7'
    said = machine.drive(f'{named}; write_report; cat "$WORK/report.json"', *(Case(name) for name in names))
    assert [report["machine"] for report in documents(said.stdout)] == names


def documents(text: str) -> list[dict[str, Any]]:
    """The JSON documents that stand one after the other in a text."""
    found, position, decoder = [], 0, json.JSONDecoder()
    while position < len(text):
        document, position = decoder.raw_decode(text, position)
        found.append(document)
        position += 1
    return found


@pytest.mark.parametrize("reader", READERS)
def test_a_name_that_is_no_text(machine: Machine, reader: str) -> None:
    machine.environment["ONRAMP_JSON_READER"] = reader
    calls = """NAME=$(printf 'caf\\351"'); PLAN=p REVISION=7; write_report; cat "$WORK/report.json\""""
    assert machine.drive(calls).report["machine"] == 'caf?"'


@pytest.mark.parametrize("arguments", [("--name",), ("--json", "$(touch canary)")])
def test_it_explains_its_use(machine: Machine, arguments: tuple[str, ...]) -> None:
    said = machine.run("doctor.sh", *arguments)
    assert said.status == 3
    assert said.stdout == ""
    assert "Usage: sh doctor.sh" in said.stderr


def test_help_is_no_error(machine: Machine) -> None:
    said = machine.run("doctor.sh", "--help")
    assert said.status == 0
    assert said.stdout.startswith("Usage: sh doctor.sh")


def test_without_a_json_reader(machine: Machine) -> None:
    machine.environment["ONRAMP_JSON_READER"] = "none"
    said = machine.run("doctor.sh", "--json")
    assert (said.status, said.stdout) == (4, "")
    assert said.stderr.startswith("The doctor needs a program that reads JSON")


@pytest.mark.parametrize("name", ["words.txt", "onramp.json", "json.sh"])
def test_a_bundle_that_is_not_whole(machine: Machine, name: str) -> None:
    (machine.bundle / name).unlink()
    said = machine.run("doctor.sh")
    assert (said.status, said.stdout) == (3, "")
    assert said.stderr.startswith(f"{name} could not be read.")


def test_a_word_that_is_missing_prints_its_key(machine: Machine) -> None:
    (machine.bundle / "words.txt").write_text("doctor.outcome.passed: Correcto\n")
    lines = machine.drive("JSON=; check_claude_code").stdout.splitlines()
    assert lines == ["Correcto  doctor.claude-code.title: doctor.claude-code.works"]


def test_it_changes_nothing(machine: Machine) -> None:
    def everything() -> dict[str, tuple[int, bytes]]:
        files = [path for path in machine.root.rglob("*") if path.is_file()]
        return {str(path): (path.stat().st_mtime_ns, path.read_bytes()) for path in files}

    before = everything()
    machine.doctor("--ask-model")
    assert everything() == before
