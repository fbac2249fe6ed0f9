"""What the docs name exists, and what exists is named."""

from __future__ import annotations

import re
from importlib.util import find_spec
from pathlib import Path

from django.core.management import get_commands

from portal.environment import Environment

BASE_DIR = Path(__file__).resolve().parents[2]
PAGES = [BASE_DIR / "README.md", *sorted((BASE_DIR / "docs").rglob("*.md"))]
OUR_COMMANDS = {path.stem for path in (BASE_DIR / "onboarding/management/commands").glob("[a-z]*.py")}
# A setting's row in a table of docs/configuration.md: its name in code, alone in the first column.
_MAKE = r"(?:^|`)make ([a-z][a-z-]*)"  # in code, not in a sentence
_ROW = re.compile(r"^\|\s*`([A-Z][A-Z0-9_]+)`\s*\|", re.MULTILINE)


def _settings() -> set[str]:
    """The environment variables `Environment` reads."""
    prefix = Environment.model_config["env_prefix"]
    fields = Environment.model_fields.items()
    return {_alias(field.validation_alias) or f"{prefix}{name}".upper() for name, field in fields}


def _alias(alias: object) -> str:
    return str(getattr(alias, "choices", [alias or ""])[0])


def _named(pattern: str) -> dict[str, str]:
    """What the pages name, and where."""
    texts = [(page.relative_to(BASE_DIR).as_posix(), page.read_text(encoding="utf-8")) for page in PAGES]
    return {match: page for page, text in texts for match in re.findall(pattern, text, re.MULTILINE)}


def _make_targets() -> set[str]:
    return set(re.findall(r"^([a-z][a-z-]*):", (BASE_DIR / "Makefile").read_text(), re.MULTILINE))


def test_every_setting_has_a_row_and_every_row_a_setting() -> None:
    rows = _ROW.findall((BASE_DIR / "docs/configuration.md").read_text(encoding="utf-8"))
    assert sorted(rows) == sorted(_settings())


def test_every_setting_the_docs_mention_exists() -> None:
    named = _named(r"\bONRAMP_[A-Z0-9_]*[A-Z0-9]\b")
    assert {name: page for name, page in named.items() if name not in _settings()} == {}


def test_env_example_names_settings_that_exist() -> None:
    text = (BASE_DIR / ".env.example").read_text(encoding="utf-8")
    names = set(re.findall(r"^#?\s?([A-Z][A-Z0-9_]+)=", text, re.MULTILINE))
    # Botocore's own, and the local runner's.
    assert {name for name in names if not name.startswith("AWS_")} - _settings() - {"PORT"} == set()


def test_every_make_target_the_docs_name_exists() -> None:
    assert {name: page for name, page in _named(_MAKE).items() if name not in _make_targets()} == {}


def test_every_make_target_with_a_description_is_in_the_readme_or_docs() -> None:
    described = set(re.findall(r"^([a-z][a-z-]*):.*##", (BASE_DIR / "Makefile").read_text(), re.MULTILINE))
    assert described - set(_named(_MAKE)) - {"help"} == set()


def test_every_management_command_the_docs_name_exists() -> None:
    named = _named(r"manage\.py ([a-z_]+)")
    assert {name: page for name, page in named.items() if name not in get_commands()} == {}


def test_every_management_command_of_ours_is_in_the_docs() -> None:
    assert OUR_COMMANDS - set(_named(r"manage\.py ([a-z_]+)")) == set()


def test_every_module_the_docs_run_exists() -> None:
    named = _named(r"python -m ([a-z][a-z_.]*[a-z])")
    assert {name: page for name, page in named.items() if find_spec(name) is None} == {}


def test_every_action_that_is_asked_of_aws_is_among_the_portals_permissions() -> None:
    modules = (BASE_DIR / "onboarding/aws").glob("*.py")
    asked = {
        action for module in modules for action in re.findall(r'mapped\("([a-z0-9-]+:\w+)"\)', module.read_text())
    }
    granted = set(
        re.findall(r"`([a-z0-9-]+:[A-Z]\w+)`", (BASE_DIR / "docs/operations.md").read_text(encoding="utf-8"))
    )
    # Asked as a plan's role, where the plan wants a live probe.
    assert asked - granted == {"bedrock:InvokeModel"}


def test_every_link_between_the_docs_leads_somewhere() -> None:
    for page in PAGES:
        links = re.findall(r"\]\((?!https?:|mailto:|#)([^)#\s]+)", page.read_text(encoding="utf-8"))
        assert [link for link in links if not (page.parent / link).exists()] == [], page.name
