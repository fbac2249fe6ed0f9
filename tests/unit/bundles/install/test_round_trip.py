"""The promise: what is installed can be taken out again, and every byte of the person's is where it was."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.bundles.install import generated
from tests.unit.bundles.install.machine import (
    COMBINATIONS,
    NEXT_EDITS,
    READERS,
    SHELLS,
    Machine,
    block,
    machine,
    make_bundle,
    present,
    program,
    shells_here,
    timeless,
    tree,
)

shells = st.sampled_from(shells_here())
readers = st.sampled_from([name for name in present(READERS) if name != "jxa"])


def assert_round_trip(computer: Machine) -> None:
    """Install r1, again, r2, uninstall. A refusal leaves everything as well."""
    before = tree(computer.home)
    output = computer.install(expect=None)
    if timeless(tree(computer.home)) == timeless(before):
        assert tree(computer.home) == before, output
        return
    installed = tree(computer.home)
    computer.install()
    assert tree(computer.home) == installed
    make_bundle(computer.bundle, NEXT_EDITS, config=block(region="eu-central-1"))
    computer.install(expect=None)
    computer.uninstall()
    assert timeless(tree(computer.home)) == timeless(before)


@given(
    theirs=st.one_of(st.none(), generated.json_objects),
    config=st.one_of(st.none(), generated.ini_files),
    shell=shells,
    reader=readers,
)
@settings(max_examples=8)
def test_files_that_can_be_merged_come_back(
    theirs: bytes | None, config: bytes | None, shell: str, reader: str
) -> None:
    with machine(shell=shell, reader=reader) as computer:
        computer.has(settings=theirs, config=config)
        assert_round_trip(computer)


@given(
    theirs=st.one_of(st.none(), generated.json_files, generated.broken_json, st.binary(max_size=40)),
    config=st.one_of(st.none(), generated.odd_ini_files, st.binary(max_size=40)),
    shell=shells,
    reader=readers,
)
@settings(max_examples=12)
def test_any_files_come_back(theirs: bytes | None, config: bytes | None, shell: str, reader: str) -> None:
    with machine(shell=shell, reader=reader) as computer:
        computer.has(settings=theirs, config=config)
        assert_round_trip(computer)


@pytest.mark.parametrize(("shell", "reader"), COMBINATIONS)
def test_every_shell_and_every_reader_does_it(shell: str, reader: str, tmp_path: Path) -> None:
    program(SHELLS[shell][0])
    program(READERS[reader])
    computer = Machine(tmp_path, shell=shell, reader=reader)
    computer.has(
        settings=b'\xef\xbb\xbf{"env": {"MINE": "\xc3\xb1"},\r\n "n": 1.50}', config=b"[default]\r\nregion = x"
    )
    before = timeless(tree(computer.home))
    difference = computer.install("--diff")
    assert '+    "AWS_REGION": "eu-west-1"' in difference
    assert "+[profile claude-code]" in difference
    computer.install()
    installed = tree(computer.home)
    computer.install()
    assert tree(computer.home) == installed
    computer.uninstall()
    assert timeless(tree(computer.home)) == before
