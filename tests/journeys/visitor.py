"""Somebody at a browser: what they do, and everything that goes wrong in their pages meanwhile."""

from __future__ import annotations

import io
import re
import shutil
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Literal
from urllib.parse import urlsplit

from playwright.sync_api import (
    Browser,
    BrowserContext,
    ConsoleMessage,
    Download,
    Error,
    Locator,
    Page,
    Playwright,
    Request,
    expect,
)

from sandbox.idp import PASSWORD

LOOPBACK = ("localhost", "127.0.0.1")
READY = "Your access works. Install Claude Code."
# Milliseconds for whatever a page waits for. A verification takes one or two seconds; a busy machine, many more.
LIMIT = 45_000.0
expect.set_options(timeout=LIMIT)

_ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    # Whatever a page asks of another host fails, and is reported, instead of leaving this machine.
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE localhost, EXCLUDE 127.0.0.1",
]


def chromium() -> str | None:
    """The system's Chromium, or Chrome."""
    return next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)


def launched(playwright: Playwright, chromium: str) -> Browser:
    return playwright.chromium.launch(executable_path=chromium, args=_ARGUMENTS, headless=True)


class Visitor:
    """A person with a browser profile of their own, and one page open."""

    def __init__(self, context: BrowserContext, url: str) -> None:
        self.context = context
        self.url = url
        self.requests: list[str] = []
        self._problems: list[str] = []
        self._allowed: list[str] = []
        context.set_default_timeout(LIMIT)
        context.on("request", self._on_request)
        context.on("console", self._on_console)
        context.on("weberror", lambda error: self._problems.append(f"page error: {error.error}"))
        self.page: Page = context.new_page()

    @classmethod
    @contextmanager
    def in_new_context(
        cls,
        browser: Browser,
        url: str,
        *,
        language: str = "en-GB",
        theme: Literal["light", "dark"] = "light",
        width: int = 1360,
        has_scripts: bool = True,
    ) -> Iterator[Visitor]:
        """A visitor; afterwards AssertionError for whatever went wrong in their pages."""
        context = browser.new_context(
            locale=language,
            color_scheme=theme,
            viewport={"width": width, "height": 900},
            java_script_enabled=has_scripts,
            # Nothing moves under a picture or a measurement.
            reduced_motion="reduce",
        )
        try:
            visitor = cls(context, url)
            yield visitor
        finally:
            context.close()
        visitor.check()

    def allow(self, words: str) -> None:
        """The console may say this. Chromium reports each answer of 400 and more there."""
        self._allowed.append(words)

    def check(self) -> None:
        problems = [text for text in self._problems if not any(words in text for words in self._allowed)]
        assert not problems, "\n".join(problems)

    def _on_request(self, request: Request) -> None:
        parts = urlsplit(request.url)
        self.requests.append(f"{request.method} {parts.path}")
        if parts.scheme in ("http", "https", "ws", "wss") and parts.hostname not in LOOPBACK:
            self._problems.append(f"request to another host: {request.url}")

    def _on_console(self, message: ConsoleMessage) -> None:
        # A breach of the Content-Security-Policy is reported here, too. The identity provider's pages are not ours.
        if message.type in ("error", "warning") and self.page.url.startswith(self.url):
            about = message.location.get("url", "")
            self._problems.append(f"console {message.type} at {self.page.url}: {message.text} ({about})")

    # --- What a visitor does

    def open(self, path: str = "/") -> None:
        try:
            self.page.goto(self.url + path)
        except Error as error:
            # The setup page loads itself again as a verification ends, perhaps in this very moment.
            if "interrupted by another navigation" not in error.message:
                raise
            # Perhaps to where it leads: a goto that was interrupted may go on.
            self.page.wait_for_load_state()
            if self.page.url != self.url + path:
                self.page.goto(self.url + path)

    def sign_in(self, email: str) -> None:
        """From the sign-in page to the setup page, through the identity provider.

        That page loads itself again when the checks end: `wait_for_answer` before going on to another.
        """
        self.open()
        self.page.get_by_role("button", name=re.compile("Sign in with|SSO")).click()
        self.fill_in_at_the_provider(email)
        self.page.wait_for_url(f"{self.url}/setup/**")

    def fill_in_at_the_provider(self, email: str) -> None:
        self.page.locator("input#username").fill(email)
        self.page.locator("input#password").fill(PASSWORD)
        self.page.get_by_role("button", name="Authorize").click()

    def wait_for_answer(self) -> str:
        """Until the verification has ended; the page's heading then."""
        # Scripts reload the page when it ends, without them a `meta` does.
        expect(self.page.locator("#live")).to_have_count(0)
        return self.heading.inner_text()

    @property
    def heading(self) -> Locator:
        return self.page.get_by_role("heading", level=1)

    def download(self, press: Locator | None = None) -> dict[str, bytes]:
        """Press the download button (that of the chosen operating system); the zip's files."""
        if press is None and self.page.url.startswith(f"{self.url}/setup/"):
            self.page.get_by_text("Or download the bundle as a zip").locator("visible=true").click()
        with self.page.expect_download() as download:
            (press or self.page.get_by_role("button", name="Download for")).click()
        return unpacked(download.value)

    def evaluate(self, script: str) -> Any:
        return self.page.evaluate(script)


def unpacked(download: Download) -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(download.path().read_bytes())) as archive:
        assert archive.testzip() is None
        return {name: archive.read(name) for name in archive.namelist()}
