"""Every page that an address alone leads to, in Spanish, in both themes, under axe's rules: as an admin sees it."""

from __future__ import annotations

import re

import pytest
from axe_playwright_python.sync_playwright import Axe  # type: ignore[import-untyped]  # ships no types
from playwright.sync_api import expect

from tests.journeys.conftest import NewVisitor
from tests.journeys.stack import Stack
from tests.journeys.test_accessibility import THEMES
from tests.repository.pages import pages

pytestmark = pytest.mark.journeys

# What takes a POST alone, hands out a file, or is a part of a page.
_NO_PAGES = re.compile(r"csv|choose|test$|verify|issue|end|others|-ask|make|download|codes|setup-verification|restore")


def paths() -> list[str]:
    rules = ("person", "auditor", "admin")
    found = [page for page in pages() if page.rule in rules and not page.entry.pattern.converters]
    return [f"/{page.path}" for page in found if not _NO_PAGES.search(page.name)]


def test_every_page_speaks_spanish(visit: NewVisitor, used: Stack) -> None:
    carla = visit(language="es-ES")
    carla.sign_in("carla.soto@acme.example")
    carla.wait_for_answer()
    walked = [*paths(), "/plans/platform/", "/plans/platform/edit/", "/plans/platform/compare/"]
    assert len(walked) > 20
    for path in walked:
        carla.open(path)
        expect(carla.heading).to_have_count(1)
        assert carla.page.locator("html").get_attribute("lang") == "es", path
        for theme in THEMES:
            carla.page.emulate_media(color_scheme=theme, reduced_motion="reduce")
            results = Axe().run(carla.page)
            assert results.violations_count == 0, f"{theme}, {path}\n{results.generate_report()}"
