"""A new version of every process, one after the other, while people use the portal: nobody notices."""

from __future__ import annotations

import os
import time

import pytest

from deploy.redis import free_port
from tests.faults.balancer import Balancer
from tests.faults.conftest import SIZE, Told
from tests.faults.portal import Portal
from tests.faults.visitor import Load
from tests.serving import serving

TIMES = int(os.environ.get("FAULTS_RESTARTS", "10"))
_PAGES = ("/", "/setup/", "/people/", "/costs/", "/livez")
_NEWEST = "SELECT coalesce(max(id), 0) FROM onboarding_verification"
_ASKED = "SELECT count(*) FROM onboarding_verification"


def renew_web(portal: Portal, balancer: Balancer, name: str, port: int) -> None:
    """As Kubernetes does: the next one is ready, the balancer turns to it, and the one before is told to end."""
    before = portal.replace(name, port)
    balancer.ports = list(portal.ports)
    portal.retire(before)


def renew(portal: Portal, name: str) -> None:
    """A worker or a beat. What a worker cannot finish goes back to the queue."""
    portal.retire(portal.replace(name))


@pytest.mark.long
def test_rolling_restarts_under_load(portal: Portal, told: Told) -> None:
    signed_in = [portal.admin() for _ in range(2)]
    newest, restarts = portal.count(_NEWEST), portal.restarts
    ports = [list(portal.ports), [free_port() for _ in portal.ports]]
    with serving(Balancer(list(portal.ports))) as balancer:
        load = Load([visitor.through(balancer.url) for visitor in signed_in], _PAGES)
        with load.running():
            # An even number: the last ones stand where the identity provider sends people back to.
            for turn in range(TIMES + TIMES % 2):
                portal.work("verify", str(min(SIZE.people, 20)))
                for name, port in zip(portal.names("web"), ports[(turn + 1) % 2], strict=True):
                    renew_web(portal, balancer, name, port)
                for name in (*portal.names("worker"), *portal.names("beat")):
                    renew(portal, name)
    began = time.monotonic()
    portal.settle(90)

    assert load.failed == 0, load.statuses
    asked = portal.count(f"{_ASKED} WHERE id > {newest}")
    done = portal.count(f"{_ASKED} WHERE id > {newest} AND state = 'done' AND outcome <> ''")
    assert done == asked >= TIMES
    # Nothing ended but what was told to.
    assert portal.restarts == restarts
    told(
        rounds=TIMES,
        requests=load.made,
        failed=load.failed,
        verifications=done,
        slowest_s=f"{load.slowest:.1f}",
        last_after_s=f"{time.monotonic() - began:.0f}",
    )
