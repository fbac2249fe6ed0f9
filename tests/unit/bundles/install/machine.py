"""A pretend machine: a home directory, a bundle, and the shells and JSON readers that this computer has."""

from __future__ import annotations

import json
import os
import shutil
import stat
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from onboarding.bundles import words

SCRIPTS = Path(words.__file__).parent / "files"
SHELLS = {
    "sh": ("sh",),
    "bash": ("bash",),
    "dash": ("dash",),
    "busybox": ("busybox", "sh"),
    "zsh": ("zsh", "--emulate", "sh"),
}
# The program each reader is, or is played by.
READERS = {"python3": "python3", "jq": "jq", "jxa": "node"}
# Each shell, and each reader.
COMBINATIONS = [*((shell, "python3") for shell in SHELLS), ("busybox", "jq"), ("zsh", "jxa")]

Edits = Sequence[Mapping[str, Any]]

EDITS: Edits = (
    {"path": ["env", "CLAUDE_CODE_USE_BEDROCK"], "value": "1"},
    {"path": ["env", "AWS_REGION"], "value": "eu-west-1"},
    {"path": ["model"], "value": "sonnet"},
    {"path": ["availableModels"], "value": ["eu.anthropic.claude-opus-4-8", "eu.anthropic.claude-sonnet-4-6"]},
    {"path": ["permissions", "deny"], "add": ["Read(./.env)", "Read(./secrets/**)"]},
)
NEXT_EDITS: Edits = (
    {"path": ["env", "CLAUDE_CODE_USE_BEDROCK"], "value": "1"},
    {"path": ["env", "AWS_REGION"], "value": "eu-central-1"},
    {"path": ["modelOverrides", "claude-opus-5"], "value": "arn:aws:bedrock:eu-west-1:1:inference-profile/ñ"},
    {"path": ["permissions", "deny"], "add": ["Read(./.env)", "WebFetch"]},
    {"path": ["limit"], "value": 1.5},
)


def block(profile: str = "claude-code", region: str = "eu-west-1") -> bytes:
    return (
        f"# >>> onramp {profile} >>>\n[sso-session {profile}]\nsso_region = {region}\n\n"
        f"[profile {profile}]\nsso_session = {profile}\nregion = {region}\n# <<< onramp {profile} <<<\n"
    ).encode()


def program(name: str) -> str:
    path = shutil.which(name)
    if path is None:
        pytest.skip(f"{name} is not installed here")
    return path


def present(names: Mapping[str, str]) -> list[str]:
    return [name for name, command in names.items() if shutil.which(command)]


def shells_here() -> list[str]:
    return present({name: command[0] for name, command in SHELLS.items()})


# --- Bundles


def onramp_json(edits: Edits, **facts: Any) -> bytes:
    values = {
        "version": 1,
        "portal_url": "https://onramp.acme.example",
        "plan": "platform",
        "revision": 7,
        "language": "en",
        "method": "identity-center",
        "aws_profile": "claude-code",
        "region": "eu-west-1",
        "account_id": "111122223333",
        "role": "ClaudeCodeDeveloper",
        "pins": ["eu.anthropic.claude-sonnet-4-6"],
        "default_model": "eu.anthropic.claude-sonnet-4-6",
        "minimum_version": "2.1.200",
        "login_command": "aws sso login --profile claude-code",
        "hosts": ["https://bedrock-runtime.eu-west-1.amazonaws.com"],
        "conflicts": ["ANTHROPIC_MODEL", "AWS_BEARER_TOKEN_BEDROCK"],
        "edits": list(edits),
    } | facts
    return json.dumps(values).encode()


