"""Every page, light and dark, under axe's rules; and what axe does not ask: one h1, title, language, theme."""

from __future__ import annotations

from typing import Literal

import pytest
from axe_playwright_python.sync_playwright import Axe  # type: ignore[import-untyped]  # ships no types
from playwright.sync_api import expect

from tests.journeys.conftest import NewVisitor
from tests.journeys.stack import Stack
from tests.journeys.visitor import READY, Visitor

pytestmark = pytest.mark.journeys

THEMES: tuple[Literal["light", "dark"], ...] = ("light", "dark")
# Whoever has this permission set keeps the worker busy for a while.
STUCK = {
    "operation": "iam.SimulatePrincipalPolicy",
    "kind": "slow",
    "seconds": 5,
    "when": {"PolicySourceArn": "*ClaudeCodeBounded*"},
}


def assert_accessible(visitor: Visitor, title: str) -> None:
    expect(visitor.page).to_have_title(f"{title} · Onramp")
    expect(visitor.heading).to_have_count(1)
    assert visitor.page.locator("html").get_attribute("lang") == "en"
    for theme in THEMES:
        visitor.page.emulate_media(color_scheme=theme, reduced_motion="reduce")
        results = Axe().run(visitor.page)
        assert results.violations_count == 0, f"{theme}, {visitor.page.url}\n{results.generate_report()}"


def test_the_front_door(visit: NewVisitor) -> None:
    visitor = visit()
    visitor.open()
    assert_accessible(visitor, "Sign in")


def test_the_way_in_for_an_emergency(visit: NewVisitor, stack: Stack) -> None:
    carla = visit()
    carla.sign_in("carla.soto@acme.example")
    link = stack.manage("break_glass", "carla.soto@acme.example", "--reason", "To look at it").strip()
    visitor = visit()
    visitor.open(link.removeprefix(visitor.url))
    assert_accessible(visitor, "Sign in for an emergency")
    visitor.page.get_by_role("button", name="Sign in with this link").click()
    visitor.page.wait_for_url(f"{visitor.url}/setup/")
    visitor.open("/sessions/")
    visitor.page.get_by_text("By a link for an emergency").wait_for()
    assert_accessible(visitor, "Your sessions")
    visitor.allow("status of 410")
    visitor.open(link.removeprefix(visitor.url))
    assert_accessible(visitor, "This link is not good any more")


def test_somebody_whose_access_works(visit: NewVisitor) -> None:
    sofia = visit()
    sofia.sign_in("sofia.marin@acme.example")
    assert sofia.wait_for_answer() == READY
    assert_accessible(sofia, "Your access works")
    sofia.open("/bundle/")
    assert_accessible(sofia, "Your bundle")
    sofia.open("/setup/")
    sofia.page.get_by_role("button", name="Get a code for").locator("visible=true").click()
    assert_accessible(sofia, "Install with one line")

    sofia.open("/sessions/")
    assert_accessible(sofia, "Your sessions")

    sofia.allow("status of 404")
    sofia.open("/nowhere/")
    assert_accessible(sofia, "There is no such page")
    sofia.allow("status of 403")
    press_a_button_that_has_grown_too_old(sofia)
    assert_accessible(sofia, "That page was open for too long")


def press_a_button_that_has_grown_too_old(visitor: Visitor) -> None:
    visitor.open("/setup/")
    visitor.evaluate("for (const field of document.getElementsByName('csrfmiddlewaretoken')) field.value = 'old'")
    visitor.page.get_by_role("button", name="Verify again").click()
    visitor.page.wait_for_url(f"{visitor.url}/setup/verify/")


def test_somebody_who_waits_for_the_answer(visit: NewVisitor, stack: Stack) -> None:
    diego = visit()
    stack.fault(STUCK)
    try:
        with stack.paused("worker"):
            diego.sign_in("diego.aranda@acme.example")
            expect(diego.page.locator(".badge")).to_have_text("Waiting")
            assert_accessible(diego, "Checking your access")
        expect(diego.page.locator(".badge")).to_have_text("Running")
        assert_accessible(diego, "Checking your access")
    finally:
        stack.fault()


