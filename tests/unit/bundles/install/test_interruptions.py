"""A run that is killed, or a program that fails, at any point: nothing is lost, and the next run ends as it should."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.unit.bundles.install.machine import EDITS, NEXT_EDITS, Machine, make_bundle, program, timeless, tree

# Counts the calls that change what is the person's, or our notes about it. At one of them all is over.
STAND_IN = """#!/bin/sh
case $* in
    *"$HOME"/.onramp/bundle* | *"$HOME"/.onramp/backup*) ;;
    *"$HOME"/*)
        read -r count <'{folder}/count'
        read -r at <'{folder}/at'
        echo "$((count + 1))" >'{folder}/count'
        [ "$count" -ne "$at" ] || {end}
        ;;
esac
exec '{real}' "$@"
"""
KILLED, FAILED = "kill -9 0", "exit 1"

Files = dict[str, tuple[int, bytes | None]]


class Trap:
    """Stand-ins for the programs that change files, which end a run at a chosen call."""

    def __init__(
        self, folder: Path, end: str, programs: tuple[str, ...] = ("mv", "cp", "rm", "mkdir", "rmdir")
    ) -> None:
        self.folder = folder
        folder.mkdir()
        for name in programs:
            path = folder / name
            path.write_text(STAND_IN.format(folder=folder, real=program(name), end=end))
            path.chmod(0o755)

    def run(self, computer: Machine, *options: str, at: int) -> bool:
        """Whether the run came to its own end."""
        (self.folder / "count").write_text("0\n")
        (self.folder / "at").write_text(f"{at}\n")
        environment = {
            "HOME": str(computer.home),
            "PATH": f"{self.folder}:{os.defpath}",
            "ONRAMP_JSON_READER": "python3",
        }
        command = ["sh", str(computer.bundle / "install.sh"), *options]
        # A group of its own, because that is what is killed.
        result = subprocess.run(command, env=environment, capture_output=True, start_new_session=True, timeout=60)
        assert result.returncode in (0, 1, -signal.SIGKILL)
        return result.returncode == 0


def interrupted(computer: Machine, trap: Trap, *options: str) -> Iterator[int]:
    """The same home directory again and again, with a run that ends one call later each time."""
    before = computer.folder / "before"
    shutil.copytree(computer.home, before)
    at = 0
    while not trap.run(computer, *options, at=at):
        yield at
        at += 1
        shutil.rmtree(computer.home)
        shutil.copytree(before, computer.home)
    assert at > 2


def theirs(computer: Machine) -> Files:
    """All but our own folder."""
    return {name: entry for name, entry in timeless(tree(computer.home)).items() if not name.startswith(".onramp")}


def ours(computer: Machine) -> Files:
    return {name: entry for name, entry in timeless(tree(computer.own)).items() if not name.startswith("backup")}


def assert_nothing_is_lost(computer: Machine, *allowed: Files) -> None:
    found = theirs(computer)
    assert found[".claude/settings.json"] in [files[".claude/settings.json"] for files in allowed]


@pytest.fixture
def computer(tmp_path: Path) -> Machine:
    """r1 is installed, the person has edited the file since, and r2 is at hand."""
    computer = Machine(tmp_path)
    make_bundle(computer.bundle, EDITS)
    computer.has(settings=b'{"theirs":1, "env":{"AWS_REGION":"x"}}')
    computer.install()
    computer.settings.write_bytes(computer.settings.read_bytes().replace(b'"theirs": 1', b'"theirs": 2'))
    make_bundle(computer.bundle, NEXT_EDITS)
    return computer


@pytest.mark.parametrize("trap", [(KILLED,), (FAILED, ("mv",))], ids=["killed", "failed"])
def test_an_interrupted_installation(trap: tuple[str], computer: Machine, tmp_path: Path) -> None:
    first, template = theirs(computer), tmp_path / "template"
    shutil.copytree(computer.home, template)
    computer.install()
    second, notes = theirs(computer), ours(computer)
    computer.uninstall()
    without = theirs(computer)
    shutil.rmtree(computer.home)
    shutil.copytree(template, computer.home)
    for at in interrupted(computer, Trap(tmp_path / "tools", *trap)):
        assert_nothing_is_lost(computer, first, second)
        if at % 2:
            computer.install()
            assert (theirs(computer), ours(computer)) == (second, notes)
        else:
            computer.uninstall()
            assert theirs(computer) == without


def test_an_interrupted_first_installation(tmp_path: Path) -> None:
    computer = Machine(tmp_path)
    make_bundle(computer.bundle)
    for at in interrupted(computer, Trap(tmp_path / "tools", KILLED)):
        if at % 3 == 0:
            computer.install()
        computer.uninstall()
        assert list(theirs(computer)) == ["."]


def test_an_interrupted_uninstallation(computer: Machine, tmp_path: Path) -> None:
    first, template = theirs(computer), tmp_path / "template"
    shutil.copytree(computer.home, template)
    computer.uninstall()
    without = theirs(computer)
    shutil.rmtree(computer.home)
    shutil.copytree(template, computer.home)
    for _ in interrupted(computer, Trap(tmp_path / "tools", KILLED), "uninstall"):
        assert_nothing_is_lost(computer, first, without)
        computer.uninstall()
        assert theirs(computer) == without


def test_an_edit_after_an_interruption_is_kept(computer: Machine, tmp_path: Path) -> None:
    """Whether the file had been replaced by then or not."""
    for at in interrupted(computer, Trap(tmp_path / "tools", KILLED, ("mv", "cp"))):
        content = computer.settings.read_bytes()
        computer.settings.write_bytes(content.replace(b'"theirs": 2', b'"theirs": 3'))
        if at % 2:
            computer.install()
        computer.uninstall()
        assert b"".join(computer.settings.read_bytes().split()) == b'{"theirs":3,"env":{"AWS_REGION":"x"}}'


def test_another_program_may_write_the_file_meanwhile(computer: Machine, tmp_path: Path) -> None:
    """Just before it would have been replaced."""
    content = computer.settings.read_bytes()
    tools = tmp_path / "tools"
    tools.mkdir()
    (tools / "cp").write_text(f'#!/bin/sh\n{program("cp")} "$@"\necho \'{{}}\' >"$HOME/.claude/settings.json"\n')
    (tools / "cp").chmod(0o755)
    computer.tools = [tools]
    assert "changed by another program" in computer.install(expect=1)
    assert computer.settings.read_bytes() == b"{}\n"
    computer.tools = []
    computer.settings.write_bytes(content)
    computer.uninstall()
    assert b"".join(computer.settings.read_bytes().split()) == b'{"theirs":2,"env":{"AWS_REGION":"x"}}'
