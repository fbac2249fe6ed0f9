"""How much CPU the setup page costs, over what the least page for somebody signed in costs in the same rounds."""

from __future__ import annotations

import datetime as dt
import statistics
import time
from collections.abc import Callable
from functools import cache, partial
from typing import TYPE_CHECKING, Any

from benchmarks.registry import Figure, measures

if TYPE_CHECKING:
    from django.http import HttpResponseBase

    from onboarding.models import Person

ROUNDS, REPEATS = 60, 5

Ask = Callable[[], object]


@measures("page.setup_warm_ratio", unit="ratio", goal=1.5)
def unchanged_setup_page() -> Figure:
    """Rendered before, and nothing about it has changed."""
    return _figure("warm")


@measures("page.setup_cold_ratio", unit="ratio", goal=4.5)
def changed_setup_page() -> Figure:
    """The first rendering after a change: nothing of this page is kept, but what is the same for all of a plan."""
    return _figure("cold")


@measures("page.poll_ratio", unit="ratio", goal=1.1)
def unchanged_polled_part() -> Figure:
    """What a browser asks each second while a verification runs, when it shows already what is so."""
    return _figure("poll")


def _figure(name: str) -> Figure:
    rounds = _rounds()
    ms, minimal = (statistics.median(each[column] for each in rounds) for column in (name, "minimal"))
    ratio = statistics.median(each[name] / each["minimal"] for each in rounds)
    return Figure(ratio, f"{ms:.2f} ms, a minimal page {minimal:.2f} ms; {ROUNDS} rounds of {REPEATS}, in turns")


@cache
def _rounds() -> list[dict[str, float]]:
    """Milliseconds of CPU of each request, by what is asked, in rounds that take turns; after one that warms up."""
    from django.test import override_settings
    from django.test.utils import setup_test_environment, teardown_test_environment

    asks = _requests()
    with override_settings(ROOT_URLCONF="benchmarks.minimal"):
        # Which reports every template that is rendered, and would be measured with it.
        teardown_test_environment()
        try:
            for ask in asks.values():
                ask()
            return [{name: _cpu_ms(ask) for name, ask in asks.items()} for _ in range(ROUNDS)]
        finally:
            setup_test_environment()


def _cpu_ms(ask: Ask) -> float:
    ask()  # whatever the one before has left in the processor's caches, and taken from ours
    start = time.process_time()
    for _ in range(REPEATS):
        ask()
    return (time.process_time() - start) / REPEATS * 1000


def _requests() -> dict[str, Ask]:
    """A minimal page and the setup page of somebody who is ready; the polled part of somebody who waits."""
    from onboarding.enums import RunState
    from onboarding.models import PlanRevision
    from onboarding.views.setup_page import PAGES
    from tests.factories import make_person, make_ready_person, make_verification

    person = make_ready_person("ready@acme.example")
    waits = make_person("waits@acme.example", team=person.team)
    # Old enough that the page does not change by itself while it is measured.
    since = dt.datetime.now(dt.UTC) - dt.timedelta(hours=1)
    revision = PlanRevision.objects.get(plan=person.team.plan_id, is_current=True)  # type: ignore[union-attr]  # has one
    make_verification(waits, revision, state=RunState.RUNNING, queued_at=since, started_at=since)
    ready, waiting = _Browser(person), _Browser(waits)
    shown = waiting.get("/setup/verification/")["ETag"]

    def cold() -> None:
        PAGES.clear()
        ready.get("/setup/")

    return {
        "minimal": partial(ready.get, "/minimal/"),
        "warm": partial(ready.get, "/setup/"),
        "cold": cold,
        "poll": partial(waiting.get, "/setup/verification/", 304, HTTP_IF_NONE_MATCH=shown),
    }


class _Browser:
    """Somebody signed in, whose requests go through the whole stack and no test client."""

    def __init__(self, person: Person) -> None:
        from django.conf import settings
        from django.core.handlers.wsgi import WSGIHandler
        from django.test import Client, RequestFactory

        from onboarding.models import User

        client = Client()
        client.force_login(person.user)  # type: ignore[arg-type]  # they have one
        # Signed in before the verification ended: otherwise the visit would start another.
        User.objects.filter(person=person).update(last_login=dt.datetime.now(dt.UTC) - dt.timedelta(hours=2))
        self._handler, self._factory = WSGIHandler(), RequestFactory(SERVER_NAME="localhost")
        name = settings.SESSION_COOKIE_NAME
        self._factory.cookies.load({name: client.cookies[name].value})

    def get(self, path: str, status: int = 200, **headers: Any) -> HttpResponseBase:
        """Raises RuntimeError where it is answered otherwise."""
        response = self._handler(self._factory.get(path, **headers).environ, lambda *_: lambda _: None)
        if response.status_code != status:
            raise RuntimeError(f"{path} answered {response.status_code}")
        b"".join(response)
        response.close()
        return response
