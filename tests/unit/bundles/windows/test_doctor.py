"""What doctor.ps1 says about machines in many states, on the model of PowerShell in interpreter.py.

Programs are stand-ins, and where .NET would ask the network, the tests answer.
"""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from onboarding import doctor
from tests.unit.bundles.windows.home import FACTS, Ended, Home, script
from tests.unit.bundles.windows.interpreter import Machine
from tests.unit.bundles.windows.values import hashtable

ARN = "arn:aws:sts::111122223333:assumed-role/AWSReservedSSO_ClaudeCodeDeveloper_0123abcd/zoe"
Answer = tuple[int, str, str]  # exit status, standard output, standard error

Change = Callable[["World"], object]

# A settings file with all that the plan sets.
PLANNED = {
    "env": {"AWS_REGION": "eu-west-1", "AWS_PROFILE": "platform"},
    "availableModels": ["claude-opus-4-8", "claude-sonnet-4-6"],
    "permissions": {"deny": ["Read(./.env)", "WebSearch", "mine"]},
}
WELL: dict[str, Answer] = {
    "claude --version": (0, "2.1.330 (Claude Code)\n", ""),
    "claude auth status": (1, '{"loggedIn": false, "apiProvider": "bedrock"}\n', ""),
    "aws configure get region --profile platform": (0, "eu-west-1\n", ""),
    "aws sts get-caller-identity": (0, json.dumps({"Arn": ARN}), ""),
    "aws bedrock list-inference-profiles": (0, "\n".join(f"{pin}\tarn:x" for pin in FACTS["pins"]), ""),
    "aws bedrock-runtime invoke-model": (0, "", ""),
}


@dataclass
class World:
    """A machine: its programs' answers, what hosts do, what people type."""

    home: Home
    programs: dict[str, Answer] = field(default_factory=lambda: dict(WELL))
    became: dict[str, str] = field(default_factory=dict)
    terminal: bool = False
    typed: list[str] = field(default_factory=list)
    portal: tuple[int, str] = (200, "")
    sent: list[list[Any]] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)

    def doctor(self, *arguments: str) -> Ended:
        made = self.home.machine()
        made.replacements = {
            "find-program": self.find,
            "invoke-program": self.invoke,
            "get-reach": lambda machine, given, named, piped: [self.became.get(url, "answered") for url in given[0]],
            "test-terminal": lambda machine, given, named, piped: [self.terminal],
            "read-answer": self.answer,
            "read-code": self.answer,
            "send-report": self.send,
        }
        return self.home.run("doctor.ps1", *arguments, on=made)

    def find(self, machine: Machine, given: list[Any], named: dict[str, Any], piped: list[Any]) -> list[Any]:
        return [given[0] if any(line.startswith(f"{given[0]} ") for line in self.programs) else ""]

    def invoke(self, machine: Machine, given: list[Any], named: dict[str, Any], piped: list[Any]) -> list[Any]:
        line = " ".join([given[0], *given[1]])
        self.asked.append(line)
        status, out, err = next(answer for start, answer in self.programs.items() if line.startswith(start))
        return [hashtable({"Status": status, "Out": out, "Err": err})]

    def answer(self, machine: Machine, given: list[Any], named: dict[str, Any], piped: list[Any]) -> list[Any]:
        return [self.typed.pop(0)]

    def send(self, machine: Machine, given: list[Any], named: dict[str, Any], piped: list[Any]) -> list[Any]:
        self.sent.append(given)
        return [hashtable({"Status": self.portal[0], "Failure": self.portal[1]})]

    def results(self, *arguments: str) -> dict[str, tuple[str, str, str]]:
        ended = self.doctor("--json", *arguments)
        report = json.loads("\n".join(ended.left))
        assert ended.said == []
        assert ended.code == (1 if any(one["outcome"] == "failed" for one in report["results"]) else 0)
        return {one["check"]: (one["outcome"], one["reason"], one["detail"]) for one in report["results"]}


@pytest.fixture
def world(tmp_path: Path) -> World:
    home = Home(tmp_path / "x", {"COMPUTERNAME": "ZOE-PC", "PROCESSOR_ARCHITECTURE": "AMD64", "ProgramW6432": "/none"})
    home.put(home.settings, json.dumps(PLANNED).encode())
    return World(home)


