"""How much a bundle costs to make, and to fetch."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from benchmarks.registry import Figure, measures

ROUNDS, REPEATS = 12, 50


@measures("bundle.cpu_ms", unit="ms", goal=1.0)
def cpu_of_one_bundle() -> float:
    """CPU time of building every file and the zip, each time for somebody else: the median of the rounds, after one
    that warms up.

    CPU and not wall time: the figure should say the same on a busy machine.
    """
    from onboarding.bundles.build import build
    from tests.unit.bundles.examples import EXAMPLE

    people = [replace(EXAMPLE, person_name=f"Ana {n}", person_email=f"ana.{n}@acme.example") for n in range(REPEATS)]
    if build(people[0]).digest != build(replace(people[0])).digest:
        raise RuntimeError("equal inputs gave other bytes")

    def one_round() -> float:
        start = time.process_time()
        for person in people:
            build(person)
        return (time.process_time() - start) / REPEATS * 1000

    one_round()
    return statistics.median(one_round() for _ in range(ROUNDS))


@measures("bundle.endpoint_ratio", unit="ratio", goal=1.5)
def download_over_a_minimal_page() -> Figure:
    """CPU of the endpoint that hands out the zip, over that of a view that only asks who is signed in.

    Before it the bundle is made, once: access is read and the deed recorded. What that costs is said beside the
    figure. All go through the whole stack, in one process, in rounds that take turns.
    """
    from django.test import override_settings

    with override_settings(ROOT_URLCONF="benchmarks.minimal"):
        requests = _requests()
        for warm_up in requests:
            warm_up()
        rounds = [[_cpu(request) for request in requests] for _ in range(ROUNDS)]
    minimal, make, download = (statistics.median(column) for column in zip(*rounds, strict=True))
    ratio = statistics.median(last / first for first, _, last in rounds)
    detail = f"{download:.2f} ms a download, {minimal:.2f} ms a minimal page; making and recording it {make:.2f} ms"
    return Figure(ratio, detail)


def _cpu(request: Callable[[], None]) -> float:
    start = time.process_time()
    for _ in range(REPEATS):
        request()
    return (time.process_time() - start) / REPEATS * 1000


def _requests() -> tuple[Callable[[], None], ...]:
    """A minimal page, making a bundle, and its download, of one person who is ready."""
    from django.conf import settings
    from django.core.handlers.wsgi import WSGIHandler
    from django.middleware.csrf import _get_new_csrf_string
    from django.test import Client, RequestFactory

    from tests.factories import make_ready_person

    person = make_ready_person("download@acme.example")
    assert person.user is not None
    client = Client()
    client.force_login(person.user)
    token = _get_new_csrf_string()
    cookies = {settings.SESSION_COOKIE_NAME: client.cookies[settings.SESSION_COOKIE_NAME].value}
    factory, handler = RequestFactory(), WSGIHandler()
    factory.cookies.load(cookies | {settings.CSRF_COOKIE_NAME: token})

    def _start_response(*said: Any) -> Callable[[bytes], object]:
        return lambda written: None

    def answered(make: Callable[[], Any], status: int = 200) -> Callable[[], None]:
        def ask() -> None:
            response = handler(make().environ, _start_response)
            if response.status_code != status:
                raise RuntimeError(f"answered {response.status_code}")
            b"".join(response)
            response.close()

        return ask

    form = {"platform": "linux", "csrfmiddlewaretoken": token}
    return (
        answered(lambda: factory.get("/minimal/")),
        answered(lambda: factory.post("/bundle/make/", form), 302),
        answered(lambda: factory.get("/bundle/download/")),
    )
