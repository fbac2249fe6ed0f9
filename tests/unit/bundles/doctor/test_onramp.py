"""onramp.sh: a one-time code becomes a bundle, whose installer is run, and nothing else happens."""

from __future__ import annotations

import hashlib
import io
import tarfile
from pathlib import Path

import pytest

from tests.unit.bundles.doctor.conftest import NewMachine
from tests.unit.bundles.doctor.machine import FILES, SHELLS, Machine
from tests.unit.bundles.doctor.portal import Portal

CODE = "q7Rk-2xW9_nB4tLz"
INSTALLER = b'echo "installing $*"; [ $# -gt 0 ] || echo done >"$HOME/installed"\n'
BUNDLE = {"install.sh": INSTALLER, "onramp.json": b"{}", "words/en.txt": b"x: y\n"}


def sums(files: dict[str, bytes]) -> bytes:
    return "".join(f"{hashlib.sha256(data).hexdigest()}  {name}\n" for name, data in files.items()).encode()


def packed(files: dict[str, bytes], *members: tarfile.TarInfo) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for name, data in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(data)
            archive.addfile(member, io.BytesIO(data))
        for member in members:
            archive.addfile(member)
    return buffer.getvalue()


def whole(files: dict[str, bytes], *members: tarfile.TarInfo) -> bytes:
    """A bundle's tar, with its checksums."""
    return packed(files | {"SHA256SUMS": sums(files)}, *members)


def link(kind: bytes, target: str, name: str = "settings.json") -> tarfile.TarInfo:
    member = tarfile.TarInfo(name)
    member.type, member.linkname = kind, target
    return member


@pytest.fixture
def machine(new_machine: NewMachine, portal: Portal) -> Machine:
    portal.body = whole(BUNDLE)
    return new_machine("sh")


def is_installed(machine: Machine) -> bool:
    return (machine.home / "installed").exists()


@pytest.mark.parametrize("shell", SHELLS)
def test_a_code_becomes_a_bundle(new_machine: NewMachine, portal: Portal, shell: str) -> None:
    machine = new_machine(shell)
    machine.record_curl()
    portal.body = whole(BUNDLE)
    said = machine.run("onramp.sh", f"{portal.url}/", stdin=f" {CODE}\r\n")
    assert (said.stdout, said.stderr, said.status) == ("installing \n", "", 0)
    assert is_installed(machine)
    [request] = portal.requests
    assert (request.method, request.path) == ("POST", "/install/bundle/?format=tar")
    assert request.headers["content-type"] == "text/plain"
    assert request.body == CODE.encode()
    assert CODE not in machine.recorded


def test_a_bundle_may_lie_in_a_folder_of_its_own(machine: Machine, portal: Portal) -> None:
    files = {f"onramp/{name}": data for name, data in (BUNDLE | {"SHA256SUMS": sums(BUNDLE)}).items()}
    portal.body = packed(files)
    assert machine.run("onramp.sh", portal.url, stdin=CODE).status == 0
    assert is_installed(machine)


def test_shasum_will_do(machine: Machine, portal: Portal) -> None:
    sums = (machine.tools / "sha256sum").readlink()
    machine.lacks("sha256sum")
    machine.program("shasum", f'[ "$1 $2" = "-a 256" ] && shift 2 && exec {sums} "$@"')
    assert machine.run("onramp.sh", portal.url, stdin=CODE).status == 0
    assert is_installed(machine)


@pytest.mark.parametrize("option", ["--dry-run", "--diff"])
def test_options_reach_the_installer(machine: Machine, portal: Portal, option: str) -> None:
    said = machine.run("onramp.sh", option, portal.url, stdin=CODE)
    assert said.stdout == f"installing {option}\n"


def test_the_installers_status_is_ours(machine: Machine, portal: Portal) -> None:
    portal.body = whole({"install.sh": b"exit 4\n"})
    assert machine.run("onramp.sh", portal.url, stdin=CODE).status == 4


# --- At a terminal


def test_at_a_terminal_it_shows_and_asks_first(machine: Machine, portal: Portal) -> None:
    with machine.terminal("onramp.sh", portal.url) as terminal:
        terminal.reads("shown as you type): ")
        assert not terminal.echoes
        terminal.types(f"{CODE}\n")
        terminal.reads("installing --dry-run")
        terminal.reads("Install this? [y/N] ")
        assert terminal.echoes
        assert not is_installed(machine)
        terminal.types("y\n")
        assert terminal.ends() == 0
        assert CODE not in terminal.shown
    assert is_installed(machine)


