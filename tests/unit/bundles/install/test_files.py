"""Where the files are, what they are like, and what is kept of them."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from tests.unit.bundles.install.machine import NEXT_EDITS, Machine, block, make_bundle, timeless, tree


def mode(path: Path) -> int:
    return stat.S_IMODE(path.lstat().st_mode)


@pytest.mark.parametrize("permissions", [0o664, 0o444])
def test_the_mode_of_a_file_stays(permissions: int, tmp_path: Path) -> None:
    computer = Machine(tmp_path)
    computer.has(settings=b"{}")
    computer.settings.chmod(permissions)
    computer.install()
    assert mode(computer.settings) == permissions
    computer.uninstall()
    assert (mode(computer.settings), computer.settings.read_bytes()) == (permissions, b"{}")


def test_what_we_make_is_for_its_owner_alone(tmp_path: Path) -> None:
    computer = Machine(tmp_path)
    computer.install()
    assert {mode(path) & 0o077 for path in computer.home.rglob("*")} == {0}
    assert mode(computer.own) == 0o700


@pytest.mark.parametrize("link", ["{home}/dotfiles/claude.json", "first"])
def test_a_symbolic_link_is_followed_and_stays(link: str, tmp_path: Path) -> None:
    computer = Machine(tmp_path)
    dotfiles = computer.home / "dotfiles"
    dotfiles.mkdir()
    (dotfiles / "claude.json").write_text("{}")
    computer.settings.parent.mkdir()
    (computer.settings.parent / "first").symlink_to("../dotfiles/claude.json")
    computer.settings.symlink_to(link.format(home=computer.home))
    before = timeless(tree(computer.home))
    computer.install()
    assert computer.settings.is_symlink()
    assert b"AWS_REGION" in (dotfiles / "claude.json").read_bytes()
    computer.uninstall()
    assert timeless(tree(computer.home)) == before


def test_a_link_to_a_file_that_is_not_there_yet_is_followed_too(tmp_path: Path) -> None:
    computer = Machine(tmp_path)
    computer.settings.parent.mkdir()
    computer.settings.symlink_to("../dotfiles/deep/claude.json")
    before = timeless(tree(computer.home))
    computer.install()
    assert (computer.home / "dotfiles" / "deep" / "claude.json").exists()
    computer.uninstall()
    assert timeless(tree(computer.home)) == before


def test_folders_that_got_another_use_stay(tmp_path: Path) -> None:
    computer = Machine(tmp_path)
    computer.install()
    (computer.home / ".claude" / "theirs").write_text("x")
    computer.uninstall()
    assert sorted(tree(computer.home)) == [".", ".claude", ".claude/theirs"]


def test_other_places_are_named_by_variables(tmp_path: Path) -> None:
    computer = Machine(
        tmp_path, environment={"CLAUDE_CONFIG_DIR": "elsewhere/claude/", "AWS_CONFIG_FILE": "~/aws.ini"}
    )
    computer.install()
    assert (tmp_path / "elsewhere" / "claude" / "settings.json").exists()
    assert (computer.home / "aws.ini").read_bytes() == block()
    # Wherever these point later: what was written is found again.
    computer.environment.clear()
    computer.uninstall()
    assert not (tmp_path / "elsewhere").exists()
    assert not list(computer.home.iterdir())


def test_the_download_may_go(tmp_path: Path) -> None:
    computer = Machine(tmp_path)
    computer.has(settings=b"{}")
    computer.install()
    before = tree(computer.home)
    make_bundle(computer.bundle)
    copy = computer.own / "bundle" / "install.sh"
    computer.run(copy)
    assert tree(computer.home) == before
    computer.run(copy, "uninstall")
    assert not computer.own.exists()
    assert computer.settings.read_bytes() == b"{}"


def test_files_that_a_later_bundle_lacks_go_from_our_copy(tmp_path: Path) -> None:
    computer = Machine(tmp_path)
    computer.install()
    make_bundle(computer.bundle, revision=8)
    computer.install()
    copies = computer.own / "bundle"
    assert not (copies / "aws-config").exists()
    assert b'"revision": 8' in (copies / "onramp.json").read_bytes()


def test_each_run_that_changes_a_file_keeps_a_copy(tmp_path: Path) -> None:
    computer = Machine(tmp_path)
    computer.has(settings=b'{"first": 1}')
    assert str(computer.own / "backup") in computer.install()
    installed = computer.settings.read_bytes()
    make_bundle(computer.bundle, NEXT_EDITS, config=block())
    computer.install()
    copies = [path.read_bytes() for path in sorted((computer.own / "backup").rglob("settings-*"))]
    assert sorted(copies) == sorted([b'{"first": 1}', installed])


def test_copies_stay_after_uninstalling_only_where_something_was_taken_apart(tmp_path: Path) -> None:
    computer = Machine(tmp_path)
    computer.has(config=b"[default]\nregion = x\n")
    computer.install()
    computer.config.write_bytes(b"[first]\na = 1\n" + computer.config.read_bytes() + b"[last]\nz = 1")
    changed = computer.config.read_bytes()
    assert "What you changed in it stayed." in computer.uninstall()
    assert computer.config.read_bytes() == b"[first]\na = 1\n[default]\nregion = x\n[last]\nz = 1"
    assert changed in [path.read_bytes() for path in (computer.own / "backup").rglob("aws_config-*")]
    assert [path.name for path in computer.own.iterdir()] == ["backup"]


def test_a_file_of_ours_that_was_only_formatted_goes(tmp_path: Path) -> None:
    computer = Machine(tmp_path)
    computer.install()
    computer.settings.write_bytes(computer.settings.read_bytes().replace(b"\n", b""))
    computer.config.write_bytes(computer.config.read_bytes().replace(b"\n", b"\r\n"))
    computer.uninstall()
    assert sorted(tree(computer.home)).count(".claude") == 0
    assert not computer.config.exists()


@pytest.mark.parametrize("action", ["install", "uninstall"])
def test_a_file_the_person_removed(action: str, tmp_path: Path) -> None:
    computer = Machine(tmp_path)
    computer.has(settings=b'{"theirs": 1}')
    computer.install()
    computer.settings.unlink()
    if action == "install":
        computer.install()
        assert b"theirs" not in computer.settings.read_bytes()
    computer.uninstall()
    assert not computer.settings.exists()


def test_what_the_person_put_back_is_what_they_had(tmp_path: Path) -> None:
    computer = Machine(tmp_path)
    computer.has(settings=b'{"theirs":1}')
    computer.install()
    computer.settings.write_bytes(b'{"theirs":1}')
    computer.install()
    computer.uninstall()
    assert computer.settings.read_bytes() == b'{"theirs":1}'


def test_uninstalling_what_is_not_there_is_no_failure(tmp_path: Path) -> None:
    assert "nothing installed" in Machine(tmp_path).uninstall()
