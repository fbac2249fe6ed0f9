"""What install.ps1 promises, on the model of PowerShell in interpreter.py."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.bundles.windows import net_types
from tests.unit.bundles.windows.home import BLOCK, EDITS, LATER_BLOCK, LATER_EDITS, Home, read, script

few = settings(max_examples=10, deadline=None)
# Each starts a dozen programs.
fewest = settings(max_examples=2, deadline=None)

values: Any = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)
documents = st.fixed_dictionaries(
    {},
    optional={
        "env": values | st.dictionaries(st.sampled_from(["AWS_REGION", "FOO", "keys", "Count"]), values, max_size=3),
        "permissions": values | st.fixed_dictionaries({"deny": st.lists(st.sampled_from(["WebSearch", "a", 1, 1.5]))}),
        "availableModels": values,
        "Keys": values,
        "model": values,
    },
)
json_files = documents.map(lambda value: json.dumps(value, indent=1, ensure_ascii=len(value) % 2 == 0).encode())
line = st.sampled_from(
    ["[default]", "[profile other]", "[profile platform]", "region = x", "# note", "; note", "", "  nested = 1", "odd"]
) | st.text(max_size=6)
config_files = st.lists(line, max_size=6).map("\n".join).map(str.encode) | st.sampled_from(
    [BLOCK, b"[default]\r\nregion = eu\r\n", b"[default]\nregion = eu", b"[default]\nkey = \xff\xfe\n\n" + BLOCK]
)
anything = st.binary(max_size=20)


@contextmanager
def home() -> Iterator[Home]:
    with tempfile.TemporaryDirectory() as folder:
        yield Home(Path(folder))


@few
@given(st.none() | json_files | anything, st.none() | config_files | anything)
def test_uninstalling_gives_back_what_was_there(before: bytes | None, config: bytes | None) -> None:
    with home() as there:
        there.put(there.settings, before)
        there.put(there.config, config)
        was = there.everything()
        ended = there.install()
        if ended.code == 2:
            assert there.everything() == was
            return
        assert ended.code == 0
        again = there.everything()
        assert there.install().code == 0
        assert there.everything() == again
        assert there.install("uninstall").code == 0
        assert (read(there.settings), read(there.config)) == (before, config)
        assert sorted(there.everything()) == sorted(was)


@few
@given(st.none() | json_files, st.none() | config_files)
def test_so_it_does_after_a_newer_bundle(before: bytes | None, config: bytes | None) -> None:
    with home() as there:
        there.put(there.settings, before)
        there.put(there.config, config)
        was = sorted(there.everything())
        if there.install().code == 0:
            there.give(LATER_EDITS, LATER_BLOCK)
            assert there.install().code == 0
            assert there.install("uninstall").code == 0
        assert (read(there.settings), read(there.config)) == (before, config)
        assert sorted(there.everything()) == was


@few
@given(st.none() | json_files, st.none() | config_files, st.sampled_from(["--dry-run", "--diff"]), st.booleans())
def test_looking_changes_nothing(before: bytes | None, config: bytes | None, look: str, installed: bool) -> None:
    with home() as there:
        there.put(there.settings, before)
        there.put(there.config, config)
        if installed:
            there.install()
            there.give(LATER_EDITS, LATER_BLOCK)
        was = there.everything()
        assert there.install(look).code in (0, 2)
        assert there.install("uninstall", look).code == 0
        assert there.everything() == was


@fewest
@given(json_files, config_files)
def test_it_writes_what_install_sh_writes(before: bytes | None, config: bytes | None) -> None:
    with home() as there, home() as other:
        for each in (there, other):
            each.put(each.settings, before)
            each.put(each.config, config)
        codes = [there.install().code, install_sh(other)]
        assert codes[0] == codes[1]
        assert (read(there.settings), read(there.config)) == (read(other.settings), read(other.config))


def install_sh(there: Home, *arguments: str) -> int:
    for name in ("install.sh", "json.sh"):
        (there.bundle / name).write_bytes(script(name))
    environment = {"HOME": str(there.person), "PATH": os.environ["PATH"], "ONRAMP_JSON_READER": "python3"}
    command = ["sh", str(there.bundle / "install.sh"), *arguments]
    return subprocess.run(command, env=environment, capture_output=True, check=False, timeout=30).returncode


def test_what_the_person_changed_stays(tmp_path: Path) -> None:
    there = Home(tmp_path / "x")
    there.put(there.settings, b'{"env": {"AWS_REGION": "us-east-1"}, "permissions": {"deny": ["WebSearch"]}}')
    there.put(there.config, b"[default]\nregion = us-east-1\n")
    there.install()
    edited = json.loads(there.settings.read_text())
    edited["env"] |= {"AWS_PROFILE": "mine", "FOO": "1"}
    edited["permissions"]["deny"].append("Bash")
    there.settings.write_text(json.dumps(edited))
    there.config.write_bytes(there.config.read_bytes() + b"\n[profile later]\nregion = x\n")
    there.give(LATER_EDITS, LATER_BLOCK)
    assert there.install().code == 0
    merged = json.loads(there.settings.read_text())
    assert merged["env"] == {"AWS_REGION": "eu-central-1", "AWS_PROFILE": "mine", "FOO": "1"}
    assert merged["permissions"]["deny"] == ["WebSearch", "Bash", "Read(./secrets/**)"]
    assert there.install("uninstall").code == 0
    assert json.loads(there.settings.read_text()) == {
        "env": {"AWS_REGION": "us-east-1", "AWS_PROFILE": "mine", "FOO": "1"},
        "permissions": {"deny": ["WebSearch", "Bash"]},
    }
    assert there.config.read_bytes() == b"[default]\nregion = us-east-1\n\n[profile later]\nregion = x\n"
    assert not (there.person / ".onramp").exists()


class Unplugged(BaseException):
    pass


def test_an_interruption_at_any_point_loses_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before, config, steps, ended = b'{"a": 1}', b"[default]\nregion = x", 0, False
    while not ended:
        steps += 1
        there = Home(tmp_path / str(steps))
        there.put(there.settings, before)
        there.put(there.config, config)
        ended = unplugged(there, monkeypatch, steps)
        assert read(there.settings) in (before, merged(there))
        if steps % 4 == 0:
            there.give(LATER_EDITS, LATER_BLOCK)
            assert there.install().code == 0
        assert there.install("uninstall").code == 0
        assert (read(there.settings), read(there.config)) == (before, config)
    assert steps > 20


def unplugged(there: Home, monkeypatch: pytest.MonkeyPatch, steps: int) -> bool:
    """Install, and stop before that many changes of the disk. Whether it ended before that."""
    left = iter(range(steps))

    def changing(path: str) -> None:
        if next(left, None) is None:
            raise Unplugged

    with monkeypatch.context() as patched:
        patched.setattr(net_types, "changing", changing)
        try:
            there.install()
        except Unplugged:
            return False
    return True


def merged(there: Home) -> bytes:
    value = {
        "a": 1,
        "env": {"AWS_REGION": "eu-west-1", "AWS_PROFILE": "platform"},
        "availableModels": EDITS[2]["value"],
        "permissions": {"deny": EDITS[3]["add"]},
    }
    return (json.dumps(value, indent=2) + "\n").encode()


@pytest.mark.parametrize(
    ("content", "reason", "about"),
    [
        (b'{"env": 1}', "json-key", "env"),
        (b'{"permissions": {"deny": {}}}', "json-key", "permissions.deny"),
        (b'{"a": 1,}', "not-json", "PowerShell"),
        (b"[]", "not-json", "PowerShell"),
        (b"", "not-json", "PowerShell"),
    ],
)
def test_it_refuses_settings_with_a_reason(tmp_path: Path, content: bytes, reason: str, about: str) -> None:
    there = Home(tmp_path / "x")
    there.put(there.settings, content)
    ended = there.install()
    assert ended.code == 2
    assert ended.complained == [
        f"install.refused.{reason}({there.settings}|{about})",
        f"install.refused.{reason}.fix({there.settings}|{about})",
        "install.nothing-written(|)",
    ]


@pytest.mark.parametrize(
    ("content", "reason", "about"),
    [
        (b'[ profile  "platform" ]\nregion = x\n', "section", "[profile platform]"),
        (b"[a]\nb\n", "not-ini", ""),
        (b"b = 1\n", "not-ini", ""),
        (b"[a]\nb = \0\n", "not-ini", ""),
        (b"# >>> onramp platform >>>\n", "not-ini", ""),
        (b"# <<< onramp platform <<<\n", "not-ini", ""),
    ],
)
def test_it_refuses_a_configuration_with_a_reason(tmp_path: Path, content: bytes, reason: str, about: str) -> None:
    there = Home(tmp_path / "x")
    there.put(there.config, content)
    ended = there.install()
    assert ended.code == 2
    assert ended.complained[0] == f"install.refused.{reason}({there.config}|{about})"
    assert not there.settings.exists()


def test_a_folder_in_the_place_of_the_file_is_refused(tmp_path: Path) -> None:
    there = Home(tmp_path / "x")
    there.settings.mkdir(parents=True)
    assert there.install().complained[0] == f"install.refused.not-a-file({there.settings}|)"


def test_a_link_stays_a_link(tmp_path: Path) -> None:
    there = Home(tmp_path / "x")
    kept = there.folder / "dotfiles.json"
    kept.write_bytes(b"{}")
    there.settings.parent.mkdir()
    there.settings.symlink_to("../../dotfiles.json")
    there.install()
    assert there.settings.is_symlink()
    assert "AWS_REGION" in kept.read_text()
    there.install("uninstall")
    assert there.settings.is_symlink()
    assert kept.read_bytes() == b"{}"


def test_places_are_those_that_variables_name(tmp_path: Path) -> None:
    there = Home(tmp_path / "x", {"CLAUDE_CONFIG_DIR": "else where", "AWS_CONFIG_FILE": "~/my config"})
    assert there.install().code == 0
    assert (there.folder / "else where" / "settings.json").exists()
    assert (there.person / "my config").read_bytes() == BLOCK
    there.install("uninstall")
    assert not (there.folder / "else where").exists()
    assert not any(there.person.iterdir())


def test_what_it_keeps_can_uninstall_when_the_download_is_gone(tmp_path: Path) -> None:
    there = Home(tmp_path / "x")
    there.install()
    shutil.rmtree(there.bundle)
    kept = there.person / ".onramp" / "bundle"
    assert there.run("install.ps1", "uninstall", folder=kept).code == 0
    assert not any(there.person.iterdir())


def test_it_names_variables_that_outrank_the_bundle_and_the_next_steps(tmp_path: Path) -> None:
    there = Home(tmp_path / "x", {"ANTHROPIC_MODEL": "opus", "FOO": "1"})
    said = there.install().said
    assert "install.conflicts(ANTHROPIC_MODEL|)" in said
    assert said[-4] == "install.next.sign-in(aws sso login --profile platform|)"
    assert said[-3] == "install.next.start(claude|)"


def test_without_a_home_it_does_nothing(tmp_path: Path) -> None:
    there = Home(tmp_path / "x", {"USERPROFILE": ""})
    ended = there.install()
    assert (ended.code, ended.complained) == (2, ["install.no-home(|)"])


@pytest.mark.parametrize(("word", "code"), [("--help", 0), ("-h", 0), ("--frce", 3), ("install", 3)])
def test_usage(tmp_path: Path, word: str, code: int) -> None:
    there = Home(tmp_path / "x")
    ended = there.install(word)
    assert ended.code == code
    assert len(ended.complained if code else ended.said) == 4
    assert there.install("--diff", "--dry-run").code == 3
    assert there.install("-Diff").said == there.install("--diff").said
    assert there.install("-DryRun").said == there.install("-dry-run").said == there.install("--dry-run").said


@pytest.mark.parametrize("missing", ["words.txt", "json.ps1", "onramp.json"])
def test_a_bundle_with_a_file_missing_is_not_installed(tmp_path: Path, missing: str) -> None:
    there = Home(tmp_path / "x")
    (there.bundle / missing).unlink()
    ended = there.install()
    assert ended.code == 2
    assert missing in ended.complained[0]
    assert not any(there.person.iterdir())


def test_nothing_is_left_in_the_pipeline(tmp_path: Path) -> None:
    there = Home(tmp_path / "x")
    assert [there.install(*words).left for words in ((), ("--diff",), ("uninstall",), ("--help",))] == [[], [], [], []]
