"""What is not understood is not touched: nothing is written anywhere, and the person is told what to do by hand."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from tests.unit.bundles.install import oracle
from tests.unit.bundles.install.machine import READERS, UNSET, Machine, block, make_bundle, program, tree


def assert_refused(computer: Machine, *words: str, action: str = "install") -> None:
    before = tree(computer.home)
    output = computer.run(computer.bundle / "install.sh", *([] if action == "install" else [action]), expect=2)
    assert tree(computer.home) == before
    for word in (*words, "Nothing was changed."):
        assert word in output


# json.sh's tests have many more; the installer only has to listen.
@pytest.mark.parametrize(
    ("reader", "content"),
    [("python3", b""), ("jq", b'{"a": 01}'), ("jq", b'{"a": "\xff"}'), ("jxa", b"{}\n{}"), ("python3", b'{"a": NaN}')],
)
def test_a_file_that_is_no_json_is_left_alone(reader: str, content: bytes, tmp_path: Path) -> None:
    program(READERS[reader])
    computer = Machine(tmp_path, reader=reader)
    computer.has(settings=content)
    assert oracle.parse(content) is None
    assert_refused(computer, str(computer.settings), f"{reader} cannot read it as JSON", "move the file away")


@pytest.mark.parametrize(
    ("theirs", "key"), [({"env": None}, "env"), ({"permissions": {"deny": {}}}, "permissions.deny")]
)
def test_a_key_of_another_kind_is_named(theirs: object, key: str, tmp_path: Path) -> None:
    computer = Machine(tmp_path)
    computer.has(settings=json.dumps(theirs).encode())
    assert_refused(computer, f"{key} holds another kind of value")


@pytest.mark.parametrize(
    "config",
    [
        b"a = 1\n",
        b"[default]\n= 1\n",
        b"[default]\njunk\n",
        b"[default\n",
        b"[default]\n\x00\n",
        b"[a]\n  continues nothing\n",
        b"# >>> onramp claude-code >>>\n[a]\n",
        b"# <<< onramp claude-code <<<\n",
        b"# >>> onramp one >>>\n# >>> onramp two >>>\n# <<< onramp two <<<\n# <<< onramp one <<<\n",
        b"# >>> onramp one >>>\n# <<< onramp two <<<\n",
    ],
)
def test_a_configuration_that_aws_could_not_read_is_left_alone(config: bytes, tmp_path: Path) -> None:
    computer = Machine(tmp_path)
    computer.has(settings=b"{}", config=config)
    assert_refused(computer, str(computer.config), "AWS tools could not read")


@pytest.mark.parametrize(
    "heading",
    [
        "[profile claude-code]",
        '[profile "claude-code"]',
        "[ profile\tclaude-code ] ; mine",
        "  [sso-session claude-code]",
    ],
)
def test_a_section_of_ours_that_is_there_already_is_named(heading: str, tmp_path: Path) -> None:
    computer = Machine(tmp_path)
    # A carriage return alone is enough for AWS's tools.
    computer.has(config=f"[default]\r{heading}\r\nregion = x\n".encode())
    assert_refused(computer, "claude-code]", "refuse a file that has it twice")


def test_sections_in_our_own_part_are_no_obstacle(tmp_path: Path) -> None:
    computer = Machine(tmp_path)
    computer.has(config=b"[default]\r\n\r\n" + block(region="us-east-1").replace(b"\n", b"\r\n") + b"[last]\nz = 1")
    computer.install()
    assert computer.config.read_bytes() == b"[default]\r\n[last]\nz = 1\n\n" + block()


def test_a_file_edited_into_nonsense_stays_when_we_go(tmp_path: Path) -> None:
    computer = Machine(tmp_path)
    computer.has(settings=b"{}")
    computer.install()
    computer.settings.write_bytes(computer.settings.read_bytes() + b",")
    assert_refused(computer, str(computer.settings), action="uninstall")


@pytest.mark.parametrize("kind", ["folder", "pipe", "loop"])
def test_what_is_no_file_is_left_alone(kind: str, tmp_path: Path) -> None:
    computer = Machine(tmp_path)
    computer.settings.parent.mkdir()
    if kind == "folder":
        computer.settings.mkdir()
    elif kind == "pipe":
        os.mkfifo(computer.settings)
    else:
        computer.settings.symlink_to(computer.settings)
    assert_refused(computer, "it is no regular file")


def test_a_device_in_aws_config_file_is_left_alone(tmp_path: Path) -> None:
    assert_refused(Machine(tmp_path, environment={"AWS_CONFIG_FILE": "/dev/null"}), "/dev/null", "no regular file")


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    computer = Machine(tmp_path)
    (computer.home / ".claude").write_text("a file")
    assert_refused(computer, f"no file can be written in {computer.home}/.claude")


def test_one_file_cannot_be_both(tmp_path: Path) -> None:
    computer = Machine(tmp_path)
    computer.environment["AWS_CONFIG_FILE"] = f"{computer.home}/.claude//settings.json"
    assert_refused(computer, "AWS configuration")


def test_notes_that_are_damaged_are_named(tmp_path: Path) -> None:
    computer = Machine(tmp_path)
    computer.install()
    (notes,) = (computer.own / "state").glob("settings-*")
    (notes / "path").write_text("/elsewhere")
    assert_refused(computer, str(notes))
    assert_refused(computer, str(notes), action="uninstall")


@pytest.mark.parametrize("home", [UNSET, "", "relative", "/no/such/folder"])
def test_without_a_home_directory_nothing_happens(home: str, tmp_path: Path) -> None:
    computer = Machine(tmp_path, environment={"HOME": home})
    before = tree(tmp_path)
    assert "home directory" in computer.install(expect=2)
    assert tree(tmp_path) == before


@pytest.mark.parametrize("name", ["words.txt", "json.sh", "onramp.json", "aws-config"])
def test_a_damaged_bundle_is_named(name: str, tmp_path: Path) -> None:
    computer = Machine(tmp_path)
    (computer.bundle / name).unlink()
    if name == "aws-config":
        (computer.bundle / name).write_text("[profile x]\n")
    assert name in computer.install(expect=2)
    assert not list(computer.home.iterdir())


@pytest.mark.parametrize("reader", ["python3", "jq", "jxa", "$(touch canary)"])
def test_without_a_json_reader_the_guide_has_to_do(reader: str, tmp_path: Path) -> None:
    computer = Machine(tmp_path, reader=reader)
    computer.has(settings=b"{}")
    before = tree(tmp_path)
    # Everything the script needs to come that far, and nothing that reads JSON.
    tools = tmp_path / "tools"
    tools.mkdir()
    for name in ("sh", "cat", "grep", "rm", "env"):
        (tools / name).symlink_to(program(name))
    computer.environment["PATH"] = str(tools)
    output = computer.install(expect=4)
    assert "python3, jq" in output
    assert "GUIDE.md" in output
    assert {name: entry for name, entry in tree(tmp_path).items() if not name.startswith("tools") and name != "."} == {
        name: entry for name, entry in before.items() if name != "."
    }


@pytest.mark.parametrize(
    "options", [["--no-such"], ["install"], ["--diff", "--dry-run"], ["uninstall", "--yes"], [""]]
)
def test_a_misused_script_tells_how_it_is_used(options: list[str], tmp_path: Path) -> None:
    computer = Machine(tmp_path)
    assert "sh install.sh uninstall [--dry-run | --diff]" in computer.install(*options, expect=3)
    assert not list(computer.home.iterdir())


def test_help_is_no_misuse(tmp_path: Path) -> None:
    assert "sh install.sh [--dry-run | --diff]" in Machine(tmp_path).install("--help")


def test_a_bundle_without_settings_of_a_persons_own_leaves_them_alone(tmp_path: Path) -> None:
    computer = Machine(tmp_path)
    make_bundle(computer.bundle, config=block(), settings=False)
    computer.has(settings=b"nonsense")
    computer.install()
    assert computer.settings.read_bytes() == b"nonsense"
    assert computer.config.exists()
