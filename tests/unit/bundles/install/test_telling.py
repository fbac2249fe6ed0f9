"""What the installer says, and where its sentences come from."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from onboarding.bundles import words
from tests.unit.bundles.install.machine import SCRIPTS, Machine, make_bundle, tree


def test_conflicting_variables_are_named(tmp_path: Path) -> None:
    environment = {
        "ANTHROPIC_MODEL": "opus",
        # A line of `env` that is none.
        "OTHER": "\nAWS_BEARER_TOKEN_BEDROCK=x",
        "THIRD": "x",
    }
    output = Machine(tmp_path, environment=environment).install()
    assert "they outrank the bundle: ANTHROPIC_MODEL\n" in output
    assert "AWS_BEARER_TOKEN_BEDROCK" not in output


def test_without_conflicts_none_are_named(tmp_path: Path) -> None:
    assert "outrank" not in Machine(tmp_path).install()


@pytest.mark.parametrize("command", ["aws sso login --profile x", ""])
def test_the_next_steps(command: str, tmp_path: Path) -> None:
    computer = Machine(tmp_path)
    make_bundle(computer.bundle, login_command=command)
    output = computer.install()
    assert ("Sign in to AWS: " in output) == bool(command)
    assert command in output
    assert "Start Claude Code: claude\n" in output
    assert "sh ~/.onramp/bundle/doctor.sh\n" in output


@pytest.mark.parametrize("option", ["--dry-run", "--diff"])
def test_looking_changes_nothing(option: str, tmp_path: Path) -> None:
    computer = Machine(tmp_path)
    computer.has(settings=b'{"theirs": 1}')
    before = tree(computer.home)
    computer.install(option)
    assert tree(computer.home) == before
    computer.install()
    computer.settings.write_bytes(computer.settings.read_bytes().replace(b"sonnet", b"opus"))
    before = tree(computer.home)
    computer.install(option)
    computer.uninstall(option)
    assert tree(computer.home) == before


def test_the_difference_of_an_uninstallation(tmp_path: Path) -> None:
    computer = Machine(tmp_path)
    computer.has(config=b"[default]\nregion = x\n")
    computer.install()
    output = computer.uninstall("--diff")
    assert f"--- {computer.config}\n+++ {computer.config}\n" in output
    assert f"--- {computer.settings}\n+++ /dev/null\n" in output
    assert "-[profile claude-code]\n" in output
    assert computer.install("--diff") == ""


def test_sentences_come_from_the_bundle_and_their_keys_stand_in(tmp_path: Path) -> None:
    computer = Machine(tmp_path)
    (computer.bundle / "words.txt").write_text("install.did.create: hecho «{2}{1}» {3} {\ninstall.did.createX: no\n")
    output = computer.install()
    assert f"hecho «{computer.settings}» {{3}} {{\n" in output
    assert "install.next.start\n" in output


def test_what_is_put_into_a_sentence_is_no_sentence_itself(tmp_path: Path) -> None:
    computer = Machine(tmp_path, environment={"CLAUDE_CONFIG_DIR": "{2} {1} * \\ &"})
    assert f"{tmp_path}/{{2}} {{1}} * \\ &/settings.json was made." in computer.install()


def test_a_terminal_obeys_no_path(tmp_path: Path) -> None:
    computer = Machine(tmp_path, environment={"CLAUDE_CONFIG_DIR": "\x1b[31m\r\n\x07\x7f"})
    assert f"{tmp_path}/?[31m????/settings.json" in computer.install()
    assert "?[31m????" in computer.uninstall("--diff")


def test_every_sentence_the_script_asks_for_is_there() -> None:
    script = (SCRIPTS / "install.sh").read_text()
    asked = set(re.findall(r"say (install\.[a-z.-]+[a-z])\b", script))
    for reason in re.findall(r"refuse ([a-z-]+)", script):
        asked |= {f"install.refused.{reason}", f"install.refused.{reason}.fix"}
    outcomes = {"create", "change", "stay", "restore", "unmerge", "remove"}
    asked |= {f"install.{tense}.{outcome}" for tense in ("would", "did") for outcome in outcomes}
    asked |= {f"install.next.{step}" for step in ("start", "doctor", "uninstall")}
    asked -= {"install.refused", "install.next"}
    assert asked == set(words.words())


def test_sentences_are_plain() -> None:
    for sentence in words.words().values():
        assert "!" not in sentence
        assert "sorry" not in sentence.lower()
        assert "\n" not in sentence
        assert set(re.findall(r"\{[^}]*\}?", sentence)) <= {"{1}", "{2}"}


def test_a_sentence_is_one_line_whatever_a_translator_does() -> None:
    assert words.words_txt({"a.b": "uno\ndos\u2028tres", "c": "ñ"}) == "a.b: uno dos tres\nc: ñ\n".encode()
