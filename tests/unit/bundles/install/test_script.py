"""The script as a file: a part of it does nothing, and it is the same for everyone."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.unit.bundles.install.machine import SCRIPTS, SHELLS, Machine, program, timeless, tree

SCRIPT = (SCRIPTS / "install.sh").read_bytes()
# Without its last newline it is still whole.
WHOLE = len(SCRIPT) - 1
CUTS = sorted({*range(0, WHOLE, WHOLE // 64), *range(WHOLE - 64, WHOLE)})


@pytest.mark.parametrize("shell", ["sh", "bash"])
def test_a_part_of_the_script_does_nothing(shell: str, tmp_path: Path) -> None:
    computer = Machine(tmp_path, shell=shell)
    computer.has(settings=b"{}")
    before = tree(computer.home)
    cut = computer.bundle / "cut.sh"
    for length in CUTS if shell == "sh" else CUTS[::4]:
        cut.write_bytes(SCRIPT[:length])
        computer.run(cut, expect=None)
    assert tree(computer.home) == before
    cut.write_bytes(SCRIPT[:WHOLE])
    computer.run(cut)
    assert tree(computer.home) != before


@pytest.mark.parametrize("name", ["install.sh", "json.sh"])
@pytest.mark.parametrize("shell", SHELLS)
def test_every_shell_can_read_the_scripts(shell: str, name: str) -> None:
    program(SHELLS[shell][0])
    result = subprocess.run([*SHELLS[shell], "-n", SCRIPTS / name], capture_output=True, check=True)
    assert result.stderr == b""


@pytest.mark.parametrize("reader", ["python3", "jq"])
def test_the_tools_of_busybox_are_enough(reader: str, tmp_path: Path) -> None:
    """They are those of small Linux systems, and know fewer options than GNU's."""
    busybox, tools = program("busybox"), tmp_path / "tools"
    tools.mkdir()
    subprocess.run([busybox, "--install", "-s", tools], check=True)
    places = {"busybox": busybox, "cksum": program("cksum"), "jq": program("jq"), "python3": sys.executable}
    for name in ("busybox", "cksum", reader):
        if not (tools / name).exists():
            (tools / name).symlink_to(Path(places[name]).resolve())
    computer = Machine(tmp_path, "busybox", reader)
    computer.has(settings=b'{"env": {}}', config=b"[a]\r\nb = 1")
    before = timeless(tree(computer.home))
    computer.environment["PATH"] = str(tools)
    assert "+[profile claude-code]" in computer.install("--diff")
    computer.install()
    installed = tree(computer.home)
    computer.install()
    assert tree(computer.home) == installed
    computer.config.write_bytes(computer.config.read_bytes() + b"\n[c]")
    computer.uninstall()
    assert computer.config.read_bytes() == b"[a]\r\nb = 1\n\n[c]"
    computer.config.write_bytes(b"[a]\r\nb = 1")
    shutil.rmtree(computer.own)
    assert timeless(tree(computer.home)) == before


def test_a_python_module_beside_the_script_is_not_run(tmp_path: Path) -> None:
    computer = Machine(tmp_path, environment={"PYTHONPATH": str(tmp_path / "bundle")})
    for folder in (computer.bundle, tmp_path):
        for name in ("json", "re", "os", "sitecustomize"):
            (folder / f"{name}.py").write_text("open('canary', 'w')")
    computer.install()
    assert not list(tmp_path.rglob("canary"))


def test_without_readers_chosen_the_first_that_works_is_taken(tmp_path: Path) -> None:
    computer = Machine(tmp_path, reader="")
    tools = tmp_path / "tools"
    tools.mkdir()
    (tools / "python3").write_text("#!/bin/sh\nexit 127\n")
    (tools / "python3").chmod(0o755)
    program("jq")
    computer.tools = [tools]
    computer.has(settings=b'{"long": 12345678901234567890}')
    assert "jq cannot read it" in computer.install(expect=2)


def test_on_a_mac_a_python_that_is_a_stub_is_none(tmp_path: Path) -> None:
    """It opens a window. Without the developer tools, `xcode-select -p` fails."""
    if not os.access("/usr/bin/python3", os.X_OK):
        pytest.skip("/usr/bin/python3 is not installed here")
    computer = Machine(tmp_path)
    computer.environment["PATH"] = f"{tmp_path}/tools:/usr/bin:/bin"
    tools = tmp_path / "tools"
    tools.mkdir()
    for name, script in (("uname", "echo Darwin"), ("xcode-select", "exit 2")):
        (tools / name).write_text(f"#!/bin/sh\n{script}\n")
        (tools / name).chmod(0o755)
    computer.install(expect=4)
    (tools / "xcode-select").write_text("#!/bin/sh\nexit 0\n")
    computer.install()