def test_at_a_terminal_a_no_is_a_no(machine: Machine, portal: Portal) -> None:
    with machine.terminal("onramp.sh", portal.url) as terminal:
        terminal.reads("shown as you type): ")
        terminal.types(f"{CODE}\n")
        terminal.reads("Install this? [y/N] ")
        terminal.types("\n")
        assert terminal.ends() == 0
        assert "Nothing was installed." in terminal.shown
    assert not is_installed(machine)


def test_yes_is_a_yes(machine: Machine, portal: Portal) -> None:
    with machine.terminal("onramp.sh", portal.url, "--yes") as terminal:
        terminal.reads("shown as you type): ")
        terminal.types(f"{CODE}\n")
        assert terminal.ends() == 0
        assert "--dry-run" not in terminal.shown
    assert is_installed(machine)


@pytest.mark.parametrize("shell", SHELLS)
def test_ctrl_c_gives_the_terminal_back(machine: Machine, portal: Portal, shell: str) -> None:
    machine.shell_name = shell
    with machine.terminal("onramp.sh", portal.url) as terminal:
        terminal.reads("shown as you type): ")
        assert not terminal.echoes
        assert terminal.interrupts() == 130
        assert terminal.echoes
    assert portal.requests == []


# --- What the portal may answer


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        (404, "The portal does not take this code: it is unknown, used or expired."),
        (410, "The portal does not take this code: it is unknown, used or expired."),
        (409, "Your access is not verified at the moment; the portal says why. The code is still good."),
        (429, "The portal has been asked too often."),
        (403, "The portal did not hand out the bundle (it answered HTTP 403)."),
        (302, "The portal sends elsewhere (it answered HTTP 302)."),
        (503, "The portal has a problem of its own (it answered HTTP 503)."),
    ],
)
def test_the_portals_answer_is_told(machine: Machine, portal: Portal, status: int, expected: str) -> None:
    portal.status = status
    said = machine.run("onramp.sh", portal.url, stdin=CODE)
    assert (said.status, said.stdout) == (1, "")
    assert said.stderr.startswith(expected)
    assert len(portal.requests) == 1
    assert not is_installed(machine)


def test_a_portal_that_is_silent(machine: Machine, portal: Portal) -> None:
    portal.is_silent = True
    machine.environment["ONRAMP_SECONDS"] = "1"
    said = machine.run("onramp.sh", portal.url, stdin=CODE)
    assert said.status == 1
    assert said.stderr.startswith("The portal did not answer in time.")


@pytest.mark.parametrize("url", ["https://127.0.0.1:9", "http://localhost:9"])
def test_a_portal_that_cannot_be_reached(machine: Machine, url: str) -> None:
    said = machine.run("onramp.sh", url, stdin=CODE)
    assert said.status == 1
    assert said.stderr.startswith("The portal could not be reached: curl: (7)")


@pytest.mark.parametrize(
    ("variables", "expected"),
    [
        ({"LANG": "es_MX.UTF-8"}, "El portal no acepta este código"),
        ({"LANG": "es_ES.UTF-8", "LC_ALL": "C"}, "The portal does not take this code"),
        ({"LANG": "C", "LC_MESSAGES": "es"}, "El portal no acepta este código"),
        ({"LANG": "fr_FR"}, "The portal does not take this code"),
    ],
)
def test_it_speaks_by_lang(machine: Machine, portal: Portal, variables: dict[str, str], expected: str) -> None:
    portal.status = 404
    machine.environment |= variables
    assert machine.run("onramp.sh", portal.url, stdin=CODE).stderr.startswith(expected)


def test_every_sentence_is_there_in_both_languages() -> None:
    english, spanish = (FILES / "onramp.sh").read_text().split("\nspanish() {")
    first, second = english[english.index("english() {") :], spanish[: spanish.index("\n}")]

    def keys(text: str) -> list[str]:
        return [line.split(")")[0].strip() for line in text.splitlines() if ") echo " in line]

    assert keys(first) == keys(second)
    assert len(keys(first)) == 19


# --- What may come as a bundle

