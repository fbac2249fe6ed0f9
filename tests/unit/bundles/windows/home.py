"""A person's home folder, a bundle in it, and its PowerShell scripts at work there."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from tests.unit.bundles.windows.cmdlets import machine
from tests.unit.bundles.windows.interpreter import Exit, Machine
from tests.unit.bundles.windows.syntax import FILES

EDITS: list[dict[str, Any]] = [
    {"path": ["env", "AWS_REGION"], "value": "eu-west-1"},
    {"path": ["env", "AWS_PROFILE"], "value": "platform"},
    {"path": ["availableModels"], "value": ["claude-opus-4-8", "claude-sonnet-4-6"]},
    {"path": ["permissions", "deny"], "add": ["Read(./.env)", "WebSearch"]},
]
LATER_EDITS: list[dict[str, Any]] = [
    {"path": ["env", "AWS_REGION"], "value": "eu-central-1"},
    {"path": ["permissions", "deny"], "add": ["Read(./secrets/**)"]},
    {"path": ["cleanupPeriodDays"], "value": 20},
]
BLOCK = b"# >>> onramp platform >>>\n[profile platform]\nregion = eu-west-1\n# <<< onramp platform <<<\n"
LATER_BLOCK = BLOCK.replace(b"eu-west-1", b"eu-central-1")
FACTS: dict[str, Any] = {
    "version": 1,
    "portal_url": "https://onramp.acme.example",
    "plan": "platform",
    "revision": 7,
    "language": "en",
    "method": "identity-center",
    "aws_profile": "platform",
    "region": "eu-west-1",
    "account_id": "111122223333",
    "role": "ClaudeCodeDeveloper",
    "pins": ["eu.anthropic.claude-opus-4-8", "eu.anthropic.claude-sonnet-4-6"],
    "default_model": "eu.anthropic.claude-sonnet-4-6",
    "minimum_version": "2.1.200",
    "login_command": "aws sso login --profile platform",
    "hosts": ["https://bedrock-runtime.eu-west-1.amazonaws.com", "https://sts.eu-west-1.amazonaws.com"],
    "conflicts": ["ANTHROPIC_MODEL", "AWS_BEARER_TOKEN_BEDROCK"],
    "edits": EDITS,
}


@dataclass
class Ended:
    code: Any
    said: list[str]
    complained: list[str]
    left: list[Any]  # in the pipeline


@dataclass
class Home:
    folder: Path
    environment: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.person = self.folder / "Zoe O'Neill & Co [1]"
        self.bundle = self.folder / "a bundle"
        self.settings = self.person / ".claude" / "settings.json"
        self.config = self.person / ".aws" / "config"
        self.person.mkdir(parents=True)
        self.bundle.mkdir()
        self.give()

    def give(self, edits: list[dict[str, Any]] = EDITS, block: bytes | None = BLOCK, **facts: Any) -> None:
        """Another bundle in the place of the one there."""
        for name in ("install.ps1", "doctor.ps1", "json.ps1", "bedrock-key.ps1"):
            (self.bundle / name).write_bytes(script(name))
        (self.bundle / "words.txt").write_bytes(words())
        (self.bundle / "GUIDE.md").write_bytes(b"# Guide\n")
        (self.bundle / "settings.json").write_bytes(b"{}\n")
        (self.bundle / "onramp.json").write_text(json.dumps(FACTS | {"edits": edits} | facts))
        if block is None:
            (self.bundle / "aws-config").unlink(missing_ok=True)
        else:
            (self.bundle / "aws-config").write_bytes(block)

    def put(self, path: Path, content: bytes | None) -> None:
        if content is not None:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)

    def machine(self) -> Machine:
        made = machine({"USERPROFILE": str(self.person), "TEMP": str(self.folder)} | self.environment)
        made.location = str(self.folder)
        return made

    def run(self, script_name: str, *arguments: str, on: Machine | None = None, folder: Path | None = None) -> Ended:
        made, place = on or self.machine(), folder or self.bundle
        left: list[Any] = []
        code: Any = None
        try:
            made.load((place / script_name).read_bytes(), str(place), list(arguments), left)
        except Exit as ended:
            code = ended.code
        return Ended(code, made.said, made.complained, left)

    def install(self, *arguments: str) -> Ended:
        return self.run("install.ps1", *arguments)

    def everything(self) -> Mapping[str, tuple[int, bytes | None]]:
        """Every file and folder of the person's: when it changed, and what is in it."""
        return {
            str(path.relative_to(self.person)): (path.stat().st_mtime_ns, None if path.is_dir() else path.read_bytes())
            for path in sorted(self.person.rglob("*"))
        }


@cache
def script(name: str) -> bytes:
    return (FILES / name).read_bytes()


@cache
def words() -> bytes:
    """Each key says its name and what it is told."""
    from onboarding import doctor
    from onboarding.bundles import words

    told = dict.fromkeys(words.words() | doctor.words(), "")
    return b"doctor.yes-words: y yes\n" + "".join(f"{key}: {key}({{1}}|{{2}})\n" for key in told).encode()


def read(path: Path) -> bytes | None:
    return path.read_bytes() if path.exists() else None
