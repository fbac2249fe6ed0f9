"""A pretend machine: a home, programs that say what the real ones say, and the scripts run by real shells."""

from __future__ import annotations

import functools
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from onboarding import doctor
from tests.unit.bundles.doctor.terminal import Terminal, at_terminal

FILES = Path(doctor.__file__).parent / "bundles" / "files"

# Each as the words that start it. busybox brings its own tools, the others take the system's.
SHELLS = {
    "sh": ("sh",),
    "bash": ("bash", "--posix"),
    "dash": ("dash",),
    "busybox": ("busybox", "sh"),
    "zsh": ("zsh", "--emulate", "sh"),
}
if os.path.realpath(shutil.which("sh") or "") == os.path.realpath(shutil.which("dash") or ""):
    del SHELLS["dash"]  # it is `sh` here
READERS = ("python3", "jq")
# fmt: off
TOOLS = (
    "awk", "cat", "chmod", "cmp", "cp", "cut", "date", "env", "find", "grep", "head", "ls", "mkdir", "mktemp", "mv",
    "od", "rm", "sed", "sh", "sha256sum", "sleep", "sort", "stty", "tail", "tar", "tee", "timeout", "touch", "tr",
    "true", "uname", "wc",
)
# fmt: on
NOT_OF_BUSYBOX = ("curl", "iconv", "jq")

ROLE_ARN = "arn:aws:sts::111122223333:assumed-role/AWSReservedSSO_ClaudeCodeDeveloper_0123456789abcdef/ana"
PINS = ["eu.anthropic.claude-opus-4-8", "eu.anthropic.claude-sonnet-4-6"]

ONRAMP: dict[str, Any] = {
    "version": 1,
    "portal_url": "http://127.0.0.1:9",
    "plan": "platform",
    "revision": 7,
    "language": "en",
    "method": "identity-center",
    "aws_profile": "claude-code-platform",
    "region": "eu-west-1",
    "account_id": "111122223333",
    "role": "ClaudeCodeDeveloper",
    "pins": PINS,
    "default_model": "eu.anthropic.claude-sonnet-4-6",
    "minimum_version": "2.1.200",
    "login_command": "aws sso login --profile claude-code-platform",
    "hosts": [],
    "conflicts": ["ANTHROPIC_MODEL", "AWS_BEARER_TOKEN_BEDROCK"],
    "edits": [
        {"path": ["env", "AWS_REGION"], "value": "eu-west-1"},
        {"path": ["model"], "value": "sonnet"},
        {"path": ["permissions", "deny"], "add": ["Read(./.env)"]},
    ],
}
SETTINGS = {"env": {"AWS_REGION": "eu-west-1"}, "model": "sonnet", "permissions": {"deny": ["Read(./.env)"]}}


def shell_command(name: str) -> list[str]:
    if shutil.which(SHELLS[name][0]) is None:
        pytest.skip(f"{name} is not installed here")
    return [str(shutil.which(SHELLS[name][0])), *SHELLS[name][1:]]


# Runs checks of the doctor in one process, each case with other answers from the stand-ins `claude` and `aws`.
DRIVER = """
drive() {
    start --json --ask-model
    for ONRAMP_CASE in "$CASES"/*; do
        export ONRAMP_CASE
        : >"$WORK/results"
        %s
    done
}

{ drive; exit; }
"""
ANSWER = 'cat "$ONRAMP_CASE/out"; cat "$ONRAMP_CASE/err" >&2; exit "$(cat "$ONRAMP_CASE/status")"'
LAST_LINE = '{ main "$@"; exit; }\n'


class Case(NamedTuple):
    """What a program answers."""

    out: str = ""
    error: str = ""
    status: int = 0


class Answer(NamedTuple):
    """What a check says: outcome and reason, and the detail."""

    reason: str
    detail: str


@dataclass
class Said:
    """What a program printed, and how it ended."""

    stdout: str
    stderr: str
    status: int

    @property
    def report(self) -> dict[str, Any]:
        report: dict[str, Any] = json.loads(self.stdout)
        return report

    @property
    def reasons(self) -> dict[str, str]:
        return {result["check"]: f"{result['outcome']} {result['reason']}" for result in self.report["results"]}

    def detail(self, check: str) -> str:
        return str(next(result["detail"] for result in self.report["results"] if result["check"] == check))


