"""People use the portal, and workers work, for a while: nothing fails, and nothing grows."""

from __future__ import annotations

import contextlib
import os
import time
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from statistics import linear_regression

import pytest

from tests.faults.conftest import Told
from tests.faults.portal import Portal
from tests.faults.visitor import Load

SECONDS = float(os.environ.get("FAULTS_SOAK", "600"))
EVERY = 5.0
# Before it: memory that is kept has been asked for. Of web processes that is what their threads take when all make
# pages at once, which two visitors bring about by chance, and in the middle of the soak.
WARM_UP = min(120.0, SECONDS)
# What one process may grow by in ten minutes, by a line through what it had after the first quarter of the time.
GROWTH_MB = 3.0
_TEN_MINUTES = 600.0
_PAGES = ("/", "/setup/", "/people/", "/costs/", "/audit/", "/bundle/", "/readyz")
_LIVE = "SELECT count(*) FROM onboarding_verification WHERE state IN ('queued', 'running')"


def rss_mb(pid: int) -> float:
    """0 for a process that is gone."""
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except OSError:
        return 0.0
    return next((int(line.split()[1]) / 1024 for line in lines if line.startswith("VmRSS:")), 0.0)


def growth(points: Sequence[tuple[float, float]]) -> float | None:
    """By how many MB in the time of the soak, or in ten minutes of it; None for one that was not there for long."""
    steady = [(at, mb) for at, mb in points if at > SECONDS / 4]
    if len(steady) < 6:
        return None
    return linear_regression(*zip(*steady, strict=True)).slope * min(SECONDS, _TEN_MINUTES)


def _do_everything_in(name: str, portal: Portal) -> None:
    """Whatever a process does first, it loads what it keeps: that is no growth. The others stand still meanwhile; what
    one of them has taken in hand, the sweeper publishes again.
    """
    with contextlib.ExitStack() as stack:
        for other in portal.names("worker"):
            if other != name:
                stack.enter_context(portal.paused(other))
        portal.work("ingest", "sweep", "verify", "10")
        portal.wait(lambda: portal.live() == 0, 180, f"everything in {name}")


@pytest.mark.long
def test_a_soak(portal: Portal, told: Told) -> None:
    crowd = Load([portal.admin() for _ in range(len(portal.urls) * portal.size.threads)], _PAGES)
    load = Load([portal.admin() for _ in range(2)], _PAGES)
    samples: dict[str, list[tuple[float, float]]] = defaultdict(list)
    restarts = portal.restarts

    def work_and_wait() -> None:
        if portal.count(_LIVE) == 0:
            portal.work("verify", "10")
        again = time.monotonic() + EVERY
        portal.wait(lambda: time.monotonic() > again, EVERY + 5, "the next sample")

    for name in portal.names("worker"):
        _do_everything_in(name, portal)
    with crowd.running():
        warm = time.monotonic() + WARM_UP
        while time.monotonic() < warm:
            work_and_wait()
    with load.running():
        began = time.monotonic()
        while (now := time.monotonic() - began) < SECONDS:
            for name in portal.names():
                for pid in portal.processes(name):
                    samples[f"{name} {pid}"].append((now, rss_mb(pid)))
            work_and_wait()

    grown = {process: mb for process, points in samples.items() if (mb := growth(points)) is not None}
    assert load.failed == 0, load.statuses
    assert crowd.failed == 0, crowd.statuses
    assert portal.restarts == restarts
    assert len(grown) >= len(portal.names())
    most = max(grown, key=grown.__getitem__)
    course = " ".join(f"{at:.0f}s={mb:.1f}" for at, mb in samples[most])
    assert grown[most] <= GROWTH_MB, f"{most} grew by {grown[most]:.1f} MB: {course}"
    told(
        rounds=1,
        seconds=int(SECONDS),
        requests=load.made,
        failed=load.failed,
        most_growth_mb=f"{grown[most]:.1f}",
        of=most.partition(" ")[0],
        processes=len(grown),
    )
