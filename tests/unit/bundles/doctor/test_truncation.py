"""A script of which only the beginning came does nothing at all."""

from __future__ import annotations

import shutil
import subprocess

import pytest

from tests.unit.bundles.doctor.conftest import NewMachine
from tests.unit.bundles.doctor.machine import FILES, LAST_LINE

# The command that reads a script, up to its name.
SCRIPTS = {
    "doctor.sh": ["sh"],
    "onramp.sh": ["sh"],
    "bedrock-key.sh": ["sh"],
    "aws-keys.sh": ["sh", "-c", '. "$0"'],
    "aws-keys.fish": ["fish", "--no-config"],
}


def prefixes(whole: bytes, places: int) -> list[bytes]:
    """Beginnings: at so many places all over, and everywhere in the last 64 bytes but at the final newline."""
    spread = [len(whole) * place // places for place in range(places)]
    return [whole[:length] for length in [*spread, *range(len(whole) - 64, len(whole) - 1)]]


@pytest.mark.parametrize("name", SCRIPTS)
def test_a_beginning_does_nothing(new_machine: NewMachine, name: str) -> None:
    machine = new_machine("sh")
    machine.works()
    for program in ("curl", "aws", "claude", "mktemp", "python3"):
        machine.program(program, f'touch "{machine.root}/canary"')
    first, *rest = SCRIPTS[name]
    shell = shutil.which(first)
    if shell is None:
        pytest.skip(f"{first} is not installed here")
    path = machine.bundle / name
    # fish takes much longer to start.
    for beginning in prefixes((FILES / name).read_bytes(), 2 if first == "fish" else 64):
        path.write_bytes(beginning)
        result = subprocess.run(
            [shell, *rest, str(path), "https://127.0.0.1:9"],
            cwd=machine.folder,
            env=machine.whole_environment,
            input=b"AKIAIOSFODNN7EXAMPLE\n" * 3,
            capture_output=True,
            check=False,
            timeout=60,
        )
        assert result.stdout == b""
        assert b"AWS_" not in result.stderr
    machine.assert_clean()


@pytest.mark.parametrize("name", ["doctor.sh", "onramp.sh", "bedrock-key.sh"])
def test_there_are_functions_only_and_a_last_line(name: str) -> None:
    script = (FILES / name).read_text()
    assert script.startswith("#!/bin/sh\n")
    assert script.endswith(LAST_LINE)
    inside = False
    for line in script.removesuffix(LAST_LINE).splitlines():
        if inside:
            inside = line != "}"
        elif line and not line.startswith("#"):
            assert "() {" in line, line
            inside = not line.endswith("}")


@pytest.mark.parametrize("name", [name for name in SCRIPTS if name.endswith(".sh")])
def test_shells_understand_it(name: str) -> None:
    for shell in (["sh"], ["bash", "--posix"], ["busybox", "sh"], ["zsh", "--emulate", "sh"]):
        if shutil.which(shell[0]):
            subprocess.run([*shell, "-n", str(FILES / name)], check=True, capture_output=True)


def test_the_powershell_script_is_one_block() -> None:
    """There is no PowerShell here; at least nothing stands outside the block, and its braces meet."""
    script = (FILES / "aws-keys.ps1").read_text(encoding="ascii")
    code = [line for line in script.splitlines() if line and not line.startswith("#")]
    assert code[0] == "& {"
    assert code[-1] == "}"
    assert all(line.startswith("    ") for line in code[1:-1])
    assert script.count("{") == script.count("}")
    assert script.count("(") == script.count(")")
