"""The portal and the browser that the journeys share."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest
from playwright.sync_api import Browser, sync_playwright

from tests.journeys.stack import Stack, running
from tests.journeys.visitor import Visitor, chromium, launched

NewVisitor = Callable[..., Visitor]


@pytest.fixture(scope="package")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """One portal for all journeys: they keep to different people."""
    with running(tmp_path_factory.mktemp("onramp").resolve()) as stack:
        yield stack


@pytest.fixture(scope="package")
def used(stack: Stack) -> Stack:
    """The portal with the sandbox's sixty days of usage and bills, which are otherwise read within minutes."""
    stack.manage("ingest_usage", "--days", "70")
    stack.manage("fetch_billed")
    return stack


# Not for the session: while it is open, its event loop makes Django refuse to reach the database in this thread.
@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    """The system's Chromium."""
    executable = chromium()
    if executable is None:
        pytest.skip("no Chromium: browser journeys (on Debian: apt-get install chromium)")
    with sync_playwright() as playwright:
        yield launched(playwright, executable)


@pytest.fixture
def visit(browser: Browser, stack: Stack) -> Iterator[NewVisitor]:
    """Makes visitors: a browser profile each. The test fails for whatever went wrong in one of their pages."""
    with ExitStack() as visits:
        yield lambda **options: visits.enter_context(Visitor.in_new_context(browser, stack.url, **options))