def test_what_people_ask_and_what_admins_see(visit: NewVisitor) -> None:
    luis = visit()
    luis.sign_in("luis.gil@acme.example")
    luis.wait_for_answer()
    luis.page.get_by_role("button", name="Ask an admin").click()
    luis.page.get_by_text("You asked the admins on").wait_for()
    assert_accessible(luis, "Your access is blocked")
    luis.open("/diagnose/")
    assert_accessible(luis, "Paste an error")
    luis.page.get_by_label("The whole message").fill(
        "An error occurred (ExpiredToken) when calling the Converse operation"
    )
    luis.page.get_by_role("button", name="Explain this error").click()
    luis.page.get_by_text("Not a denial", exact=True).wait_for()
    assert_accessible(luis, "Paste an error")
    luis.page.get_by_role("button", name="Ask an admin").click()
    luis.page.get_by_text("The admins have your error.").wait_for()

    carla = visit()
    carla.sign_in("carla.soto@acme.example")
    carla.wait_for_answer()
    carla.open("/requests/")
    assert_accessible(carla, "Requests")
    carla.page.get_by_label("Answer to").first.fill("The network team has it.")
    carla.page.get_by_role("button", name="Answer").first.click()
    carla.page.wait_for_url(f"{carla.url}/requests/")
    carla.open("/requests/?state=answered")
    assert_accessible(carla, "Requests")
    carla.page.get_by_role("button", name="Resolve").first.click()
    carla.page.wait_for_url(f"{carla.url}/requests/?state=answered")
    carla.open("/requests/?state=resolved")
    assert_accessible(carla, "Requests")
    carla.open("/notifications/")
    assert_accessible(carla, "Notifications")
    carla.open("/teams/")
    assert_accessible(carla, "Teams")
    carla.page.get_by_role("link", name="Platform", exact=True).click()
    assert_accessible(carla, "Platform")
    carla.page.get_by_label("Plan", exact=True).select_option(label="None")
    carla.page.get_by_role("button", name="Save").click()
    carla.page.get_by_text("and nothing is saved yet").wait_for()
    assert_accessible(carla, "Platform")
    look_at_luis(carla)
    carla.open("/people/")
    carla.page.get_by_role("checkbox").first.check()
    assert_accessible(carla, "People")
    carla.open("/people/?q=nobody&status=happy")
    assert_accessible(carla, "People")
    carla.open("/plans/")
    assert_accessible(carla, "Plans")
    carla.open("/plans/platform/")
    assert_accessible(carla, "Platform engineering")
    carla.open("/plans/platform/edit/")
    carla.page.get_by_label("Thinking tokens").fill("1024")
    carla.page.get_by_role("button", name="Preview revision").click()
    carla.page.get_by_role("button", name="Publish revision").wait_for()
    assert_accessible(carla, "Change Platform engineering")
    publish_another_revision(carla)
    carla.page.get_by_role("link", name="Compare revisions").click()
    assert_accessible(carla, "Revisions of Sunset")
    carla.page.get_by_role("link", name="Restore revision").click()
    assert_accessible(carla, "Restore revision 1 of Sunset")
    for path in ("/bundles/", "/bundles/?by=admins"):
        carla.open(path)
        assert_accessible(carla, "Bundles")
    carla.open("/plans/new/")
    assert_accessible(carla, "New plan")
    carla.open("/tokens/")
    assert_accessible(carla, "API tokens")
    carla.page.get_by_label("What it is for").fill("Nightly report")
    carla.page.get_by_label("Costs").check()
    carla.page.get_by_role("button", name="Make the token").click()
    carla.page.get_by_text("It is shown now and never again.").wait_for()
    assert_accessible(carla, "API tokens")
    carla.open("/audit/")
    assert_accessible(carla, "Audit")
    carla.open("/account/")
    assert_accessible(carla, "Account")
    carla.page.get_by_role("button", name="Check").click()
    # It polls until AWS was asked; then the button is back, without the page having been loaded again.
    expect(carla.page.get_by_role("button", name="Check again")).to_be_enabled()
    assert_accessible(carla, "Account")


