"""Each check's every answer, from doctor.sh's own functions and real shells."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from tests.unit.bundles.doctor.conftest import NewMachine
from tests.unit.bundles.doctor.machine import (
    PINS,
    READERS,
    SETTINGS,
    SHELLS,
    Case,
    Machine,
    has_ended,
    listed,
)
from tests.unit.bundles.doctor.portal import Portal, running, self_signed

NOBODY = "http://127.0.0.1:9"  # discard: nobody listens there


def reasons(machine: Machine, calls: str, *cases: Case) -> list[str]:
    return [answer.reason for answer in machine.check(calls, *cases)]


# --- Claude Code

VERSIONS = {
    "2.1.199 (Claude Code)": "failed too-old",
    "2.1.99 (Claude Code)": "failed too-old",
    "2.0.999": "failed too-old",
    "10.0.0": "passed works",
    "2.1.200": "passed works",
    "2.01.0200": "passed works",
    "Claude Code": "unknown no-answer",
    "": "unknown no-answer",
}


@pytest.mark.parametrize("shell", SHELLS)
def test_versions_are_compared_as_numbers(new_machine: NewMachine, shell: str) -> None:
    machine = new_machine(shell)
    cases = [Case(f"{version}\n") for version in VERSIONS]
    assert reasons(machine, "check_claude_code", *cases) == list(VERSIONS.values())


def test_any_version_will_do_where_the_plan_names_none(machine: Machine) -> None:
    machine.configure(minimum_version="")
    assert machine.check("check_claude_code", Case("0.0.1\n")) == [("passed works", "0.0.1")]


def test_a_version_that_is_not_named_tells_why(machine: Machine) -> None:
    case = Case(error="warning\nError: cannot find module\n", status=1)
    assert machine.check("check_claude_code", case) == [("unknown no-answer", "Error: cannot find module")]


@pytest.mark.parametrize("reader", READERS)
def test_the_provider_in_force(machine: Machine, reader: str) -> None:
    machine.environment["ONRAMP_JSON_READER"] = reader
    cases = {
        Case('{"loggedIn": true, "apiProvider": "bedrock"}'): ("passed works", ""),
        Case('{"loggedIn": false, "apiProvider": "bedrock"}', status=1): ("passed works", ""),
        Case('{"apiProvider": "firstParty"}', status=1): ("failed other-provider", "firstParty"),
        Case(error="error: unknown command 'status'\n", status=1): (
            "unknown no-answer",
            "error: unknown command 'status'",
        ),
        Case("{}"): ("unknown no-answer", "exit status 0"),
    }
    assert machine.check("check_provider", *cases) == list(cases.values())


# --- Settings


class Files(NamedTuple):
    """Settings files by their rank, and what the doctor makes of them."""

    expected: str
    detail: str = ""
    own: Any = None
    managed: Any = None
    local: Any = None
    project: Any = None


OPUS = SETTINGS | {"model": "opus"}
EVERYTHING = "env.AWS_REGION, model, permissions.deny"
SETTINGS_FILES = (
    Files("passed works", "own.json", own=SETTINGS),
    Files("failed missing", "own.json"),
    Files("failed differs", "model", own=OPUS),
    Files("failed differs", EVERYTHING, own={}),
    Files("failed differs", "permissions.deny", own=SETTINGS | {"permissions": {"deny": ["WebFetch"]}}),
    Files("unknown no-answer", "own.json", own='{"model": "sonnet",}'),
    Files("unknown no-answer", "own.json", own="[]"),
    Files("unknown no-answer", "managed.json", own=SETTINGS, managed="{"),
    Files("passed works", "managed.json", managed=SETTINGS),
    Files("passed works", "managed.json", managed=SETTINGS, own=OPUS),
    Files("failed outranked", "model", managed={"model": "opus"}, own=SETTINGS),
    Files("passed works", "own.json", managed={"model": "sonnet"}, own=OPUS),
    Files("failed differs", "env.AWS_REGION, permissions.deny", managed={"model": "sonnet"}, own={"model": "opus"}),
    Files("failed missing", "own.json", managed={"cleanupPeriodDays": 5}),
    Files("warning outranked-here", "model", own=SETTINGS, local={"model": "opus", "permissions": {"deny": []}}),
    Files("warning outranked-here", "env.AWS_REGION", own=SETTINGS, project={"env": {"AWS_REGION": ""}}),
    Files("failed differs", "model", own=OPUS, project={"model": "haiku"}),
    Files(
        "passed works", "own.json", own=SETTINGS, project={"env": {"X": "y"}, "permissions": {"deny": ["WebFetch"]}}
    ),
)


def test_settings_that_device_management_has_to_bring(machine: Machine) -> None:
    machine.configure(settings_scope="managed")
    folder = machine.root / "managed"
    folder.mkdir()
    (folder / "1.json").write_text(json.dumps(SETTINGS))
    (folder / "2.json").write_text("{}")
    answers = []
    for name in ("0", "1", "2"):
        place = f'settings_file() {{ [ "$1" != managed ] || echo "{folder}/{name}.json"; }}'
        answers += reasons(machine, f'{place}; rm -f "$WORK"/[mlop]*; check_settings')
    assert answers == ["failed not-managed", "passed works", "failed outranked"]


def test_a_helper_that_claude_code_runs_is_not_asked(machine: Machine) -> None:
    machine.configure(method="credential-export", aws_profile="")
    assert reasons(machine, "check_session; check_identity") == ["skipped helper", "skipped no-session"]


@pytest.mark.parametrize("reader", READERS)
def test_settings_in_their_order(machine: Machine, reader: str) -> None:
    machine.environment["ONRAMP_JSON_READER"] = reader
    folder = machine.root / "ranks"
    for number, files in enumerate(SETTINGS_FILES):
        (folder / f"{number:03}").mkdir(parents=True)
        for rank in ("managed", "own", "local", "project"):
            content = getattr(files, rank)
            if content is not None:
                text = content if isinstance(content, str) else json.dumps(content)
                (folder / f"{number:03}" / f"{rank}.json").write_text(text)
    place = f'settings_file() {{ printf "%s\\n" "{folder}/${{ONRAMP_CASE##*/}}/$1.json"; }}'
    answers = machine.check(f'{place}; rm -f "$WORK"/[mlop]*; check_settings', *(Case() for _ in SETTINGS_FILES))
    for answer, files in zip(answers, SETTINGS_FILES, strict=True):
        assert answer.reason == files.expected
        assert answer.detail.endswith(files.detail)
        assert len(answer.detail) < len(str(folder)) or files.detail.endswith(".json")


def test_settings_where_claude_code_reads_them(machine: Machine) -> None:
    elsewhere = machine.root / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "settings.json").write_text("{}")
    with_variable = f"CLAUDE_CONFIG_DIR='{elsewhere}'"
    calls = f"for rank in managed own local project; do settings_file $rank; done; {with_variable}; settings_file own"
    assert machine.drive(calls).stdout.splitlines() == [
        "/etc/claude-code/managed-settings.json",
        f"{machine.home}/.claude/settings.json",
        "./.claude/settings.local.json",
        "./.claude/settings.json",
        f"{elsewhere}/settings.json",
    ]
    calls = f'check_settings; rm "$WORK/own"; {with_variable}; check_settings'
    assert machine.check(calls) == [("passed works", "~/.claude/settings.json"), ("failed differs", EVERYTHING)]


def test_on_a_mac_the_managed_file_is_elsewhere(machine: Machine) -> None:
    machine.program("uname", "echo Darwin")
    said = machine.drive("settings_file managed").stdout
    assert said == "/Library/Application Support/ClaudeCode/managed-settings.json\n"


def test_the_home_directory_is_no_project(machine: Machine) -> None:
    machine.folder.rmdir()
    machine.folder.symlink_to(machine.home)
    machine.settings(SETTINGS | {"permissions": {}})
    # It differs, and is not told to outrank itself too.
    is_same = 'is_same_file ./.claude/settings.json "$(settings_file own)" && echo same'
    assert machine.drive(f'check_settings; cat "$WORK/results"; {is_same}').stdout.splitlines() == [
        "settings failed differs permissions.deny",
        "same",
    ]


# --- Variables


def test_conflicts_are_those_that_are_exported(machine: Machine) -> None:
    machine.environment["OTHER"] = "x\nANTHROPIC_MODEL=opus"
    assert reasons(machine, "check_conflicts") == ["passed works"]
    machine.environment |= {"AWS_BEARER_TOKEN_BEDROCK": "ABSKsecretsecret", "ANTHROPIC_MODEL": "opus"}
    expected = ("failed conflict", "ANTHROPIC_MODEL, AWS_BEARER_TOKEN_BEDROCK")
    assert machine.check("check_conflicts") == [expected]


def test_conflicts_that_cannot_be_read_are_unknown(machine: Machine) -> None:
    # An empty list is an answer; that the file goes in the middle is none.
    assert reasons(machine, 'FOLDER="$FOLDER/gone" && check_conflicts 2>/dev/null') == ["unknown no-answer"]


# --- Profile

PROFILE = "claude-code-platform"
PROFILES = {
    Case("eu-west-1\n"): ("passed works", PROFILE),
    Case("us-east-1\n"): ("failed other-region", "us-east-1"),
    Case(status=1): ("failed no-region", PROFILE),
    Case(error=f"\nThe config profile ({PROFILE}) could not be found\n", status=255): ("failed missing", PROFILE),
    Case(error="\nUnable to parse config file: ~/.aws/config\n", status=255): (
        "unknown no-answer",
        "Unable to parse config file: ~/.aws/config",
    ),
}


def test_the_profile(machine: Machine) -> None:
    assert machine.check("check_profile", *PROFILES) == list(PROFILES.values())


def test_a_profile_that_is_missing_has_no_session(machine: Machine) -> None:
    missing = next(case for case, answer in PROFILES.items() if "missing" in answer[0])
    assert reasons(machine, "check_profile; check_session", missing) == ["failed missing", "skipped no-profile"]


@pytest.mark.parametrize("profile", ["", PROFILE])
def test_only_a_plan_with_a_profile_uses_one(machine: Machine, profile: str) -> None:
    machine.configure(aws_profile=profile)
    machine.program("aws", f'echo "$*" >>"{machine.root}/asked"; exit 1')
    expected = ["failed no-region" if profile else "skipped no-profile", "unknown no-answer"]
    assert reasons(machine, "check_profile; check_session") == expected
    asked = (machine.root / "asked").read_text().splitlines()
    assert [f"--profile {PROFILE}" in line for line in asked] == ([True, True] if profile else [False])


@pytest.mark.parametrize(
    ("login", "expected"), [("aws login", "failed no-cli"), ("acme-login", "unknown no-cli-needed")]
)
def test_without_the_aws_cli(machine: Machine, login: str, expected: str) -> None:
    machine.configure(login_command=login)
    (machine.bin / "aws").unlink()
    assert reasons(machine, "check_profile; check_session") == [expected, "unknown no-cli"]


# --- Session

SIGNED_OUT = (
    "Error loading SSO Token: Token for acme does not exist",
    "Error when retrieving token from sso: Token has expired and refresh failed",
    "The SSO session associated with this profile has expired or is otherwise invalid. To refresh this SSO session "
    "run aws sso login with the corresponding profile.",
    'aws: [ERROR]: Unable to locate credentials. You can configure credentials by running "aws login".',
    "Your session has expired. Please reauthenticate using 'aws login'.",
    "Partial credentials found in env, missing: AWS_SECRET_ACCESS_KEY",
    "An error occurred (ExpiredToken) when calling the GetCallerIdentity operation: The security token included in "
    "the request is expired",
    "An error occurred (UnauthorizedException) when calling the GetRoleCredentials operation: Session token not found "
    "or invalid",
    "An error occurred (InvalidClientTokenId) when calling the GetCallerIdentity operation: The security token "
    "included in the request is invalid.",
)
OTHERS = {
    "An error occurred (ForbiddenException) when calling the GetRoleCredentials operation: No access": (
        "failed no-access"
    ),
    "Error when retrieving credentials from custom-process: token expired": "failed helper-failed",
    'Could not connect to the endpoint URL: "https://sts.eu-west-1.amazonaws.com/"': "unknown no-answer",
    "An error occurred (ServiceUnavailable) when calling the GetCallerIdentity operation": "unknown no-answer",
    "": "unknown no-answer",
}


@pytest.mark.parametrize("shell", ["sh", "busybox"])
def test_the_session(new_machine: NewMachine, shell: str) -> None:
    machine = new_machine(shell)
    texts = dict.fromkeys(SIGNED_OUT, "failed not-signed-in") | OTHERS
    cases = [Case(error=f"\n{text}\n", status=255) for text in texts]
    expected = [(reason, text or "exit status 255") for text, reason in texts.items()]
    assert machine.check("PROFILE_FOUND=1; check_session", *cases) == expected


def test_who_has_no_command_for_signing_in_is_sent_to_the_guide(machine: Machine) -> None:
    machine.configure(login_command="")
    case = Case(error=SIGNED_OUT[0], status=255)
    assert reasons(machine, "PROFILE_FOUND=1; check_session", case) == ["failed no-credentials"]


def test_no_credential_is_in_a_detail(machine: Machine) -> None:
    secrets = {
        "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY": "***",
        "ASIAIOSFODNN7EXAMPLE": "***",
        "bedrock-api-key-YmVkcm9jaw==": "***",
        "https://ana:hunter2@proxy:8": "https://***@proxy:8",
        "eyJhbGciOiJIUzI1NiJ9.e30.x": "***",
        "password=hunter2": "password=***",
        "'SecretAccessKey': 'hunter2'": "'SecretAccessKey': '***'",
        "arn:aws:sts::111122223333:assumed-role/AWSReservedSSO_ClaudeCodeDeveloper_0123456789abcdef/ana": (
            "arn:aws:sts::111122223333:assumed-role/AWSReservedSSO_ClaudeCodeDeveloper_0123456789abcdef/ana"
        ),
    }
    cases = [Case(error=f"Error: {secret}", status=255) for secret in secrets]
    answers = machine.check("PROFILE_FOUND=1; check_session", *cases)
    assert [answer.detail for answer in answers] == [f"Error: {masked}" for masked in secrets.values()]


# --- Role

STS = "arn:aws:sts::111122223333:assumed-role"
ARNS = {
    f"{STS}/AWSReservedSSO_ClaudeCodeDeveloper_0123456789abcdef/ana": "passed works",
    f"{STS}/ClaudeCodeDeveloper/ana": "passed works",
    "arn:aws:iam::111122223333:user/ClaudeCodeDeveloper": "passed works",
    "arn:aws:iam::111122223333:user/people/ClaudeCodeDeveloper": "passed works",
    "arn:aws-us-gov:sts::111122223333:assumed-role/ClaudeCodeDeveloper/ana": "passed works",
    f"{STS}/AWSReservedSSO_ClaudeCodeDeveloper_More_0123456789abcdef/ana": "failed other-role",
    f"{STS}/AWSReservedSSO_Admin_0123456789abcdef/ana": "failed other-role",
    f"{STS}/Admin/ClaudeCodeDeveloper": "failed other-role",
    f"{STS}/ClaudeCodeDeveloper2/ana": "failed other-role",
    "arn:aws:sts::999999999999:assumed-role/ClaudeCodeDeveloper/ana": "failed other-account",
    "": "unknown no-answer",
}
ASK_WHO = "aws_asks sts get-caller-identity; SESSION=1; check_identity"


@pytest.mark.parametrize("shell", SHELLS)
def test_the_role(new_machine: NewMachine, shell: str) -> None:
    calls = 'ACCOUNT=111122223333 ROLE=ClaudeCodeDeveloper && tell_identity "$(cat "$ONRAMP_CASE/out")"'
    answers = new_machine(shell).check(calls, *(Case(arn) for arn in ARNS))
    assert answers == [(reason, arn) for arn, reason in ARNS.items()]


def test_a_role_is_no_pattern(machine: Machine) -> None:
    machine.configure(role="*")
    case = Case(json.dumps({"Arn": f"{STS}/Admin/ana"}))
    assert reasons(machine, ASK_WHO, case) == ["failed other-role"]


def test_an_answer_without_a_name_is_unknown(machine: Machine) -> None:
    assert reasons(machine, ASK_WHO, Case("{}"), Case("<html>")) == ["unknown no-answer"] * 2


def test_without_a_session_nothing_that_needs_one_is_asked(machine: Machine) -> None:
    calls = "check_identity; check_discovery; check_model"
    assert reasons(machine, calls) == ["skipped no-session"] * 3


# --- Models

OWN = "arn:aws:bedrock:eu-west-1:111122223333:application-inference-profile/abcdefghijkl"
DISCOVERIES = {
    Case(listed(PINS)): ("passed works", ""),
    Case(listed([*PINS[1:], f"{PINS[0]}-v2"])): ("failed missing", PINS[0]),
    Case(""): ("failed missing", ", ".join(PINS)),
    Case(error="An error occurred (AccessDeniedException) when calling ListInferenceProfiles", status=254): (
        "unknown refused",
        "An error occurred (AccessDeniedException) when calling ListInferenceProfiles",
    ),
    Case(error="aws: error: Invalid choice", status=252): ("unknown no-answer", "aws: error: Invalid choice"),
}


def test_the_models_that_bedrock_lists(machine: Machine) -> None:
    assert machine.check("SESSION=1; check_discovery", *DISCOVERIES) == list(DISCOVERIES.values())


def test_profiles_of_the_company_are_asked_for_by_their_kind(machine: Machine) -> None:
    machine.configure(pins=[OWN, PINS[0]])
    asked = "bedrock list-inference-profiles --type-equals"
    machine.says("aws", f"{asked} SYSTEM_DEFINED", listed(PINS))
    machine.says("aws", f"{asked} APPLICATION", f"abcdefghijkl\t{OWN}\n")
    assert reasons(machine, "SESSION=1; check_discovery") == ["passed works"]
    machine.says("aws", f"{asked} APPLICATION", "")
    assert machine.check("SESSION=1; check_discovery") == [("failed missing", OWN)]


def test_a_bundle_without_models(machine: Machine) -> None:
    machine.configure(pins=[])
    assert reasons(machine, "SESSION=1; check_discovery") == ["skipped no-models"]


def test_the_answers_of_a_model(machine: Machine) -> None:
    names = {
        "AccessDeniedException": "failed refused",
        "ResourceNotFoundException": "failed refused",
        "ValidationException": "failed refused",
        "ThrottlingException": "unknown no-answer",
        "ModelTimeoutException": "unknown no-answer",
    }
    texts = {f"An error occurred ({name}) when calling InvokeModel: No.": reason for name, reason in names.items()}
    cases = [Case(error=f"\n{text}\n", status=254) for text in texts]
    expected = [(reason, text) for text, reason in texts.items()]
    assert machine.check("SESSION=1; check_model", *cases) == expected
    assert machine.check("SESSION=1; check_model", Case("{}")) == [("passed works", PINS[1])]


def test_no_model_is_asked_without_consent(machine: Machine) -> None:
    machine.program("aws", f'touch "{machine.root}/canary"')
    calls = "SESSION=1; MODEL=ask; check_model; MODEL=refused; check_model"
    assert reasons(machine, calls) == ["skipped not-asked"] * 2


def test_the_call_to_the_model_is_the_smallest_there_is(machine: Machine) -> None:
    save = f'for a in "$@"; do case $a in fileb://*) cat "${{a#fileb://}}" >"{machine.root}/body" ;; esac; done'
    machine.program("aws", save)
    assert reasons(machine, "SESSION=1; check_model") == ["passed works"]
    body = json.loads((machine.root / "body").read_text())
    assert body["max_tokens"] == 1
    assert body["anthropic_version"] == "bedrock-2023-05-31"


# --- Network


def test_any_answer_is_an_answer(machine: Machine, portal: Portal) -> None:
    portal.first_statuses = [200, 302, 403, 500]
    machine.configure(hosts=[portal.url, f"{portal.url}/two", portal.url, portal.url])
    name = portal.url.removeprefix("http://")
    assert machine.check("check_network") == [("passed works", ", ".join([name] * 4))]
    assert sorted(request.path for request in portal.requests) == ["/", "/", "/", "/two"]


def test_hosts_that_do_not_answer_are_named(machine: Machine, portal: Portal) -> None:
    machine.configure(hosts=[portal.url, NOBODY])
    assert machine.check("check_network") == [("failed unreachable", "127.0.0.1:9")]


def test_a_host_that_takes_too_long(machine: Machine, portal: Portal) -> None:
    portal.is_silent = True
    machine.configure(hosts=[portal.url])
    machine.environment["ONRAMP_DOCTOR_SECONDS"] = "1"
    assert reasons(machine, "check_network") == ["failed unreachable"]


def test_the_endpoint_of_the_environment_is_asked_instead(machine: Machine, portal: Portal) -> None:
    machine.configure(hosts=[NOBODY])
    machine.program("curl", f'printf "%s\\n" "$@" >>"{machine.root}/argv"; exec "{machine.tools}/curl" "$@"')
    machine.environment["AWS_ENDPOINT_URL"] = portal.url.replace("//", '//ana:hunter"2@') + "/path?token=x"
    assert machine.check("check_network") == [("passed works", portal.url.removeprefix("http://"))]
    assert portal.requests[0].path == "/path?token=x"
    assert "hunter" not in (machine.root / "argv").read_text()


def test_a_proxy_is_honoured(machine: Machine, portal: Portal) -> None:
    machine.configure(hosts=["http://bedrock.invalid"])
    machine.environment |= {"http_proxy": portal.url, "NO_PROXY": ""}
    assert machine.check("check_network") == [("passed works", "bedrock.invalid")]
    assert portal.requests[0].path == "http://bedrock.invalid/"


def test_a_certificate_that_is_not_trusted(machine: Machine, tmp_path: Path) -> None:
    with running(certificate=self_signed(tmp_path / "certificate.pem")) as server:
        machine.configure(hosts=[server.url])
        answers = machine.check("check_network")
    assert answers == [("failed certificate", server.url.removeprefix("https://"))]
    assert server.requests == []


def test_addresses_that_are_none_are_no_answer(machine: Machine) -> None:
    assert machine.check("check_network") == [("unknown no-answer", "")]
    machine.configure(hosts=["file:///etc/passwd"])
    assert reasons(machine, "check_network") == ["unknown no-answer"]


# --- Time


@pytest.mark.parametrize("shell", SHELLS)
def test_programs_that_hang_are_ended_without_a_timeout(new_machine: NewMachine, shell: str) -> None:
    machine = new_machine(shell)
    machine.lacks("timeout")
    assert_ends(machine, "PROFILE_FOUND=1; check_session")


@pytest.mark.parametrize("shell", ["sh", "busybox"])
def test_programs_that_hang_are_ended_by_a_timeout(new_machine: NewMachine, shell: str) -> None:
    assert_ends(new_machine(shell), "SESSION=1; check_discovery")


def assert_ends(machine: Machine, calls: str) -> None:
    machine.program("aws", f'echo $$ >"{machine.root}/pid"; exec sleep 90')
    machine.environment["ONRAMP_DOCTOR_SECONDS"] = "1"
    assert machine.check(calls) == [("unknown no-answer", "timeout after 1 s")]
    assert has_ended((machine.root / "pid").read_text().strip())
