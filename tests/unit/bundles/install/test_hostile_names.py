"""Names that would do something if a shell, awk, sed or a terminal took them for more than names."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from tests.unit.bundles.examples import HOSTILE
from tests.unit.bundles.install import oracle
from tests.unit.bundles.install.machine import READERS, SHELLS, Machine, block, make_bundle, program, timeless, tree

NAMES = [
    *(
        name.replace("/", "|")
        for name in HOSTILE
        if name and "\0" not in name and not any("\ud800" <= character <= "\udfff" for character in name)
    ),
    "-rf",
    "a=b",
    "]",
    "trailing\n",
    os.fsdecode(b"latin \xf1"),
]
# Three places at a time, each of the names in one of them.
TRIPLES = [NAMES[start : start + 3] for start in range(0, len(NAMES) - len(NAMES) % 3, 3)] + [NAMES[-3:]]


@pytest.mark.parametrize("names", TRIPLES, ids=range(len(TRIPLES)))
def test_hostile_places_are_only_places(names: list[str], tmp_path: Path) -> None:
    home, claude, aws = names
    shell = list(SHELLS)[TRIPLES.index(names) % len(SHELLS)]
    program(SHELLS[shell][0])
    computer = Machine(tmp_path, shell=shell)
    computer.home = tmp_path / "homes" / home
    computer.home.mkdir(parents=True)
    (tmp_path / claude).mkdir()
    (tmp_path / claude / "settings.json").write_text('{"theirs": 1}')
    (tmp_path / f"{aws}.ini").write_text("[default]\n")
    computer.environment |= {"CLAUDE_CONFIG_DIR": claude, "AWS_CONFIG_FILE": f"{aws}.ini"}
    computer.bundle = tmp_path / home / "bundle"
    make_bundle(computer.bundle, config=block())
    before = timeless(tree(tmp_path))
    computer.install()
    assert b"AWS_REGION" in (tmp_path / claude / "settings.json").read_bytes()
    assert (tmp_path / f"{aws}.ini").read_bytes() == b"[default]\n\n" + block()
    assert not list(tmp_path.rglob("canary"))
    computer.uninstall()
    assert timeless(tree(tmp_path)) == before


@pytest.mark.parametrize("reader", READERS)
def test_hostile_values_are_only_values(reader: str, tmp_path: Path) -> None:
    program(READERS[reader])
    values = [value for value in HOSTILE if value != "\ud800"]
    edits: list[dict[str, Any]] = [
        *({"path": ["env", value], "value": value} for value in values),
        {"path": ["permissions", "deny"], "add": values},
        {"path": values, "value": values},
    ]
    computer = Machine(tmp_path, reader=reader)
    make_bundle(computer.bundle, edits, config=block(), login_command="$(touch canary)\x1b[31m", conflicts=values)
    computer.has(settings='{"theirs": "$(touch canary)`touch canary`\\u0000é"}'.encode())
    before = timeless(tree(computer.home))
    output = computer.install()
    assert "Sign in to AWS: $(touch canary)?[31m\n" in output
    installed = oracle.parse(computer.settings.read_bytes())
    assert installed == oracle.merge({"theirs": "$(touch canary)`touch canary`\0é"}, edits)
    computer.uninstall()
    assert timeless(tree(computer.home)) == before
    assert not list(tmp_path.rglob("canary"))
