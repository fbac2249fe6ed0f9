"""A person's machine: a home directory of its own, what the bundle installs there, and programs run in it."""

from __future__ import annotations

import datetime as dt
import hashlib
import io
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.sandbox_aws import Aws

_SECONDS = 60  # of each program; it needs one or two


@dataclass(frozen=True)
class Machine:
    """Programs run here see nothing of our environment; what is not on loopback is beyond `wall`, which refuses."""

    aws: Aws
    home: Path
    wall: str

    @property
    def environment(self) -> dict[str, str]:
        return {
            "PATH": os.pathsep.join([str(self.home / "bin"), os.defpath]),
            "HOME": str(self.home),
            "AWS_ENDPOINT_URL": self.aws.url,
            # Claude Code 2.1.330 obeys AWS_ENDPOINT_URL for Identity Center and STS; for inference only this one.
            "ANTHROPIC_BEDROCK_BASE_URL": self.aws.url,
            "AWS_EC2_METADATA_DISABLED": "true",
            "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1",
            "CLAUDE_CODE_DISABLE_OFFICIAL_MARKETPLACE_AUTOINSTALL": "1",
            "HTTP_PROXY": self.wall,
            "HTTPS_PROXY": self.wall,
            "NO_PROXY": "127.0.0.1,localhost",
        }

    @property
    def settings(self) -> Path:
        return self.home / ".claude" / "settings.json"

    @property
    def aws_config(self) -> Path:
        return self.home / ".aws" / "config"

    @property
    def bundle(self) -> Path:
        """What the installer keeps of a bundle."""
        return self.home / ".onramp" / "bundle"

    def run(self, *command: str | Path, typed: str = "", without: str = "") -> subprocess.CompletedProcess[str]:
        """Run to the end in an empty folder, with this on standard input and without a variable."""
        folder = self.home / "empty"
        folder.mkdir(exist_ok=True)
        return subprocess.run(
            command,
            cwd=folder,
            env={name: value for name, value in self.environment.items() if name != without},
            input=typed,
            capture_output=True,
            text=True,
            timeout=_SECONDS,
        )

    def install(self, archive: bytes) -> None:
        """Unpack a bundle, run its installer, and throw away what was unpacked."""
        folder = self.home / "Downloads" / "onramp-bundle"
        with zipfile.ZipFile(io.BytesIO(archive)) as packed:
            packed.extractall(folder)
        done = self.run("sh", folder / "install.sh")
        assert done.returncode == 0, (done.stdout, done.stderr)
        shutil.rmtree(folder.parent)

    def token_cache(self, email: str) -> tuple[str, str]:
        """Sign in with the device flow; the name and content of the file that `aws sso login` then writes.

        https://github.com/boto/botocore/blob/develop/botocore/tokens.py reads it; the name is made of the session's,
        as the installed configuration has it.
        """
        center, token = self.aws.company.identity_center, self.aws.sign_in(email)
        cached = {
            "startUrl": center.start_url,
            "region": self.aws.company.region,
            "accessToken": token["accessToken"],
            "expiresAt": _time(dt.timedelta(seconds=token["expiresIn"])),
            "clientId": token["clientId"],
            "clientSecret": token["clientSecret"],
            "registrationExpiresAt": _time(dt.timedelta(days=90)),
            "refreshToken": token["refreshToken"],
        }
        session = re.search(r"^\[sso-session (.+)\]$", self.aws_config.read_text(), re.MULTILINE)
        assert session is not None
        name = hashlib.sha1(session[1].encode(), usedforsecurity=False).hexdigest()
        return f"{name}.json", json.dumps(cached)

    def sign_in(self, email: str) -> None:
        """As after `aws sso login`, which only version 2 of the AWS CLI has, and that one is in no registry."""
        name, content = self.token_cache(email)
        cache = self.home / ".aws" / "sso" / "cache"
        cache.mkdir(parents=True, exist_ok=True)
        (cache / name).write_text(content)

    def ask(self, claude: Path, *options: str, first: str = "", typed: str = "") -> Reply:
        """`claude -p` with these options: its answer, and what the sandbox saw of it.

        `first` is what the person does before in the same shell, and `typed` what they type for that.
        """
        before = len(self.invocations())
        program: list[str | Path] = [claude, *options, "-p", "hello", "--output-format", "json"]
        done = self.run("sh", "-ec", f'{first}\nexec "$@" </dev/null', "sh", *program, typed=typed)
        assert done.stdout.startswith("{"), (done.stdout, done.stderr)
        return Reply(done.returncode, json.loads(done.stdout), tuple(self.invocations()[before:]))

    def invocations(self) -> list[dict[str, Any]]:
        """Every one that the sandbox saw, the earliest first."""
        rows: list[dict[str, Any]] = self.aws.call("GET", "/sandbox/invocations")
        return rows

    def put_python(self, name: str, *arguments: str) -> None:
        """A program that runs our Python; the system's own may have none, or another."""
        self.put_program(name, f'exec {shlex.join([sys.executable, *arguments])} "$@"')

    def put_program(self, name: str, script: str) -> None:
        """A program that is found before the system's own."""
        path = self.home / "bin" / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(f"#!{shutil.which('sh')}\n{script}\n")
        path.chmod(0o755)


@dataclass(frozen=True)
class Reply:
    """`told` is the object that `claude -p --output-format json` prints."""

    exit_code: int
    told: Mapping[str, Any]
    invocations: tuple[Mapping[str, Any], ...]

    @property
    def text(self) -> str:
        return str(self.told["result"])

    @property
    def models(self) -> set[str]:
        """Every model that was asked for, also by a probe or in vain."""
        return {row["model_id"] for row in self.invocations}


def _time(ahead: dt.timedelta) -> str:
    return (dt.datetime.now(dt.UTC) + ahead).strftime("%Y-%m-%dT%H:%M:%SZ")
