"""From the page to a connected machine, with the line that the page shows and the scripts that it brings."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.journeys.conftest import NewVisitor
from tests.journeys.stack import Stack
from tests.journeys.visitor import READY, Visitor

pytestmark = pytest.mark.journeys

SVEN = "sven.berg@acme.example"  # his plan keeps access keys in a profile
HER_OWN = '{\n  "theme": "dark",\n  "env": {"EDITOR": "nvim"}\n}\n'
# What the real one prints, as far as the doctor asks it.
CLAUDE = """#!/bin/sh
case $1 in
    --version) echo "2.1.330 (Claude Code)" ;;
    auth) echo '{"loggedIn": true, "apiProvider": "bedrock"}' ;;
esac
"""
AWS = """#!/bin/sh
case $* in
    *configure*) echo eu-west-1 ;;
    *get-caller-identity*) echo '{"Account": "111122223333", "Arn": "arn:aws:iam::111122223333:user/svc-sven"}' ;;
    *list-inference-profiles*) echo eu.anthropic.claude-sonnet-4-6 ;;
esac
"""


class Machine:
    """A home directory, and programs run in it with nothing of our environment."""

    def __init__(self, home: Path, aws_url: str) -> None:
        self.home, self.aws_url = home, aws_url
        (home / "bin").mkdir()
        for name, script in (("claude", CLAUDE), ("aws", AWS)):
            program = home / "bin" / name
            program.write_text(script)
            program.chmod(0o755)
        self.settings = home / ".claude" / "settings.json"
        self.settings.parent.mkdir()
        self.settings.write_text(HER_OWN)

    def run(self, line: str, said: str = "") -> subprocess.CompletedProcess[str]:
        """A line in a terminal; `said` is typed when something asks."""
        return subprocess.run(
            ["sh", "-c", line],
            cwd=self.home,
            env={
                "HOME": str(self.home),
                "PATH": os.pathsep.join([str(self.home / "bin"), os.defpath]),
                "AWS_ENDPOINT_URL": self.aws_url,
            },
            input=said,
            capture_output=True,
            text=True,
            timeout=60,
        )


def code(visitor: Visitor, purpose: str) -> str:
    return visitor.page.locator(f"#code-{purpose}").inner_text()


def test_one_line_installs_connects_and_comes_off_again(visit: NewVisitor, stack: Stack, tmp_path: Path) -> None:
    if shutil.which("curl") is None:
        pytest.skip("curl is not installed here")
    sven, machine = visit(), Machine(tmp_path, stack.aws_url)
    sven.sign_in(SVEN)
    assert sven.wait_for_answer() == READY
    sven.page.get_by_role("tab", name="Linux").click()
    sven.page.get_by_role("button", name="Get a code for Linux").click()
    line, install, report = sven.page.locator("#line").inner_text(), code(sven, "install"), code(sven, "report")

    installed = machine.run(line, f"{install}\n")

    assert installed.returncode == 0, installed.stdout + installed.stderr
    settings = json.loads(machine.settings.read_text())
    assert (settings["theme"], settings["env"]["EDITOR"]) == ("dark", "nvim")
    assert settings["env"]["CLAUDE_CODE_USE_BEDROCK"] == "1"
    assert machine.run(line, f"{install}\n").returncode != 0  # a code is good once

    reported = machine.run("sh .onramp/bundle/doctor.sh --report --yes --no-model --name svens-laptop", f"{report}\n")
    assert reported.returncode == 0, reported.stdout + reported.stderr
    assert "Sent." in reported.stdout + reported.stderr

    sven.open("/setup/")
    expect(sven.heading).to_have_text("You are connected. Claude Code is ready.")
    expect(sven.page.get_by_role("region", name="Your machines")).to_contain_text("svens-laptop")
    expect(sven.page.locator(".step").last).to_contain_text("No model call seen yet")

    assert machine.run("sh .onramp/bundle/install.sh uninstall").returncode == 0
    assert machine.settings.read_text() == HER_OWN
    assert {path.name for path in tmp_path.iterdir()} - {"onramp.sh"} == {"bin", ".claude"}


def test_a_code_is_in_no_address_and_in_no_log(visit: NewVisitor, stack: Stack, tmp_path: Path) -> None:
    person, machine = visit(), Machine(tmp_path, stack.aws_url)
    person.sign_in("emma.jones@acme.example")
    assert person.wait_for_answer() == READY
    person.page.get_by_role("tab", name="Linux").click()
    person.page.get_by_role("button", name="Get a code for Linux").click()
    codes = [code(person, "install"), code(person, "report")]
    machine.run(person.page.locator("#line").inner_text(), f"{codes[0]}\n")
    machine.run("sh .onramp/bundle/doctor.sh --report --yes --no-model", f"{codes[1]}\n")

    logs = "".join(path.read_text(errors="replace") for path in (stack.home / "logs").glob("*.log"))
    assert not any(each in text for each in codes for text in (logs, *person.requests))