def make_bundle(
    folder: Path, edits: Edits = EDITS, *, config: bytes | None = None, settings: bool = True, **facts: Any
) -> None:
    """The folder, as a person would have unpacked it. `config` is its part of the AWS configuration."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    for name in ("install.sh", "json.sh"):
        shutil.copy(SCRIPTS / name, folder / name)
    (folder / "words.txt").write_bytes(words.words_txt(words.words()))
    (folder / "onramp.json").write_bytes(onramp_json(edits, **facts))
    (folder / "GUIDE.md").write_text("# Guide\n")
    if settings:
        (folder / "settings.json").write_text("{}\n")
    if config is not None:
        (folder / "aws-config").write_bytes(config)


# --- Machines


class Entry(NamedTuple):
    mode: int
    content: bytes | None  # of a file; where a symbolic link points
    modified: int  # nanoseconds


def tree(folder: Path) -> dict[str, Entry]:
    """Everything in a folder, the folder itself included."""
    paths = [folder, *folder.rglob("*")]
    return {str(path.relative_to(folder)): _entry(path) for path in paths}


def _entry(path: Path) -> Entry:
    status = path.lstat()
    if stat.S_ISLNK(status.st_mode):
        return Entry(status.st_mode, os.fsencode(path.readlink()), status.st_mtime_ns)
    content = path.read_bytes() if stat.S_ISREG(status.st_mode) else None
    return Entry(status.st_mode, content, status.st_mtime_ns)


def timeless(entries: Mapping[str, Entry]) -> dict[str, tuple[int, bytes | None]]:
    return {name: (entry.mode, entry.content) for name, entry in entries.items()}


@dataclass
class Machine:
    folder: Path
    shell: str = "sh"
    reader: str = "python3"
    environment: dict[str, str] = field(default_factory=dict)
    tools: Sequence[Path] = ()  # folders looked in before all others
    home: Path = Path()
    bundle: Path = Path()

    def __post_init__(self) -> None:
        self.home = self.folder / "home"
        self.bundle = self.folder / "bundle"
        self.home.mkdir()
        (self.folder / "temporary").mkdir()
        make_bundle(self.bundle, config=block())

    @property
    def settings(self) -> Path:
        return self.home / ".claude" / "settings.json"

    @property
    def config(self) -> Path:
        return self.home / ".aws" / "config"

    @property
    def own(self) -> Path:
        return self.home / ".onramp"

    def has(self, *, settings: bytes | None = None, config: bytes | None = None) -> None:
        """Gives the person these files."""
        for path, content in ((self.settings, settings), (self.config, config)):
            if content is not None:
                path.parent.mkdir(exist_ok=True)
                path.write_bytes(content)

    def install(self, *options: str, expect: int | None = 0) -> str:
        return self.run(self.bundle / "install.sh", *options, expect=expect)

    def uninstall(self, *options: str, expect: int | None = 0) -> str:
        return self.run(self.bundle / "install.sh", "uninstall", *options, expect=expect)

    def run(self, script: Path | str, *options: str, expect: int | None = 0) -> str:
        """What was printed, both kinds. Fails on another exit status, and on a leftover in the temporary folder."""
        command = [*SHELLS[self.shell], str(script), *options]
        result = subprocess.run(command, cwd=self.folder, env=self._environment(), capture_output=True, timeout=60)
        output = (result.stdout + result.stderr).decode(errors="replace")
        if expect is not None:
            assert result.returncode == expect, output
            assert not list((self.folder / "temporary").iterdir()), output
        return output

    def _environment(self) -> dict[str, str]:
        path = os.pathsep.join([*map(str, self.tools), str(reader_folder()), os.defpath])
        clean = {"PATH": path, "HOME": str(self.home), "TMPDIR": str(self.folder / "temporary")}
        clean |= {"ONRAMP_JSON_READER": self.reader} | self.environment
        return {name: value for name, value in clean.items() if value != UNSET}


UNSET = "\0unset"


@contextmanager
def machine(**settings: Any) -> Iterator[Machine]:
    """For properties, whose examples share no folder."""
    with tempfile.TemporaryDirectory() as folder:
        yield Machine(Path(folder).resolve(), **settings)


@cache
def reader_folder() -> Path:
    """python3 by its own name, because on many machines a slow script has it; and an osascript, played by node."""
    folder = Path(tempfile.mkdtemp(prefix="readers-", dir=os.environ["ONRAMP_HOME"]))
    (folder / "python3").symlink_to(Path(sys.executable).resolve())
    if node := shutil.which("node"):
        play = Path(__file__).parent / "osascript.js"
        (folder / "osascript").write_text(f'#!/bin/sh\nexec "{node}" "{play}" "$@"\n')
        (folder / "osascript").chmod(0o755)
    return folder