@dataclass
class Machine:
    """Nothing of our own environment reaches it; a script that leaves a file `canary` behind fails its test."""

    root: Path
    tools: Path
    shell_name: str = "sh"
    environment: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for folder in (self.home, self.bundle, self.bin, self.folder, self.temporary, self.said):
            folder.mkdir(parents=True, exist_ok=True)
        for script in FILES.glob("*.sh"):
            shutil.copyfile(script, self.bundle / script.name)
        self.write_words()
        self.configure()

    @property
    def home(self) -> Path:
        return self.root / "home o'brien"

    @property
    def bundle(self) -> Path:
        return self.root / "the $(touch canary) bundle"

    @property
    def bin(self) -> Path:
        return self.root / "bin"

    @property
    def folder(self) -> Path:
        """Where the terminal is."""
        return self.root / "work"

    @property
    def temporary(self) -> Path:
        return self.root / "tmp"

    @property
    def said(self) -> Path:
        return self.root / "said"

    def lacks(self, *programs: str) -> None:
        """These are not installed."""
        tools = self.root / "fewer tools"
        shutil.copytree(self.tools, tools, symlinks=True)
        self.tools = tools
        for program in programs:
            (tools / program).unlink()

    def write_words(self) -> None:
        (self.bundle / "words.txt").write_text(_words())

    def configure(self, **changes: Any) -> None:
        (self.bundle / "onramp.json").write_text(json.dumps(ONRAMP | changes, indent=1))

    def settings(self, content: Any, *, folder: Path | None = None, name: str = "settings.json") -> None:
        path = (folder or self.home) / ".claude" / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(content if isinstance(content, str) else json.dumps(content))

    def program(self, name: str, script: str) -> None:
        path = self.bin / name
        path.write_text(f"#!/bin/sh\n{script}\n")
        path.chmod(0o755)

    def says(self, name: str, about: str, out: str = "", *, error: str = "", status: int = 0) -> None:
        """`name`, asked anything that starts with `about`, answers this. Later words win."""
        number = len(list(self.said.iterdir()))
        (self.said / f"{number}.out").write_text(out)
        (self.said / f"{number}.err").write_text(error)
        answer = f"cat '{self.said}/{number}.out'; cat '{self.said}/{number}.err' >&2; exit {status}"
        path = self.bin / name
        before = path.read_text().removeprefix("#!/bin/sh\n") if path.exists() else "exit 99\n"
        self.program(name, f"case \"$* \" in '{about} '*) {answer} ;; esac\n{before}")

    def works(self) -> None:
        """Everything is as the plan wants it."""
        self.settings(SETTINGS)
        self.says("claude", "--version", "2.1.330 (Claude Code)\n")
        self.says("claude", "auth status", json.dumps({"loggedIn": True, "apiProvider": "bedrock"}, indent=2))
        self.says("aws", "configure get region", "eu-west-1\n")
        identity = {"UserId": "AROA:ana", "Account": "111122223333", "Arn": ROLE_ARN}
        self.says("aws", "sts get-caller-identity", json.dumps(identity, indent=4))
        self.says("aws", "bedrock list-inference-profiles", listed(PINS))
        self.says("aws", "bedrock-runtime invoke-model", '{"contentType": "application/json"}')

    @property
    def whole_environment(self) -> dict[str, str]:
        usual = {
            "PATH": f"{self.bin}{os.pathsep}{self.tools}",
            "HOME": str(self.home),
            "TMPDIR": str(self.temporary),
            "NO_PROXY": "127.0.0.1,localhost",
        }
        return usual | self.environment

    def command(self, script: str, *arguments: str) -> list[str]:
        return [*shell_command(self.shell_name), str(self.bundle / script), *arguments]

    def run(self, script: str, *arguments: str, stdin: str = "") -> Said:
        return self.run_words(self.command(script, *arguments), stdin)

    def run_words(self, words: list[str], stdin: str = "") -> Said:
        result = subprocess.run(
            words,
            cwd=self.folder,
            env=self.whole_environment,
            input=stdin.encode(),
            capture_output=True,
            check=False,
            timeout=60,
        )
        self.assert_clean()
        return Said(result.stdout.decode(), result.stderr.decode(), result.returncode)

    def assert_clean(self) -> None:
        assert not list(self.root.rglob("canary"))
        assert not list(self.temporary.iterdir()), "something was left behind"

    @contextmanager
    def terminal(self, script: str, *arguments: str) -> Iterator[Terminal]:
        with at_terminal(self.command(script, *arguments), self.folder, self.whole_environment) as terminal:
            yield terminal
        self.assert_clean()

    def record_curl(self) -> None:
        """Every argument and variable that curl is given."""
        record = f'{{ printf "%s\\n" "$@"; env; }} >>"{self.root}/recorded"'
        self.program("curl", f'{record}; exec "{self.tools}/curl" "$@"')

    @property
    def recorded(self) -> str:
        return (self.root / "recorded").read_text()

    def check(self, calls: str, *cases: Case) -> list[Answer]:
        """What checks (a line of shell that calls them) say, once for each case."""
        said = self.drive(f'{calls}; cat "$WORK/results"', *cases)
        return [_answer(line) for line in said.stdout.splitlines()]

    def drive(self, calls: str, *cases: Case) -> Said:
        """What functions of the doctor (a line of shell that calls them) print, once for each case."""
        folder = self.root / "cases"
        shutil.rmtree(folder, ignore_errors=True)
        for number, case in enumerate(cases or [Case()]):
            one = folder / f"{number:03}"
            one.mkdir(parents=True)
            (one / "out").write_bytes(case.out.encode())
            (one / "err").write_bytes(case.error.encode())
            (one / "status").write_text(str(case.status))
        if cases:
            self.program("claude", ANSWER)
            self.program("aws", ANSWER)
        script = (self.bundle / "doctor.sh").read_text()
        assert script.endswith(LAST_LINE)
        (self.bundle / "driven.sh").write_text(script.removesuffix(LAST_LINE) + DRIVER % calls)
        self.environment["CASES"] = str(folder)
        said = self.run("driven.sh")
        assert said.stderr == ""
        assert said.status == 0
        return said

    def doctor(self, *arguments: str, stdin: str = "") -> Said:
        """The doctor, as programs ask it. What it says is checked against the catalogue on the way."""
        said = self.run("doctor.sh", "--json", *arguments, stdin=stdin)
        if said.status in (0, 1):
            assert_known(said.report)
        return said


