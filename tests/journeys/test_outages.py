"""What people see while a part of the portal stands still, and that everything goes on by itself afterwards.

A stack of its own: what is paused here would hold up other journeys. Paused (SIGSTOP), not ended: a process that
hangs is the harder case, it accepts connections and answers none; and one that ends takes all of `deploy.local` along.
"""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from contextlib import ExitStack

import pytest
from playwright.sync_api import Response, Route, expect

from tests.journeys.conftest import NewVisitor
from tests.journeys.stack import Stack, can_see_processes, running
from tests.journeys.visitor import READY, Visitor

pytestmark = [
    pytest.mark.journeys,
    pytest.mark.skipif(not can_see_processes(), reason="no /proc: processes cannot be found to pause them"),
]

# Whatever is asked of a part that hangs has a timeout below three seconds; the rest is for a busy machine. Without one
# the browser waits until it gives up.
BOUND = 12.0  # seconds
AUTHORIZE = re.compile("/authorize")


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    with running(tmp_path_factory.mktemp("outages").resolve()) as stack:
        yield stack


def test_an_identity_provider_that_hangs_before_anybody_signed_in(visit: NewVisitor, stack: Stack) -> None:
    """The first test of this file: nothing of the provider is cached yet."""
    ana = visit()
    ana.allow("status of 503")
    ana.open()
    with stack.paused("sandbox"), ana.page.expect_response("**/login/") as response:
        began = time.monotonic()
        ana.page.get_by_role("button", name="Sign in with").click()
    assert_says_that_sign_in_is_down(ana, response.value, began)

    ana.page.get_by_role("link", name="Try again").click()
    ana.page.get_by_role("button", name="Sign in with").click()
    ana.fill_in_at_the_provider("ana.nunez@acme.example")
    # Before that the provider's page stands there, which has no verification that could be under way.
    ana.page.wait_for_url(f"{ana.url}/setup/**")
    assert ana.wait_for_answer() == READY


def test_an_identity_provider_that_hangs_halfway_through_a_sign_in(visit: NewVisitor, stack: Stack) -> None:
    carla = visit()
    carla.allow("status of 503")
    carla.open()
    carla.page.get_by_role("button", name="Sign in with").click()
    carla.page.locator("input#username").wait_for()
    with ExitStack() as pause:

        def hang_after_it_sends_her_back(route: Route) -> None:
            answer = route.fetch(max_redirects=0)
            pause.enter_context(stack.paused("sandbox"))
            route.fulfill(response=answer)

        carla.page.route(AUTHORIZE, hang_after_it_sends_her_back)
        with carla.page.expect_response("**/login/callback/**") as response:
            began = time.monotonic()
            carla.fill_in_at_the_provider("carla.soto@acme.example")
        assert_says_that_sign_in_is_down(carla, response.value, began)

    carla.page.unroute(AUTHORIZE)
    carla.sign_in("carla.soto@acme.example")
    assert carla.wait_for_answer() == READY


def assert_says_that_sign_in_is_down(visitor: Visitor, response: Response, began: float) -> None:
    assert response.status == 503
    assert response.headers["retry-after"] == "30"
    assert time.monotonic() - began < BOUND
    expect(visitor.heading).to_have_text("Your company's sign-in does not answer")


def test_checks_wait_for_a_worker_and_say_since_when(visit: NewVisitor, stack: Stack) -> None:
    luis = visit()
    with stack.paused("worker"):
        luis.sign_in("luis.gil@acme.example")
        expect(luis.heading).to_have_text("Checking your access")
        expect(luis.page.locator(".badge")).to_have_text("Waiting")
        since = re.compile(r"Your checks have been waiting since \d\d:\d\d UTC")
        expect(luis.page.locator(".lede")).to_have_text(since)
        # It is polled, so it goes on by itself.
        expect(luis.page.locator(".lede")).to_have_text(since)
    assert luis.wait_for_answer() == "One thing blocks your access"


def test_pages_answer_while_the_broker_hangs_and_the_run_ends_afterwards(visit: NewVisitor, stack: Stack) -> None:
    hana, iris = visit(), visit()
    hana.sign_in("hana.novak@acme.example")
    assert hana.wait_for_answer() == READY
    with stack.paused("redis"):
        for path in ("/", "/setup/", "/bundle/", "/livez", "/readyz"):
            assert seconds_for(hana, path) < BOUND, path
        began = time.monotonic()
        hana.page.get_by_role("button", name="Verify again").click()
        expect(hana.page.locator(".lede")).to_contain_text("waiting since")
        verified_again = time.monotonic() - began
        began = time.monotonic()
        iris.sign_in("Iris.Vega@Acme.example")
        expect(iris.page.locator(".lede")).to_contain_text("waiting since")
        signed_in = time.monotonic() - began

    # The sweeper, every ten seconds, publishes what has been queued for fifteen.
    for visitor in (hana, iris):
        expect(visitor.heading).to_have_text(READY)
    assert verified_again < BOUND
    assert signed_in < 2 * BOUND  # six pages, one of which publishes


def seconds_for(visitor: Visitor, path: str) -> float:
    began = time.monotonic()
    response = visitor.page.request.get(visitor.url + path)
    assert response.status == 200
    return time.monotonic() - began