REFUSED = {
    "no tar": b"<html>Sign in</html>",
    "nothing": b"",
    "an empty tar": packed({}),
    "no checksums": packed(BUNDLE),
    "no installer": whole({"onramp.json": b"{}"}),
    "a wrong checksum": packed(BUNDLE | {"install.sh": INSTALLER + b"#", "SHA256SUMS": sums(BUNDLE)}),
    "a file without one": packed(BUNDLE | {"SHA256SUMS": sums(BUNDLE), "more.sh": b""}),
    "a second file of checksums": packed(BUNDLE | {"SHA256SUMS": sums(BUNDLE), "words/SHA256SUMS": b""}),
    "a checksum without a file": packed({"install.sh": INSTALLER, "SHA256SUMS": sums(BUNDLE)}),
    "a path upwards": whole(BUNDLE | {"../outside": b"x"}),
    "a path upwards inside": whole(BUNDLE | {"words/../../outside": b"x"}),
    "a path from the root": whole(BUNDLE | {"/tmp/onramp-outside": b"x"}),
    "a name with a space": whole(BUNDLE | {"a b": b"x"}),
    "a name with a newline": whole(BUNDLE | {"a\nb": b"x"}),
    "a name that is an option": whole(BUNDLE | {"-rf": b"x"}),
    "a name that is a command": whole(BUNDLE | {"$(touch canary)": b"x"}),
    "a symbolic link": whole(BUNDLE, link(tarfile.SYMTYPE, "/etc/passwd")),
    "a way out by a link": whole(BUNDLE, link(tarfile.SYMTYPE, "/tmp", "out")),
    "a hard link": whole(BUNDLE, link(tarfile.LNKTYPE, "install.sh")),
    "a pipe": whole(BUNDLE, link(tarfile.FIFOTYPE, "")),
    "a tar cut short": whole(BUNDLE)[:1500],
}


@pytest.mark.parametrize("body", REFUSED.values(), ids=REFUSED.keys())
def test_a_bundle_that_is_not_right_is_refused(machine: Machine, portal: Portal, body: bytes) -> None:
    portal.body = body
    said = machine.run("onramp.sh", portal.url, stdin=CODE)
    assert (said.status, said.stdout) == (2, "")
    assert "Nothing was installed" in said.stderr or "not a bundle" in said.stderr
    assert not is_installed(machine)
    assert not list(machine.root.rglob("outside"))
    assert not Path("/tmp/onramp-outside").exists()


@pytest.mark.parametrize("what", ["a path upwards", "a path from the root", "a symbolic link", "a hard link"])
def test_busyboxs_tar_is_watched_too(new_machine: NewMachine, portal: Portal, what: str) -> None:
    machine = new_machine("busybox")
    portal.body = REFUSED[what]
    assert machine.run("onramp.sh", portal.url, stdin=CODE).status == 2
    assert not is_installed(machine)
    assert not Path("/tmp/onramp-outside").exists()


# --- How it is called

NO_PORTALS = (
    "http://portal.example",
    "http://localhost.portal.example",
    "http://localhost@portal.example",
    "http://127.0.0.1:80@portal.example",
    "http://127.0.0.11",
    "https://ana:secret@portal.example",
    "https://",
    "ftp://portal.example",
    "file:///etc",
    "portal.example",
    "https://portal.example/$(touch canary)",
    "https://portal.example\nhttps://other.example",
)


@pytest.mark.parametrize("url", NO_PORTALS)
def test_only_https_or_this_machine_itself(machine: Machine, url: str) -> None:
    machine.record_curl()
    said = machine.run("onramp.sh", url, stdin=CODE)
    assert (said.status, said.stdout) == (3, "")
    assert said.stderr.startswith("The portal's address must begin with https://.")
    assert not (machine.root / "recorded").exists()


@pytest.mark.parametrize("arguments", [(), ("--dry-run",), ("https://a.example", "https://b.example"), ("--fast",)])
def test_it_explains_its_use(machine: Machine, arguments: tuple[str, ...]) -> None:
    said = machine.run("onramp.sh", *arguments, stdin=CODE)
    assert (said.status, said.stdout) == (3, "")
    assert said.stderr.startswith("Usage: sh onramp.sh https://")


@pytest.mark.parametrize("code", ["", "\n", "  \n"])
def test_without_a_code_nobody_is_asked(machine: Machine, portal: Portal, code: str) -> None:
    said = machine.run("onramp.sh", portal.url, stdin=code)
    assert said.status == 2
    assert said.stderr.startswith("No code was given.")
    assert portal.requests == []


def test_a_hostile_code_is_only_a_code(machine: Machine, portal: Portal) -> None:
    portal.status = 404
    code = "\"';$(touch${IFS}canary)`touch${IFS}canary`&@/etc/passwd"
    machine.run("onramp.sh", portal.url, stdin=f"@{code}\n")
    assert portal.requests[0].body.decode() == f"@{code}"


@pytest.mark.parametrize("program", ["curl", "tar", "sha256sum"])
def test_what_it_needs_is_named_before_the_code_is_spent(machine: Machine, portal: Portal, program: str) -> None:
    machine.lacks(program)
    said = machine.run("onramp.sh", portal.url, stdin=CODE)
    assert said.status == 2
    assert program in said.stderr
    assert portal.requests == []
