"""The documents as pages: every link and anchor leads somewhere, and a page needs nothing from elsewhere."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from markdown.extensions.toc import slugify

BASE_DIR = Path(__file__).resolve().parents[2]
DOCS = BASE_DIR / "docs"
PAGES = [BASE_DIR / "README.md", BASE_DIR / "CHANGELOG.md", *sorted(DOCS.glob("*.md"))]

each_page = pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)


def text_of(page: Path) -> str:
    """Without what stands in fenced blocks."""
    return re.sub(r"^\s*```.*?^\s*```$", "", page.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL)


def headings(page: Path) -> list[str]:
    return [row.strip() for row in re.findall(r"^#+ (.+)$", text_of(page), re.MULTILINE)]


def test_the_pages_are_built_without_a_warning_and_need_no_network(tmp_path: Path) -> None:
    command = [
        str(Path(sys.executable).with_name("mkdocs")),
        "build",
        "--strict",
        "--site-dir",
        str(tmp_path / "site"),
    ]
    done = subprocess.run(command, cwd=BASE_DIR, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    made = list((tmp_path / "site").glob("*.html"))
    assert {page.stem for page in DOCS.glob("*.md")} <= {page.stem for page in made}
    fetched = re.compile(r"<(?:script|img|iframe)[^>]+src=\"(?:https?:)?//|<link[^>]+href=\"(?:https?:)?//")
    assert {page.name: fetched.findall(page.read_text(encoding="utf-8")) for page in made} == {
        page.name: [] for page in made
    }


def test_every_page_has_its_place() -> None:
    navigation = yaml.safe_load((BASE_DIR / "mkdocs.yml").read_text(encoding="utf-8"))["nav"]
    named = [
        page for entry in navigation for page in ([entry] if isinstance(entry, str) else next(iter(entry.values())))
    ]
    assert sorted(named) == sorted(page.name for page in DOCS.glob("*.md"))


@each_page
def test_every_link_and_anchor_leads_somewhere(page: Path) -> None:
    lost = []
    for link in re.findall(r"\]\((?!https?:|mailto:)([^)\s]+)\)", text_of(page)):
        path, _, anchor = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        anchors = {slugify(heading, "-") for heading in headings(target)} if target.suffix == ".md" else set()
        if not target.exists() or (anchor and anchor not in anchors):
            lost.append(link)
    assert lost == []


@each_page
def test_every_section_that_is_named_beside_a_link_is_there(page: Path) -> None:
    """As in: [costs](costs.md), "Prices"."""
    named = re.findall(r'\]\(([\w./-]+\.md)\),\s+"([^"]+)"', text_of(page))
    assert [(file, title) for file, title in named if title not in headings(page.parent / file)] == []


@each_page
def test_every_file_that_is_named_exists(page: Path) -> None:
    folders = "portal|onboarding|templates|static|tests|deploy|docs|benchmarks|sandbox"
    named = re.findall(rf"`((?:{folders})/[\w./-]+)`", text_of(page))
    made = {"benchmarks/results.json"}
    assert [name for name in named if name not in made and not (BASE_DIR / name).exists()] == []