@functools.cache
def _words() -> str:
    return "".join(f"{key}: {sentence}\n" for key, sentence in doctor.words().items())


def link_tools(folder: Path, *, is_busybox: bool) -> Path:
    """A folder of the programs that a machine has before anything of ours is installed."""
    for tool in (*TOOLS, *NOT_OF_BUSYBOX):
        name = "busybox" if is_busybox and tool not in NOT_OF_BUSYBOX else tool
        program = shutil.which(name, path=os.defpath)
        if program is not None:
            (folder / tool).symlink_to(program)
    # The program itself, where PATH may hold a version manager's slow stand-in for it.
    (folder / "python3").symlink_to(Path(sys.executable).resolve())
    return folder


def has_ended(pid: str) -> bool:
    """Whether the process ends soon: it has been told to."""
    for _ in range(600):
        try:
            state = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
        except (FileNotFoundError, ProcessLookupError):
            return True
        if state == "Z":  # nobody has asked how it ended yet
            return True
        time.sleep(0.05)
    return False


def _answer(line: str) -> Answer:
    check_id, outcome, reason, detail = line.split(" ", 3)
    check = next(check for check in doctor.CHECKS if check.id == check_id)
    assert outcome == check.reasons[reason].word
    return Answer(f"{outcome} {reason}", detail)


def listed(pins: list[str]) -> str:
    """What `--output text` prints of profiles: an id and an ARN a line."""
    return "".join(f"{pin}\tarn:aws:bedrock:eu-west-1:111122223333:inference-profile/{pin}\n" for pin in pins)


def assert_known(report: dict[str, Any]) -> None:
    """The report has its keys, its order and its words, as onboarding.doctor has them."""
    assert list(report) == ["version", "plan", "revision", "machine", "os", "cli_version", "results"]
    assert [result["check"] for result in report["results"]] == [check.id for check in doctor.CHECKS]
    for check, result in zip(doctor.CHECKS, report["results"], strict=True):
        assert list(result) == ["check", "outcome", "reason", "detail"]
        assert result["outcome"] == check.reasons[result["reason"]].word
        assert len(result["detail"]) <= 200
        assert all(" " <= character <= "~" for character in result["detail"])