def test_all_is_well(world: World) -> None:
    found = world.results("--ask-model")
    assert list(found) == [check.id for check in doctor.CHECKS]
    assert {(outcome, reason) for outcome, reason, _ in found.values()} == {("passed", "works")}
    assert found["claude-code"][2] == "2.1.330"
    assert found["settings"][2] == "~/.claude/settings.json"
    assert found["network"][2] == "bedrock-runtime.eu-west-1.amazonaws.com, sts.eu-west-1.amazonaws.com"


def test_people_read_a_line_for_each_check_and_the_remedies(world: World) -> None:
    world.programs["claude --version"] = (0, "2.1.99 (Claude Code)", "")
    ended = world.doctor("--no-model")
    assert ended.code == 1
    assert ended.said[:3] == [
        "doctor.introduction(platform|7)",
        "doctor.outcome.failed(|)  doctor.claude-code.title(|): doctor.claude-code.too-old(2.1.99|2.1.200)",
        "    doctor.claude-code.too-old.fix(2.1.99|2.1.200)",
    ]
    assert ended.said[-1] == "doctor.summary.failed(doctor.claude-code.title(|)|)"
    assert ended.left == []


def no_claude(world: World) -> None:
    world.programs = {line: answer for line, answer in world.programs.items() if not line.startswith("claude")}


def no_aws(world: World) -> None:
    world.programs = {line: answer for line, answer in world.programs.items() if not line.startswith("aws")}


def says(line: str, *answer: Any) -> Change:
    def change(world: World) -> None:
        world.programs[line] = answer

    return change


def told(**facts: Any) -> Change:
    return lambda world: world.home.give(**facts)


def edited(change: Callable[[Any], Any]) -> Change:
    def run(world: World) -> None:
        value = json.loads(world.home.settings.read_text())
        change(value)
        world.home.settings.write_text(json.dumps(value))

    return run


def put(path: str, content: str) -> Change:
    return lambda world: world.home.put(world.home.folder / path, content.encode())


def set_to(name: str, value: str) -> Change:
    return lambda world: world.home.environment.update({name: value})


def managed(content: str) -> Change:
    def run(world: World) -> None:
        set_to("ProgramW6432", str(world.home.folder / "programs"))(world)
        put("programs/ClaudeCode/managed-settings.json", content)(world)

    return run


STS = "aws sts get-caller-identity"
REGION = "aws configure get region --profile platform"
LIST = "aws bedrock list-inference-profiles"
INVOKE = "aws bedrock-runtime invoke-model"
BEDROCK = "bedrock-runtime.eu-west-1.amazonaws.com"
SECRET = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"


def role(arn: str) -> Change:
    return says(STS, 0, json.dumps({"Arn": arn}), "")


