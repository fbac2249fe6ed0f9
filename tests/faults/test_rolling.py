"""A new version of every process, one after the other, while people use the portal: nobody notices."""

from __future__ import annotations

import os
import signal
import time

import pytest

from tests.faults.conftest import SIZE, Told
from tests.faults.portal import UP, Portal
from tests.faults.visitor import Load
from tests.journeys.stack import descendants

TIMES = int(os.environ.get("FAULTS_RESTARTS", "10"))
_PAGES = ("/", "/setup/", "/people/", "/costs/", "/livez")
_DONE = "SELECT count(*) FROM onboarding_verification WHERE state = 'done'"


def renew_web(portal: Portal, name: str) -> None:
    """gunicorn's HUP: new children take over, and the old ones answer what they have begun with."""
    before = set(descendants(portal.pid(name)))
    portal.signal(name, signal.SIGHUP)

    def is_new() -> bool:
        now = set(descendants(portal.pid(name)))
        return bool(now) and not now & before

    portal.wait(is_new, UP, f"{name} to have new children")


def renew_worker(portal: Portal, name: str) -> None:
    """SIGTERM as SIGQUIT: what it cannot finish goes back to the queue. The supervisor starts the next."""
    before = portal.pid(name)
    portal.signal(name, signal.SIGTERM)
    portal.wait(lambda: portal.pid(name) != before and "ready" in portal.log(name), UP, f"{name} to be replaced")


@pytest.mark.long
def test_rolling_restarts_under_load(portal: Portal, told: Told) -> None:
    visitors = [portal.admin() for _ in range(2)]
    load = Load(visitors, _PAGES)
    done = portal.count(_DONE)
    with load.running():
        for _ in range(TIMES):
            portal.work("verify", str(min(SIZE.people, 20)))
            for name in portal.names("web"):
                renew_web(portal, name)
            for name in portal.names("worker"):
                renew_worker(portal, name)
    began = time.monotonic()
    portal.settle(90)

    assert load.failed == 0, load.statuses
    finished = portal.count(_DONE) - done
    assert finished >= TIMES
    told(
        rounds=TIMES,
        requests=load.made,
        failed=load.failed,
        verifications=finished,
        slowest_s=f"{load.slowest:.1f}",
        last_after_s=f"{time.monotonic() - began:.0f}",
    )
