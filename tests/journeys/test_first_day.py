"""A person's first day, in a real browser against everything that `make run` starts."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.journeys.conftest import NewVisitor
from tests.journeys.stack import Stack
from tests.journeys.visitor import READY, Visitor, unpacked

pytestmark = pytest.mark.journeys

ANA = "ana.nunez@acme.example"
MODELS = (
    "eu.anthropic.claude-opus-4-8",
    "eu.anthropic.claude-sonnet-4-6",
    "eu.anthropic.claude-haiku-4-5-20251001-v1:0",
)
PWNED = Path("/tmp/onramp-pwned")  # what the hostile name would make, were it ever run
# So slow that answers are seen to come one by one, however busy the machine is.
SLOW = (
    {"operation": "identitystore.*", "kind": "slow", "seconds": 0.5},
    {"operation": "iam.SimulatePrincipalPolicy", "kind": "slow", "seconds": 5},
)

# What a heading may say in both languages: names of products, systems and files.
SAME_IN_BOTH = {"Claude Code Amazon Bedrock", "macOS", "Linux", "Windows", "Scripts"} | {
    "settings.json", "aws-config", "env.sh", "env.fish", "env.ps1", "env.cmd", "iam-policy.json", "iam-policy.tf",
    "GUIDE.md", "onramp.json", "words.txt", "MANIFEST.json", "SHA256SUMS",
}  # fmt: skip


def test_a_healthy_person_from_sign_in_to_the_bundle_and_out_again(visit: NewVisitor, stack: Stack) -> None:
    ana = visit()
    stack.fault(*SLOW)
    try:
        # The page is there before the first check begins: on a busy machine all of them could end before that.
        with stack.paused("worker"):
            ana.sign_in(ANA)
            ana.evaluate("window.isTheFirst = true")
        watch_an_answer_arrive(ana)
    finally:
        stack.fault()
    ana.wait_for_answer()
    assert ana.heading.inner_text() == READY
    assert_nothing_is_polled_any_more(ana)

    files = ana.download()
    assert_is_her_bundle(files)
    ana.page.get_by_role("link", name="Bundle", exact=True).click()
    shown = ana.page.get_by_role("tabpanel", name="settings.json").locator("pre").inner_text()
    assert shown.encode() == files["settings.json"]

    sign_out(ana)
    ana.open("/setup/")
    expect(ana.page).to_have_url(f"{ana.url}/?next=/setup/")


def watch_an_answer_arrive(visitor: Visitor) -> None:
    """Wait until the status line counts an answer; it is said on the page that was there before any of them."""
    visitor.page.wait_for_function("() => /^[1-9]/.test(document.getElementById('announce').textContent)")
    assert visitor.evaluate("window.isTheFirst")


def assert_nothing_is_polled_any_more(visitor: Visitor) -> None:
    assert "GET /setup/verification/" in visitor.requests
    before = len(visitor.requests)
    # Three of its periods. There is no condition to wait for: that nothing comes is the point.
    visitor.page.wait_for_timeout(3000)
    assert visitor.requests[before:] == []


def assert_is_her_bundle(files: dict[str, bytes]) -> None:
    lines = (line.split("  ") for line in files["SHA256SUMS"].decode().splitlines())
    sums = {name: digest for digest, name in lines}
    assert sums.keys() == files.keys() - {"SHA256SUMS"}
    assert sums == {name: hashlib.sha256(files[name]).hexdigest() for name in sums}
    environment = json.loads(files["settings.json"])["env"]
    assert {environment[f"ANTHROPIC_DEFAULT_{tier}_MODEL"] for tier in ("OPUS", "SONNET", "HAIKU")} == set(MODELS)
    assert json.loads(files["MANIFEST.json"])["platform"] == "linux"


def sign_out(visitor: Visitor) -> None:
    visitor.page.locator("summary", has_text="account menu").click()
    visitor.page.get_by_role("button", name="Sign out").click()
    expect(visitor.page).to_have_url(f"{visitor.url}/")


@pytest.mark.parametrize(
    ("email", "layer", "said", "remedy"),
    [
        (
            "luis.gil@acme.example",
            "Identity policy",
            "Spain (eu-south-2)",
            "to the permission set's policy",
        ),
        ("pau.vidal@acme.example", "Service control policy", "Spain (eu-south-2)", "exempts the plan's profiles"),
        ("inma.soler@acme.example", "Identity Center directory", "inma.soler@acme.example", "An admin"),
    ],
)
def test_a_blocked_person_reads_who_says_no_and_what_to_do(
    visit: NewVisitor, email: str, layer: str, said: str, remedy: str
) -> None:
    person = visit()
    person.sign_in(email)

    assert "block" in person.wait_for_answer()
    fix = person.page.get_by_role("region", name="What to fix")
    expect(person.page.locator(".badge")).to_have_text("Blocked")
    for text in (layer, said, remedy):
        expect(fix).to_contain_text(text)
    expect(person.page.get_by_role("button", name="Download")).to_have_count(0)
    person.open("/bundle/")
    expect(person.page).to_have_url(f"{person.url}/setup/")


def test_throttling_is_unknown_and_never_a_denial(visit: NewVisitor) -> None:
    laura = visit()
    laura.sign_in("laura.pena@acme.example")

    laura.wait_for_answer()
    expect(laura.page.locator(".badge")).to_have_text("Unknown")
    page = laura.page.locator("main")
    expect(page).to_contain_text("This is not a denial")
    for word in ("Blocked", "Failed", "Who says no"):
        expect(page).not_to_contain_text(word, ignore_case=True)
    expect(laura.page.get_by_role("button", name="Download")).to_have_count(0)


def test_a_hostile_name_is_text_and_nothing_runs(visit: NewVisitor) -> None:
    robert = visit()
    robert.sign_in("robert.tables@acme.example")

    assert robert.wait_for_answer() == READY
    name = """Zoë "O'Brien" \\ $(touch /tmp/onramp-pwned) `id` 🚀 שלום"""
    robert.page.locator("summary", has_text="account menu").click()
    expect(robert.page.locator(".menu-who bdi").first).to_have_text(name)
    assert "install.sh" in robert.download()
    assert not PWNED.exists()


def test_only_admins_reach_the_admin(visit: NewVisitor) -> None:
    carla, ana = visit(), visit()
    carla.sign_in("carla.soto@acme.example")
    carla.wait_for_answer()
    carla.page.get_by_role("link", name="Admin").click()
    expect(carla.page).to_have_title("Site administration · Onramp")
    carla.page.get_by_role("link", name="Plans", exact=True).click()
    expect(carla.page.get_by_role("link", name="Platform engineering")).to_be_visible()

    ana.sign_in(ANA)
    ana.wait_for_answer()
    expect(ana.page.get_by_role("link", name="Admin")).to_have_count(0)
    ana.allow("status of 403")
    ana.open("/django-admin/")
    expect(ana.heading).to_have_text("This page is not yours to open")


def test_the_portal_in_spanish_stays_spanish(visit: NewVisitor) -> None:
    iris = visit()
    english = {"sign-in": headings_at(iris, "/")}
    iris.sign_in("Iris.Vega@Acme.example")
    iris.wait_for_answer()
    english |= {path: headings_at(iris, path) for path in ("/setup/", "/bundle/")}

    iris.page.get_by_role("button", name="Español").click()
    expect(iris.page.locator("html")).to_have_attribute("lang", "es")
    spanish = {path: headings_at(iris, path) for path in ("/setup/", "/bundle/")}
    sign_out_in_spanish(iris)
    spanish["sign-in"] = headings_at(iris, "/")

    expect(iris.page.locator("html")).to_have_attribute("lang", "es")
    for path, words in spanish.items():
        assert len(words) == len(english[path])
        assert set(words) & set(english[path]) <= SAME_IN_BOTH | model_names(words), path


def headings_at(visitor: Visitor, path: str) -> list[str]:
    visitor.open(path)
    found = visitor.page.locator("h1, h2, h3, h4").all_text_contents()
    return [" ".join(text.split()) for text in found]


def model_names(words: list[str]) -> set[str]:
    return {text for text in words if text.startswith("Claude ") and text[-1].isdigit()}


def sign_out_in_spanish(visitor: Visitor) -> None:
    visitor.page.locator(".menu summary").click()
    visitor.page.get_by_role("button", name="Cerrar sesión").click()
    expect(visitor.page).to_have_url(f"{visitor.url}/")


def test_without_scripts_the_page_refreshes_itself(visit: NewVisitor) -> None:
    oscar = visit(has_scripts=False)
    oscar.sign_in("oscar.benitez@acme.example")

    expect(oscar.page.locator("#live")).to_have_count(1)
    assert oscar.wait_for_answer() == READY
    assert "GET /setup/verification/" not in oscar.requests
    # Without tabs every operating system lies open, each with its own way to the zip.
    linux = oscar.page.locator("#os-linux")
    linux.get_by_text("Or download the bundle as a zip").click()
    assert "install.sh" in oscar.download(linux.get_by_role("button", name="Download for Linux"))


def test_the_keyboard_alone_is_enough(visit: NewVisitor) -> None:
    bruno = visit()
    bruno.open()
    tab_to(bruno, "Skip to content", limit=1)
    tab_to(bruno, "Sign in with Acme SSO")
    bruno.page.keyboard.press("Enter")
    bruno.page.locator("input#username").wait_for()
    for text in ("bruno.rey", "onramp"):
        bruno.page.keyboard.type(text)
        bruno.page.keyboard.press("Tab")
    bruno.page.get_by_role("button", name="Authorize").press("Enter")
    bruno.page.wait_for_url(f"{bruno.url}/setup/")
    assert bruno.wait_for_answer() == READY

    tab_to(bruno, "Skip to content", limit=1)
    bruno.page.keyboard.press("Enter")
    tab_to(bruno, "Linux")
    bruno.page.keyboard.press("ArrowRight")
    assert focused(bruno) == "Windows"
    bruno.page.keyboard.press("ArrowLeft")
    bruno.page.keyboard.press("ArrowLeft")
    assert focused(bruno) == "macOS"
    expect(bruno.page.get_by_role("tabpanel", name="macOS")).to_be_visible()
    tab_to(bruno, "Get a code for macOS")
    tab_to(bruno, "Or download the bundle as a zip")
    bruno.page.keyboard.press("Enter")
    tab_to(bruno, "Download for macOS (.zip)")
    with bruno.page.expect_download() as download:
        bruno.page.keyboard.press("Enter")
    assert json.loads(unpacked(download.value)["MANIFEST.json"])["platform"] == "macos"


def tab_to(visitor: Visitor, words: str, limit: int = 25) -> None:
    """Press Tab until what says `words` has the focus; on the way the focus can always be seen."""
    passed = []
    for _ in range(limit):
        visitor.page.keyboard.press("Tab")
        passed.append(focused(visitor))
        assert has_visible_focus(visitor), passed
        if passed[-1] == words:
            return
    raise AssertionError(f"Tab did not reach {words!r}: {passed}")


def focused(visitor: Visitor) -> str:
    return str(visitor.evaluate("document.activeElement.textContent.trim().replace(/\\s+/g, ' ')"))


def has_visible_focus(visitor: Visitor) -> bool:
    """An outline, on something that lies within the window and has a size."""
    script = """() => {
        const style = getComputedStyle(document.activeElement), box = document.activeElement.getBoundingClientRect();
        return parseFloat(style.outlineWidth) > 0 && style.outlineStyle !== "none"
            && box.width > 1 && box.height > 1 && box.bottom > 0 && box.top < innerHeight;
    }"""
    return bool(visitor.evaluate(script))


def test_nothing_is_wider_than_a_telephone(visit: NewVisitor, stack: Stack) -> None:
    hana, luis = visit(width=390), visit(width=390)
    hana.open()
    assert_fits(hana)
    with stack.paused("worker"):
        hana.sign_in("hana.novak@acme.example")
        expect(hana.page.locator("#live")).to_be_visible()
        assert_fits(hana)
    hana.wait_for_answer()
    assert_fits(hana)
    hana.open("/bundle/")
    assert_fits(hana)
    luis.sign_in("luis.gil@acme.example")
    luis.wait_for_answer()
    assert_fits(luis)


@pytest.mark.parametrize("width", [1360, 1200, 1024, 390])
def test_every_link_of_an_admin_is_in_sight_in_the_longer_language(visit: NewVisitor, width: int) -> None:
    """Also under a company's name that leaves no room for them."""
    carla = visit(width=width)
    carla.sign_in("carla.soto@acme.example")
    carla.wait_for_answer()
    carla.context.add_cookies([{"name": "language", "value": "es", "url": carla.url}])
    for path in ("/bundle/", "/requests/", "/costs/", "/costs/prices/", "/costs/budgets/"):
        carla.open(path)
        assert_fits(carla)
        carla.evaluate("document.querySelector('.brand small').textContent = 'Internationale Gesellschaft '.repeat(4)")
        assert_fits(carla)
        last, tools = (carla.page.locator(place).bounding_box() for place in (".nav li:last-child a", ".topbar-tools"))
        assert last is not None
        assert tools is not None
        assert max(box["x"] + box["width"] for box in (last, tools)) <= width, path
        brand, first = (carla.page.locator(place).bounding_box() for place in (".brand svg", ".nav li:first-child a"))
        assert brand is not None
        assert first is not None
        assert brand["x"] + brand["width"] <= first["x"] or first["y"] >= brand["y"] + brand["height"], path
        # Beside the tools or below them, never under them.
        assert last["x"] + last["width"] <= tools["x"] or last["y"] >= tools["y"] + tools["height"], path


def assert_fits(visitor: Visitor) -> None:
    width, window = visitor.evaluate("[document.documentElement.scrollWidth, innerWidth]")
    assert width <= window, f"{visitor.page.url} is {width} px wide"