CASES: list[tuple[Change, str, str, str, str]] = [
    (no_claude, "claude-code", "failed", "not-found", ""),
    (no_claude, "provider", "skipped", "no-claude-code", ""),
    (says("claude --version", 0, "2.1.199", ""), "claude-code", "failed", "too-old", "2.1.199"),
    (says("claude --version", 124, "", ""), "claude-code", "unknown", "no-answer", "timeout after 20 s"),
    (says("claude --version", 7, "", ""), "claude-code", "unknown", "no-answer", "exit status 7"),
    (told(minimum_version=""), "claude-code", "passed", "works", "2.1.330"),
    (
        says("claude auth status", 1, '{"apiProvider":"firstParty"}', ""),
        "provider",
        "failed",
        "other-provider",
        "firstParty",
    ),
    (says("claude auth status", 1, "no", "Error: x"), "provider", "unknown", "no-answer", "Error: x"),
    (lambda world: world.home.settings.unlink(), "settings", "failed", "missing", "~/.claude/settings.json"),
    (lambda world: world.home.settings.write_text("{"), "settings", "unknown", "no-answer", "~/.claude/settings.json"),
    (edited(lambda value: value["env"].pop("AWS_REGION")), "settings", "failed", "differs", "env.AWS_REGION"),
    (
        edited(lambda value: value["permissions"]["deny"].pop(0)),
        *("settings", "failed", "differs", "permissions.deny"),
    ),
    (
        put(".claude/settings.json", '{"env": {"AWS_REGION": "x"}, "permissions": {"deny": []}}'),
        *("settings", "warning", "outranked-here", "env.AWS_REGION"),
    ),
    (managed('{"availableModels": []}'), "settings", "failed", "outranked", "availableModels"),
    (set_to("ANTHROPIC_MODEL", "opus"), "conflicts", "failed", "conflict", "ANTHROPIC_MODEL"),
    (no_aws, "profile", "failed", "no-cli", "platform"),
    (no_aws, "session", "unknown", "no-cli", ""),
    (told(aws_profile=""), "profile", "skipped", "no-profile", ""),
    (says(REGION, 0, "us-east-1\n", ""), "profile", "failed", "other-region", "us-east-1"),
    (says(REGION, 1, "", ""), "profile", "failed", "no-region", "platform"),
    (
        says(REGION, 255, "", "The config profile (platform) could not be found"),
        "profile",
        "failed",
        "missing",
        "platform",
    ),
    (
        says(REGION, 255, "", "The config profile (platform) could not be found"),
        "session",
        "skipped",
        "no-profile",
        "platform",
    ),
    (
        says(REGION, 255, "", "Unable to parse config file"),
        "profile",
        "unknown",
        "no-answer",
        "Unable to parse config file",
    ),
    (
        says(STS, 255, "", "\r\nError loading SSO Token: Token for x does not exist\r\n"),
        *("session", "failed", "not-signed-in", "Error loading SSO Token: Token for x does not exist"),
    ),
    (
        lambda world: (told(login_command="")(world), says(STS, 255, "", "Unable to locate credentials")(world))[0],
        *("session", "failed", "no-credentials", "Unable to locate credentials"),
    ),
    (
        says(STS, 255, "", "ForbiddenException when calling the GetRoleCredentials operation: Forbidden, denied"),
        *(
            "session",
            "failed",
            "no-access",
            "ForbiddenException when calling the GetRoleCredentials operation: Forbidden, denied",
        ),
    ),
    (
        says(STS, 255, "", "Error when retrieving credentials from custom-process: no"),
        *("session", "failed", "helper-failed", "Error when retrieving credentials from custom-process: no"),
    ),
    (says(STS, 255, "", f"Error: {SECRET}"), "session", "unknown", "no-answer", "Error: ***"),
    (
        says(STS, 255, "", "Error at https://zoe:pw@proxy"),
        "session",
        "unknown",
        "no-answer",
        "Error at https://***@proxy",
    ),
    (says(STS, 255, "", "Error"), "identity", "skipped", "no-session", ""),
    (says(STS, 0, "{}", ""), "identity", "unknown", "no-answer", ""),
    (role(ARN.replace("1111", "9999")), "identity", "failed", "other-account", ARN.replace("1111", "9999")),
    (
        role(ARN.replace("Developer_", "Developer_Admin_")),
        "identity",
        "failed",
        "other-role",
        ARN.replace("Developer_", "Developer_Admin_"),
    ),
    (
        role("arn:aws:iam::111122223333:user/dev/ClaudeCodeDeveloper"),
        "identity",
        "passed",
        "works",
        "arn:aws:iam::111122223333:user/dev/ClaudeCodeDeveloper",
    ),
    (
        role("arn:aws:sts::111122223333:assumed-role/ClaudeCodeDeveloper/z"),
        "identity",
        "passed",
        "works",
        "arn:aws:sts::111122223333:assumed-role/ClaudeCodeDeveloper/z",
    ),
    (says(LIST, 0, FACTS["pins"][0] + "\tarn:x", ""), "discovery", "failed", "missing", FACTS["pins"][1]),
    (
        says(LIST, 254, "", "An error occurred (AccessDeniedException)"),
        "discovery",
        "unknown",
        "refused",
        "An error occurred (AccessDeniedException)",
    ),
    (says(LIST, 255, "", "Could not connect"), "discovery", "unknown", "no-answer", "Could not connect"),
    (told(pins=[]), "discovery", "skipped", "no-models", ""),
    (
        says(INVOKE, 254, "", "An error occurred (AccessDeniedException)"),
        "model",
        "failed",
        "refused",
        "An error occurred (AccessDeniedException)",
    ),
    (
        says(INVOKE, 254, "", "ThrottlingException: error"),
        "model",
        "unknown",
        "no-answer",
        "ThrottlingException: error",
    ),
    (
        lambda world: world.became.update({FACTS["hosts"][0]: "unreachable", FACTS["hosts"][1]: "certificate"}),
        "network",
        "failed",
        "unreachable",
        BEDROCK,
    ),
    (
        lambda world: world.became.update({FACTS["hosts"][0]: "certificate"}),
        "network",
        "failed",
        "certificate",
        BEDROCK,
    ),
    (lambda world: world.became.update({FACTS["hosts"][0]: "unknown"}), "network", "unknown", "no-answer", BEDROCK),
    (told(hosts=[]), "network", "unknown", "no-answer", ""),
    (
        set_to("AWS_ENDPOINT_URL", "https://zoe:pw@proxy.example:8443/x?y"),
        "network",
        "passed",
        "works",
        "proxy.example:8443",
    ),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case[1]}-{case[3]}")
