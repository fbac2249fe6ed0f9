"""People use the portal, and workers work, for a while: nothing fails, and nothing grows."""

from __future__ import annotations

import os
import time
from collections import defaultdict
from pathlib import Path
from statistics import linear_regression

import pytest

from tests.faults.conftest import Told
from tests.faults.portal import Portal
from tests.faults.visitor import Load

SECONDS = float(os.environ.get("FAULTS_SOAK", "600"))
EVERY = 5.0
# What one process may have grown by in the whole time, by a line through what it had after the first third.
GROWTH_MB = 15.0
_PAGES = ("/", "/setup/", "/people/", "/costs/", "/audit/", "/bundle/", "/readyz")
_LIVE = "SELECT count(*) FROM onboarding_verification WHERE state IN ('queued', 'running')"


def rss_mb(pid: int) -> float:
    """0 for a process that is gone."""
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except OSError:
        return 0.0
    return next((int(line.split()[1]) / 1024 for line in lines if line.startswith("VmRSS:")), 0.0)


@pytest.mark.long
def test_a_soak(portal: Portal, told: Told) -> None:
    load = Load([portal.admin() for _ in range(2)], _PAGES)
    samples: dict[int, list[tuple[float, float]]] = defaultdict(list)
    began, restarts = time.monotonic(), portal.restarts
    with load.running():
        while (now := time.monotonic() - began) < SECONDS:
            if portal.count(_LIVE) == 0:
                portal.work("verify", "10")
            for pid in (pid for name in portal.names() for pid in portal.processes(name)):
                samples[pid].append((now, rss_mb(pid)))
            again = time.monotonic() + EVERY
            portal.wait(lambda again=again: time.monotonic() > again, EVERY + 5, "the next sample")  # type: ignore[misc]

    growth = {}
    for pid, points in samples.items():
        steady = [(at, mb) for at, mb in points if at > SECONDS / 3]
        if len(steady) > 5:
            growth[pid] = linear_regression(*zip(*steady, strict=True)).slope * SECONDS
    assert load.failed == 0, load.statuses
    assert portal.restarts == restarts
    assert max(growth.values()) < GROWTH_MB, growth
    told(
        rounds=1,
        seconds=int(SECONDS),
        requests=load.made,
        failed=load.failed,
        most_growth_mb=f"{max(growth.values()):.1f}",
        processes=len(growth),
    )
