"""onramp.ps1, on the model of PowerShell in interpreter.py. Portal, archive and installer are stand-ins."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from tests.unit.bundles.windows.cmdlets import machine
from tests.unit.bundles.windows.home import Ended, script
from tests.unit.bundles.windows.interpreter import Exit, Machine
from tests.unit.bundles.windows.values import Record, hashtable

PORTAL = "https://onramp.acme.example"
FILES = {"install.ps1": b"# installs", "json.ps1": b"", "GUIDE.md": b"# Guide"}


def sums(files: dict[str, bytes]) -> bytes:
    return "".join(f"{hashlib.sha256(text).hexdigest()}  {name}\n" for name, text in files.items()).encode()


@dataclass
class Visit:
    folder: Path
    files: dict[str, bytes] = field(default_factory=lambda: {**FILES, "SHA256SUMS": sums(FILES)})
    answer: dict[str, Any] = field(default_factory=dict)
    typed: list[str] = field(default_factory=lambda: ["c0de\r\n"])
    terminal: bool = False
    language: str = "en"
    installer: int = 0
    sent: list[list[Any]] = field(default_factory=list)
    installed: list[tuple[dict[str, bytes], list[str]]] = field(default_factory=list)

    def run(self, *arguments: str) -> Ended:
        made = machine({"TEMP": str(self.folder)})
        made.answers = self.typed
        made.statics["globalization.cultureinfo", "currentuiculture"] = Record(TwoLetterISOLanguageName=self.language)
        made.replacements = {
            "test-terminal": lambda machine, given, named, piped: [self.terminal],
            "read-secret": lambda machine, given, named, piped: [self.typed.pop(0)],
            "send-code": self.send,
            "read-archive": self.unpack,
            "start-installer": self.install,
        }
        code: Any = None
        left: list[Any] = []
        try:
            made.load(script("onramp.ps1"), "", list(arguments), left)
        except Exit as ended:
            code = ended.code
        assert left == []
        # Whatever happens, nothing of the bundle stays.
        assert not any(self.folder.iterdir())
        return Ended(code, made.said, made.complained, left)

    def send(self, machine: Machine, given: list[Any], named: dict[str, Any], piped: list[Any]) -> list[Any]:
        self.sent.append(given)
        return [hashtable({"Status": 200, "Body": b"", "Failure": "", "IsLate": False} | self.answer)]

    def unpack(self, machine: Machine, given: list[Any], named: dict[str, Any], piped: list[Any]) -> list[Any]:
        return [hashtable({"Name": name, "Bytes": content}) for name, content in self.files.items()]

    def install(self, machine: Machine, given: list[Any], named: dict[str, Any], piped: list[Any]) -> list[Any]:
        folder = Path(given[0])
        self.installed.append(({path.name: path.read_bytes() for path in folder.iterdir()}, list(given[1])))
        machine.top.variables["status"] = self.installer
        return []


def test_it_fetches_checks_and_installs(tmp_path: Path) -> None:
    visit = Visit(tmp_path)
    assert visit.run(PORTAL + "/").code == 0
    assert visit.sent == [[PORTAL + "/install/bundle/?format=zip", "c0de"]]
    assert visit.installed == [(visit.files, [])]


def test_a_bundle_in_a_folder_of_its_own(tmp_path: Path) -> None:
    visit = Visit(tmp_path)
    visit.files = {f"onramp-bundle/{name}": content for name, content in visit.files.items()}
    assert visit.run(PORTAL).code == 0
    assert visit.installed == [({**FILES, "SHA256SUMS": sums(FILES)}, [])]


@pytest.mark.parametrize(
    ("arguments", "terminal", "typed", "runs"),
    [
        (("--diff",), True, ["c"], [["--diff"]]),
        (("--dry-run",), False, ["c"], [["--dry-run"]]),
        ((), True, ["c", "y"], [["--dry-run"], []]),
        ((), True, ["c", " S\u00cd "], [["--dry-run"], []]),
        ((), True, ["c", "n"], [["--dry-run"]]),
        (("--yes",), True, ["c"], [[]]),
    ],
)
def test_people_see_first_what_would_be_done(
    tmp_path: Path, arguments: tuple[str, ...], terminal: bool, typed: list[str], runs: list[list[str]]
) -> None:
    visit = Visit(tmp_path, terminal=terminal, typed=typed)
    assert visit.run(PORTAL, *arguments).code == 0
    assert [options for _files, options in visit.installed] == runs


def test_what_the_installer_refuses_is_not_asked_about(tmp_path: Path) -> None:
    visit = Visit(tmp_path, terminal=True, typed=["c"], installer=2)
    assert visit.run(PORTAL).code == 2
    assert len(visit.installed) == 1


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        ({"Status": 404}, "unknown, used or expired"),
        ({"Status": 410}, "unknown, used or expired"),
        ({"Status": 409}, "The code is still good"),
        ({"Status": 429}, "too often"),
        ({"Status": 302}, "elsewhere (it answered HTTP 302)"),
        ({"Status": 500}, "problem of its own (it answered HTTP 500)"),
        ({"Status": 403}, "did not hand out the bundle (it answered HTTP 403)"),
        ({"Status": 0, "IsLate": True}, "in time"),
        ({"Status": 0, "Failure": "no\x1b route"}, "could not be reached: no? route"),
    ],
)
def test_what_the_portal_says_is_told_in_words(tmp_path: Path, answer: dict[str, Any], said: str) -> None:
    visit = Visit(tmp_path, answer=answer)
    ended = visit.run(PORTAL)
    assert ended.code == 1
    assert said in ended.complained[0]
    assert visit.installed == []


@pytest.mark.parametrize(
    "name",
    [
        "../x", "a/../x", "/x", "C:x", "a\\x", "x.", "a./x", ".x", "-x", "a b", "con", "Aux.txt", "lpt1.ps1", "a/b/c",
        "INSTALL.PS1", "x\n", "", "caf\u00e9",
    ],
)  # fmt: skip
def test_a_name_that_leads_elsewhere_is_refused(tmp_path: Path, name: str) -> None:
    visit = Visit(tmp_path)
    visit.files[name] = b""
    ended = visit.run(PORTAL)
    assert ended.code == 2
    assert "a name that does not belong" in ended.complained[0]
    assert visit.installed == []


def damaged(files: dict[str, bytes]) -> None:
    files["install.ps1"] += b"x"


def unlisted(files: dict[str, bytes]) -> None:
    files["more.ps1"] = b""


def missing(files: dict[str, bytes]) -> None:
    del files["GUIDE.md"]


def odd_line(files: dict[str, bytes]) -> None:
    files["SHA256SUMS"] += b"hello\n"


@pytest.mark.parametrize("change", [damaged, unlisted, missing, odd_line])
def test_every_file_has_its_checksum_and_every_checksum_its_file(tmp_path: Path, change: Any) -> None:
    visit = Visit(tmp_path)
    change(visit.files)
    ended = visit.run(PORTAL)
    assert ended.code == 2
    assert "do not fit their checksums" in ended.complained[0]
    assert visit.installed == []


@pytest.mark.parametrize("files", [{}, {"a": b""}, {"SHA256SUMS": sums({"a": b""}), "a": b""}])
def test_what_is_no_bundle(tmp_path: Path, files: dict[str, bytes]) -> None:
    ended = Visit(tmp_path, files=files).run(PORTAL)
    assert (ended.code, "not a bundle" in ended.complained[0]) == (2, True)


@pytest.mark.parametrize(
    "url",
    [
        "http://onramp.acme.example", "ftp://x", "https://", "https://a@b", "http://localhost@x", "http://localhostx",
        "https://x/%", "onramp",
    ],
)  # fmt: skip
def test_the_code_goes_over_https_only(tmp_path: Path, url: str) -> None:
    visit = Visit(tmp_path)
    ended = visit.run(url)
    assert (ended.code, visit.sent) == (3, [])
    assert "https://" in ended.complained[0]


def test_this_machine_may_do_without(tmp_path: Path) -> None:
    assert Visit(tmp_path).run("http://localhost:8000").code == 0
    assert Visit(tmp_path).run("http://127.0.0.1").code == 0


@pytest.mark.parametrize("arguments", [(), (PORTAL, PORTAL), (PORTAL, "--force"), ("--yes",)])
def test_misuse(tmp_path: Path, arguments: tuple[str, ...]) -> None:
    ended = Visit(tmp_path).run(*arguments)
    assert ended.code == 3
    assert ended.complained[0].startswith("Usage: powershell ")


def test_help_and_no_code(tmp_path: Path) -> None:
    assert Visit(tmp_path).run("--help").code == 0
    ended = Visit(tmp_path, typed=[" \r\n"]).run(PORTAL)
    assert (ended.code, ended.complained[0][:17]) == (2, "No code was given")


def test_it_speaks_spanish(tmp_path: Path) -> None:
    ended = Visit(tmp_path, language="es", answer={"Status": 404}).run(PORTAL)
    assert ended.complained == [
        "El portal no acepta este código: es desconocido, ya se usó o caducó. Pide allí uno nuevo."
    ]


def test_it_says_what_onramp_sh_says() -> None:
    made = machine({})
    made.replacements = {"start-onramp": lambda machine, given, named, piped: []}
    made.top.variables["status"] = 0
    with pytest.raises(Exit):
        made.load(script("onramp.ps1"), "", [], [])
    posix = script("onramp.sh").decode()
    for language in ("Get-English", "Get-Spanish"):
        sentences = made.call(language)
        made.statics["globalization.cultureinfo", "currentuiculture"] = Record(
            TwoLetterISOLanguageName="es" if language == "Get-Spanish" else "en"
        )
        for key in set(sentences.keys()) - {"usage"}:
            assert f'{key}) echo "{made.call("Get-Sentence", key, "$2")}"' in posix