def test_each_answer(world: World, case: tuple[Change, str, str, str, str]) -> None:
    change, check, outcome, reason, detail = case
    change(world)
    assert world.results("--ask-model")[check] == (outcome, reason, detail)


def test_paths_do_not_tell_where_people_keep_things(world: World) -> None:
    put(".claude/settings.local.json", '{"env": {"AWS_REGION": "x"}}')(world)
    said = world.doctor("--no-model").said
    assert any("outranked-here(env.AWS_REGION|./.claude/settings.local.json)" in line for line in said)


def test_a_managed_file_that_says_what_the_plan_says_is_enough(world: World) -> None:
    managed(world.home.settings.read_text())(world)
    world.home.settings.unlink()
    assert world.results()["settings"][:2] == ("passed", "works")


def test_what_the_managed_file_sets_need_not_be_in_the_own_one(world: World) -> None:
    managed('{"env": {"AWS_REGION": "eu-west-1"}}')(world)
    edited(lambda value: value["env"].pop("AWS_REGION"))(world)
    assert world.results()["settings"][:2] == ("passed", "works")


def test_application_profiles_are_listed_as_such(world: World) -> None:
    own = "arn:aws:bedrock:eu-west-1:111122223333:application-inference-profile/abc"
    world.home.give(pins=[own])
    world.programs[LIST] = (0, f"abc\t{own}\n", "")
    assert world.results()["discovery"][:2] == ("passed", "works")
    assert [line.split()[4] for line in world.asked if "list-inference" in line] == ["APPLICATION"]


def test_the_aws_cli_is_asked_with_the_profile_and_the_region_of_the_plan(world: World) -> None:
    world.results("--ask-model")
    calls = [line for line in world.asked if line.startswith("aws ") and "configure" not in line]
    assert all(line.endswith("--region eu-west-1 --profile platform") for line in calls)


@pytest.mark.parametrize(
    ("terminal", "typed", "arguments", "reason"),
    [
        (False, [], (), "not-asked"),
        (True, [" Yes"], (), "works"),
        (True, [""], (), "not-asked"),
        (True, [], ("--no-model",), "not-asked"),
        (False, [], ("--ask-model",), "works"),
    ],
)
def test_a_model_is_asked_with_consent_only(
    world: World, terminal: bool, typed: list[str], arguments: tuple[str, ...], reason: str
) -> None:
    world.terminal, world.typed = terminal, typed
    assert world.results(*arguments)["model"][1] == reason


def test_the_report_is_shown_and_sent(world: World) -> None:
    world.terminal, world.typed = True, ["", "y", "c0de-1\n"]
    ended = world.doctor("--report", "--name", "Zoë's")
    assert ended.code == 0
    [[url, code, report]] = world.sent
    assert (url, code) == ("https://onramp.acme.example/install/report/", "c0de-1")
    assert report in ended.said
    assert ended.said[-1] == "doctor.report.sent(|)"
    read = json.loads(report)
    assert list(read) == ["version", "plan", "revision", "machine", "os", "cli_version", "results"]
    assert (read["machine"], read["plan"], read["revision"]) == ("Zoë's", "platform", 7)
    assert report.isascii()


