"""`python -m tests.screenshots --out DIR [--only PAGE]`: pictures of the pages, from a portal started for them.

Each page in both themes, both languages and two widths, as `PAGE-THEME-LANGUAGE-WIDTH.png`. Pages: see `PAGES`.
`docs/images/setup.png` is `ready-light-en-1360.png`.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Literal, NamedTuple

from playwright.sync_api import Browser, expect, sync_playwright

from tests.journeys.stack import Stack, running
from tests.journeys.visitor import Visitor, chromium, launched

THEMES: tuple[Literal["light", "dark"], ...] = ("light", "dark")
LANGUAGES = ("en", "es")
WIDTHS = (1360, 390)
# Diego's role is asked about slowly, so that his checks are still under way when the picture is taken.
SLOW = {
    "operation": "iam.SimulatePrincipalPolicy",
    "kind": "slow",
    "seconds": 20,
    "when": {"PolicySourceArn": "*ClaudeCodeBounded*"},
}


# What somebody pastes on the page of errors, and hands to the admins.
DENIAL = """\
API Error: 403 {"message":"User: arn:aws:sts::111122223333:assumed-role/\
AWSReservedSSO_ClaudeCodeDeveloper_0123456789abcdef/ana.nunez@acme.example is not authorized to perform: \
bedrock:InvokeModelWithResponseStream on resource: \
arn:aws:bedrock:eu-south-2::foundation-model/anthropic.claude-opus-4-8 \
with an explicit deny in a service control policy"}
AWS_SECRET_ACCESS_KEY=wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"""


class Subject(NamedTuple):
    """Whose page it is, where, and how to tell that it is there."""

    email: str
    path: str
    state: str = ""


PAGES: Mapping[str, Subject] = {
    "sign-in": Subject("", "/"),
    "live": Subject("diego.aranda@acme.example", "/setup/", "running"),
    "ready": Subject("ana.nunez@acme.example", "/setup/", "ready"),
    "blocked": Subject("luis.gil@acme.example", "/setup/", "blocked"),
    "unknown": Subject("laura.pena@acme.example", "/setup/", "unknown"),
    "warning": Subject("bea.wide@acme.example", "/setup/", "ready"),
    "asked": Subject("luis.gil@acme.example", "/setup/", "blocked"),
    "bundle": Subject("ana.nunez@acme.example", "/bundle/"),
    "codes": Subject("ana.nunez@acme.example", "/setup/", "ready"),
    "people": Subject("carla.soto@acme.example", "/people/"),
    "sessions": Subject("ana.nunez@acme.example", "/sessions/"),
    # Of Luis, who is blocked: his number is not known before he is.
    "person": Subject("carla.soto@acme.example", "/people/{luis}/"),
    "person-view-as": Subject("carla.soto@acme.example", "/people/{luis}/view-as/"),
    "viewing": Subject("carla.soto@acme.example", "/setup/", "blocked"),
    "teams": Subject("carla.soto@acme.example", "/teams/"),
    "team-new": Subject("carla.soto@acme.example", "/teams/new/"),
    "team": Subject("carla.soto@acme.example", "/teams/1/"),
    "plans": Subject("carla.soto@acme.example", "/plans/"),
    "plan": Subject("carla.soto@acme.example", "/plans/platform/"),
    "plan-edit": Subject("carla.soto@acme.example", "/plans/platform/edit/"),
    "plan-new": Subject("carla.soto@acme.example", "/plans/new/"),
    "plan-compare": Subject("carla.soto@acme.example", "/plans/platform/compare/"),
    # Of the two revisions that the page before it leaves behind.
    "plan-restore": Subject("carla.soto@acme.example", "/plans/platform/revisions/1/restore/"),
    "bundles": Subject("carla.soto@acme.example", "/bundles/"),
    "diagnose": Subject("ana.nunez@acme.example", "/diagnose/"),
    "requests": Subject("carla.soto@acme.example", "/requests/"),
    "notifications": Subject("carla.soto@acme.example", "/notifications/"),
    "no-plan": Subject("vera.lind@acme.example", "/setup/"),
    "account": Subject("carla.soto@acme.example", "/account/"),
    "account-works": Subject("carla.soto@acme.example", "/account/?account=222233334444"),
    "tokens": Subject("carla.soto@acme.example", "/tokens/"),
    "costs": Subject("carla.soto@acme.example", "/costs/"),
    "reconciliation": Subject("carla.soto@acme.example", "/costs/reconciliation/"),
    "prices": Subject("carla.soto@acme.example", "/costs/prices/"),
    "budgets": Subject("carla.soto@acme.example", "/costs/budgets/"),
    "callers": Subject("carla.soto@acme.example", "/costs/callers/"),
    "usage": Subject("ana.nunez@acme.example", "/usage/"),
    "audit": Subject("carla.soto@acme.example", "/audit/"),
}
# They show the sandbox's sixty days, which are otherwise read within minutes.
OF_COSTS = frozenset(("teams", "costs", "reconciliation", "prices", "budgets", "callers", "usage", "person"))
OF_LUIS = frozenset(("asked", "requests", "person", "person-view-as", "viewing"))


def take_all(stack: Stack, browser: Browser, out: Path, names: list[str]) -> Iterator[Path]:
    """Every picture of the named pages, as it is taken."""
    if OF_COSTS.intersection(names):
        stack.manage("ingest_usage", "--days", "70")
        stack.manage("fetch_billed")
    for name in names:
        with _slow_answers(stack, name), Visitor.in_new_context(browser, stack.url) as visitor:
            if name in OF_LUIS:
                _ask(stack, browser)
            path = _path(stack, name)
            _go(visitor, PAGES[name])
            if name == "viewing":
                _view_as(visitor, PAGES["person-view-as"].path.format(luis=_number_of_luis(stack)))
            if name == "bundles":
                _take(stack, browser)
            if name == "plan-compare":
                _publish(visitor)
            if name.startswith("account"):
                _ask_aws(visitor, PAGES[name].path)
            if name == "tokens":
                _make_token(visitor)
            for variant in _variants(visitor):
                visitor.open(path)
                if name == "diagnose":
                    _paste(visitor)
                if name == "codes":
                    visitor.page.locator("form[action='/install/codes/'] button").locator("visible=true").click()
                    visitor.evaluate("document.fonts.ready.then(() => undefined)")
                else:
                    _wait(visitor, PAGES[name])
                picture = out / f"{name}-{variant}.png"
                visitor.page.screenshot(path=picture, full_page=True)
                yield picture


@contextmanager
def _slow_answers(stack: Stack, name: str) -> Iterator[None]:
    stack.fault(*([SLOW] if name == "live" else []))
    try:
        yield
    finally:
        stack.fault()


def _take(stack: Stack, browser: Browser) -> None:
    """Somebody takes their bundle."""
    with Visitor.in_new_context(browser, stack.url) as ana:
        ana.sign_in("ana.nunez@acme.example")
        ana.wait_for_answer()
        stack.manage("bundle", "ana.nunez@acme.example", "--platform", "macos", "--out", str(stack.home / "ana.zip"))


def _publish(visitor: Visitor) -> None:
    """Another revision, so that there are two."""
    visitor.open("/plans/platform/edit/")
    visitor.page.get_by_label("Maximum output tokens").fill("24000")
    visitor.page.get_by_role("button", name="Preview revision").click()
    visitor.page.get_by_label("What changes, and why").fill("Less quota set aside for each request")
    visitor.page.get_by_role("button", name="Publish revision").click()
    visitor.page.get_by_text("is current").first.wait_for()


def _ask(stack: Stack, browser: Browser) -> None:
    """Somebody who is blocked asks the admins, and so does somebody with an error; of more the page says the same."""
    with Visitor.in_new_context(browser, stack.url) as luis:
        luis.sign_in("luis.gil@acme.example")
        luis.wait_for_answer()
        button = luis.page.get_by_role("button", name="Ask an admin")
        if button.count():
            luis.page.get_by_text("Add a note to the request").first.click()
            luis.page.get_by_label("Note").first.fill("I need this for the release on Friday. Thank you!")
            button.first.click()
    with Visitor.in_new_context(browser, stack.url) as ana:
        ana.sign_in("ana.nunez@acme.example")
        ana.open("/diagnose/")
        _paste(ana)
        ana.page.get_by_role("button", name="Ask an admin").click()


def _path(stack: Stack, name: str) -> str:
    path = PAGES[name].path
    return path.format(luis=_number_of_luis(stack)) if "{luis}" in path else path


def _number_of_luis(stack: Stack) -> str:
    words = "from onboarding.models import Person; print(Person.objects.get(email='luis.gil@acme.example').pk)"
    return stack.manage("shell", "--no-imports", "-c", words).strip()


def _view_as(visitor: Visitor, path: str) -> None:
    visitor.open(path)
    visitor.page.get_by_label("Reason").fill("Ticket OPS-2114: his page says blocked")
    visitor.page.get_by_role("button", name="View their pages").click()
    expect(visitor.page.get_by_role("button", name="End viewing as")).to_be_visible()


def _ask_aws(visitor: Visitor, path: str) -> None:
    visitor.open(path)
    visitor.page.get_by_role("button", name="Check").click()
    expect(visitor.page.get_by_role("button", name="Check again")).to_be_enabled()


def _make_token(visitor: Visitor) -> None:
    visitor.open("/tokens/")
    visitor.page.get_by_label("What it is for").fill("Monthly cost report")
    visitor.page.get_by_label("Costs").check()
    visitor.page.get_by_label("Plans").check()
    visitor.page.get_by_role("button", name="Make the token").click()
    expect(visitor.page.locator("#token")).to_be_visible()


def _paste(visitor: Visitor) -> None:
    visitor.page.locator("textarea[name=text]").fill(DENIAL)
    visitor.page.locator("form[action='/diagnose/'] button").click()
    expect(visitor.page.locator("#result-h")).to_be_visible()


def _go(visitor: Visitor, subject: Subject) -> None:
    visitor.open()
    if subject.email:
        visitor.sign_in(subject.email)
    if subject.state == "running":
        # All that is asked before his role is.
        expect(visitor.page.locator("#live li [data-outcome=passed]").first).to_be_visible()
        expect(visitor.page.locator("#live [data-outcome=running] .finding-name")).to_have_text(
            "Invoke: Claude Opus 4.8"
        )
    else:
        visitor.wait_for_answer()


def _wait(visitor: Visitor, subject: Subject) -> None:
    if subject.state:
        expect(visitor.page.locator(f".badge[data-outcome={subject.state}]")).to_be_visible()
    # Letters would otherwise be those of the fallback font.
    visitor.evaluate("document.fonts.ready.then(() => undefined)")


def _variants(visitor: Visitor) -> Iterator[str]:
    """Bring the visitor's browser into each theme, language and width; its name."""
    for language in LANGUAGES:
        visitor.context.add_cookies([{"name": "language", "value": language, "url": visitor.url}])
        for theme in THEMES:
            visitor.page.emulate_media(color_scheme=theme, reduced_motion="reduce")
            for width in WIDTHS:
                visitor.page.set_viewport_size({"width": width, "height": 900})
                yield f"{theme}-{language}-{width}"


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.screenshots", description=__doc__)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--only", action="append", choices=PAGES, metavar="PAGE", help="repeat for several")
    arguments = parser.parse_args(argv)
    executable = chromium()
    if executable is None:
        print("no Chromium on PATH", file=sys.stderr)  # noqa: T201
        return 1
    arguments.out.mkdir(parents=True, exist_ok=True)
    with (
        tempfile.TemporaryDirectory(prefix="onramp-screenshots-") as home,
        running(Path(home).resolve()) as stack,
        sync_playwright() as playwright,
        launched(playwright, executable) as browser,
    ):
        for path in take_all(stack, browser, arguments.out, arguments.only or list(PAGES)):
            print(path)  # noqa: T201
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
