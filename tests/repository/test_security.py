"""docs/security.md against the standard and the code: nothing is left out, and nothing that it names is not there."""

from __future__ import annotations

import inspect
import re
from importlib.util import find_spec
from pathlib import Path

from django.conf import settings

from portal.environment import Environment
from tests import attack

FIELDS = Environment.model_fields
BASE_DIR = Path(__file__).resolve().parents[2]
TEXT = (BASE_DIR / "docs/security.md").read_text(encoding="utf-8")
# A row: the ids, what is asked, how it stands, where and why, and which tests show it.
_ROW = re.compile(r"^\| ((?:\d+\.\d+\.\d+(?:, )?)+) \| ([^|]+) \| ([^|]+) \| ([^|]+) \| ([^|]+) \|$", re.MULTILINE)
STATES = {"met", "in part", "not met", "operator", "not applicable"}


def _levels() -> dict[str, str]:
    lines = (BASE_DIR / "tests/repository/asvs-5.0.0.txt").read_text().splitlines()
    return dict(line.split() for line in lines if not line.startswith("#"))


def test_every_requirement_of_level_two_has_its_place_once() -> None:
    levels = list(_levels().values())
    assert (levels.count("1"), levels.count("2")) == (70, 183)

    named = [each for row in _ROW.findall(TEXT) for each in row[0].split(", ")]

    assert sorted(named) == sorted(_levels())


def test_every_row_says_how_it_stands_and_what_is_met_is_shown() -> None:
    for ids, _asked, state, where, shown in _ROW.findall(TEXT):
        assert state in STATES, ids
        assert where.strip(), ids
        assert state != "met" or "`" in where + shown, ids


def test_every_file_and_module_that_it_names_exists() -> None:
    named = set(re.findall(r"`([^`\s]+)`", TEXT))
    paths = {name for name in named if re.fullmatch(r"[\w./-]+/[\w.-]+\.\w+|[\w-]+/", name)}
    assert len(paths) > 20
    assert {name for name in paths if not (BASE_DIR / name).exists()} == set()

    modules = {name for name in named if re.fullmatch(r"(?:onboarding|portal|sandbox|tests)(?:\.\w+)+", name)}
    assert len(modules) > 20
    assert {name for name in modules if not _is_there(name)} == set()

    django = {name for name in named if re.fullmatch(r"[A-Z]+_[A-Z_]+", name)}
    environment = {str(getattr(field.validation_alias, "choices", [""])[0]) for field in FIELDS.values()}
    environment |= {f"ONRAMP_{name}".upper() for name in FIELDS}
    assert {name for name in django - environment if not hasattr(settings, name)} == set()


def _is_there(name: str) -> bool:
    """A module, or what stands in one."""
    try:
        if find_spec(name) is not None:
            return True
    except ModuleNotFoundError:
        pass
    module, _, thing = name.rpartition(".")
    spec = find_spec(module)
    assert spec is not None
    assert spec.origin is not None
    return re.search(rf"^(?:class|def) {thing}\b|^{thing} =", Path(spec.origin).read_text(), re.MULTILINE) is not None


def test_the_scanner_that_is_installed_is_the_one_whose_findings_are_judged() -> None:
    assert re.findall(r"wapiti-scanner\S*\) (\S+)", TEXT) == [attack.VERSION]
    assert "wapiti3=={VERSION}" in inspect.getsource(attack.install)