@pytest.mark.parametrize(
    ("typed", "portal", "said", "code"),
    [
        (["n"], (200, ""), "declined(|)", 0),
        (["y", 'a b"c'], (200, ""), "bad-code(|)", 1),
        (["y", "c"], (410, ""), "code-refused(|)", 1),
        (["y", "c"], (302, ""), "refused(HTTP 302|)", 1),
        (["y", "c"], (500, ""), "no-answer(HTTP 500|)", 1),
        (["y", "c"], (0, "no route"), "no-answer(no route|)", 1),
    ],
)
def test_what_becomes_of_a_report(
    world: World, typed: list[str], portal: tuple[int, str], said: str, code: int
) -> None:
    world.terminal, world.typed, world.portal = True, typed, portal
    ended = world.doctor("--report", "--no-model")
    assert (ended.said[-1], ended.code) == (f"doctor.report.{said}", code)


def test_json_and_report_together_keep_people_off_standard_output(world: World) -> None:
    world.terminal, world.typed = True, ["c0de"]
    ended = world.doctor("--report", "--json", "--yes", "--no-model")
    assert json.loads("\n".join(ended.left)) == json.loads(world.sent[0][2])
    assert ended.said == []
    assert ended.complained == ["doctor.report.sent(|)"]


def test_no_report_goes_where_others_could_read_it(world: World) -> None:
    world.home.give(portal_url="http://onramp.acme.example")
    ended = world.doctor("--report", "--yes", "--no-model")
    assert (ended.code, world.sent) == (1, [])


@pytest.mark.parametrize("arguments", [("--jsn",), ("--name",), ("x",)])
def test_misuse(world: World, arguments: tuple[str, ...]) -> None:
    ended = world.doctor(*arguments)
    assert ended.code == 3
    assert ended.complained == [f"doctor.unknown-option({arguments[0]}|)", "doctor.usage(|)"]
    assert world.doctor("--help").code == 0
    assert world.doctor("-Help").code == 0


@pytest.mark.parametrize("name", ["words.txt", "json.ps1", "onramp.json"])
def test_a_bundle_with_a_file_missing(world: World, name: str) -> None:
    (world.home.bundle / name).unlink()
    ended = world.doctor("--json")
    assert ended.code == 3
    assert name in ended.complained[0]


def test_it_changes_nothing(world: World) -> None:
    before = world.home.everything()
    world.results("--ask-model")
    assert world.home.everything() == before


@pytest.mark.parametrize("number", [12])
def test_it_says_what_doctor_sh_says(world: World, number: int) -> None:
    # Of each check, the outcome and the reason. curl is a stand-in that always gets an answer.
    CASES[number][0](world)
    found = {check: told[:2] for check, told in world.results("--ask-model").items()}
    assert posix_results(world) == found


def posix_results(world: World) -> dict[str, tuple[str, str]]:
    for name in ("doctor.sh", "json.sh"):
        (world.home.bundle / name).write_bytes(script(name))
    programs = world.home.folder / "programs"
    programs.mkdir()
    answers = {**world.programs, "curl": (0, "", "")}
    for program in {line.split()[0] for line in answers}:
        lines = [stand_in(line, *answer) for line, answer in answers.items() if line.split()[0] == program]
        (programs / program).write_text('#!/bin/sh\ncase "${0##*/} $*" in\n' + "".join(lines) + "esac\n")
        (programs / program).chmod(0o755)
    environment = {"HOME": str(world.home.person), "PATH": f"{programs}:{os.environ['PATH']}"}
    command = ["sh", str(world.home.bundle / "doctor.sh"), "--json", "--ask-model"]
    done = subprocess.run(
        command, env=environment, cwd=world.home.folder, capture_output=True, check=False, timeout=30
    )
    results = json.loads(done.stdout)["results"]
    return {one["check"]: (one["outcome"], one["reason"]) for one in results}


def stand_in(line: str, status: int, out: str, err: str) -> str:
    return f"\"{line}\"*) printf '%s' '{out}'; printf '%s' '{err}' >&2; exit {status} ;;\n"
