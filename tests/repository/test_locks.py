"""The lock files are those of pyproject.toml. Offline; `make lock-check` compiles them again and compares."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

BASE_DIR = Path(__file__).resolve().parents[2]
_PIN = re.compile(r"^([A-Za-z0-9._-]+)(?:\[[^\]]*\])?==([^\s;\\]+)", re.MULTILINE)


def _pins(name: str) -> dict[str, set[Version]]:
    """A lock's versions by package: more than one where markers choose."""
    pins: dict[str, set[Version]] = {}
    for package, version in _PIN.findall((BASE_DIR / name).read_text()):
        pins.setdefault(canonicalize_name(package), set()).add(Version(version))
    return pins


def _unmet(requirements: list[str], pins: dict[str, set[Version]]) -> list[str]:
    parsed = [Requirement(text) for text in requirements]
    return [
        str(wanted)
        for wanted in parsed
        if not any(wanted.specifier.contains(pin) for pin in pins.get(canonicalize_name(wanted.name), ()))
    ]


def _project() -> dict[str, list[str]]:
    project = tomllib.loads((BASE_DIR / "pyproject.toml").read_text())["project"]
    return {"requirements.txt": project["dependencies"], **project["optional-dependencies"]}


def test_production_lock_has_every_dependency() -> None:
    assert _unmet(_project()["requirements.txt"], _pins("requirements.txt")) == []


def test_development_lock_has_every_dependency() -> None:
    assert _unmet(_project()["requirements.txt"] + _project()["dev"], _pins("requirements-dev.txt")) == []


def test_the_lock_with_traces_is_the_one_of_production_and_what_traces_need() -> None:
    traced, production = _pins("requirements-otel.txt"), _pins("requirements.txt")
    assert _unmet(_project()["otel"], traced) == []
    assert {name: pins for name, pins in production.items() if traced.get(name) != pins} == {}


def test_development_runs_what_production_runs() -> None:
    development = _pins("requirements-dev.txt")
    assert {name: pins for name, pins in _pins("requirements-otel.txt").items() if development.get(name) != pins} == {}


def test_the_list_of_the_images_contents_is_made_by_what_was_locked() -> None:
    development = _pins("requirements-dev.txt")
    tools = _pins("deploy/requirements-sbom.txt")
    assert "cyclonedx-bom" in tools
    assert {name: pins for name, pins in tools.items() if development.get(name) != pins} == {}


def test_every_pin_has_a_hash() -> None:
    for name in ("requirements.txt", "requirements-otel.txt", "requirements-dev.txt", "deploy/requirements-sbom.txt"):
        text = (BASE_DIR / name).read_text()
        assert len(_PIN.findall(text)) == len(re.findall(r"^\S.*\\\n\s+--hash=sha256:", text, re.MULTILINE)), name