def look_at_luis(carla: Visitor) -> None:
    """The page about him, and his own pages as he sees them, from the beginning to the end."""
    carla.open("/people/?q=luis")
    carla.page.get_by_role("link", name="Luis Gil").first.click()
    assert_accessible(carla, "Luis Gil")
    carla.page.get_by_role("link", name="View as").click()
    assert_accessible(carla, "View as Luis Gil")
    carla.page.get_by_label("Reason").fill("He says that his page is wrong.")
    carla.page.get_by_role("button", name="View their pages").click()
    assert_accessible(carla, "Your access is blocked")
    expect(carla.page.get_by_role("button", name="Verify again")).to_be_disabled()
    carla.allow("status of 403")
    carla.open("/plans/")
    assert_accessible(carla, "Closed while you view as somebody else")
    carla.page.get_by_role("button", name="End viewing as").click()
    assert_accessible(carla, "Luis Gil")


def publish_another_revision(visitor: Visitor) -> None:
    """Of a plan whose people no journey is about."""
    visitor.open("/plans/sunset/edit/")
    visitor.page.get_by_label("Thinking tokens").fill("2048")
    visitor.page.get_by_role("button", name="Preview revision").click()
    visitor.page.get_by_label("What changes, and why").fill("Less thinking")
    visitor.page.get_by_role("button", name="Publish revision").click()


def test_costs_and_whose_they_are(visit: NewVisitor, used: Stack) -> None:
    carla = visit()
    carla.sign_in("carla.soto@acme.example")
    carla.wait_for_answer()
    for path, title in (
        ("/costs/", "Costs"),
        ("/costs/?days=90&by=model&stack=model&sort=-nothing", "Costs"),
        ("/costs/?model=nothing", "Costs"),
        ("/costs/reconciliation/", "Reconciliation"),
        ("/costs/prices/", "Prices"),
        ("/costs/budgets/", "Budgets"),
        ("/costs/callers/", "Principals"),
        ("/usage/", "Your usage"),
    ):
        carla.open(path)
        carla.evaluate("for (const details of document.querySelectorAll('main details')) details.open = true")
        assert_accessible(carla, title)
    carla.allow("status of 422")
    carla.open("/costs/callers/")
    carla.page.get_by_placeholder("E-mail").first.fill("nobody@acme.example")
    carla.page.get_by_role("button", name="Claim").first.click()
    carla.page.get_by_text("Nobody that Onramp knows has this e-mail.").wait_for()
    assert_accessible(carla, "Principals")

    vera = visit()
    vera.sign_in("vera.lind@acme.example")
    vera.wait_for_answer()
    vera.open("/usage/")
    assert_accessible(vera, "Your usage")
    vera.open("/costs/prices/")
    assert_accessible(vera, "Prices")


@pytest.mark.parametrize(
    ("email", "title"),
    [
        ("chiara.rossi@acme.example", "Your access is blocked"),
        ("hugo.meyer@acme.example", "Not everything is known yet"),
        ("vera.lind@acme.example", "No plan yet"),
    ],
)
def test_somebody_whose_access_does_not_work(visit: NewVisitor, email: str, title: str) -> None:
    person = visit()
    person.sign_in(email)
    person.wait_for_answer()
    assert_accessible(person, title)


def test_a_chosen_theme_comes_with_the_page(visit: NewVisitor) -> None:
    """In the server's HTML, before any script: nothing flashes."""
    visitor = visit(theme="dark")
    visitor.open()
    assert theme_sent(visitor) == ""
    for name, theme in (("as the system", "light"), ("light", "dark"), ("dark", "")):
        visitor.page.get_by_role("button", name=f"Theme: {name}").click()
        assert theme_shown(visitor) == theme
        assert theme_sent(visitor) == theme
        assert theme_shown(visitor) == theme


def theme_sent(visitor: Visitor) -> str:
    response = visitor.page.reload()
    assert response is not None
    tag = response.text().partition("<html")[2].partition(">")[0]
    return tag.partition('data-theme="')[2].partition('"')[0]


def theme_shown(visitor: Visitor) -> str:
    return visitor.page.locator("html").get_attribute("data-theme") or ""
