"""The night after, AWS throttles, fails and hangs: nobody flips to denied, and it is not asked much more often."""

from __future__ import annotations

import pytest

from tests.faults.aws import age_answers, call, faults
from tests.faults.conftest import SIZE, Told
from tests.faults.portal import Portal

# As benchmarks/verification.py has them; that measures them with more roles, in one process.
FAULTS = [
    {"operation": "*", "kind": "hang", "probability": 0.02, "seconds": 20},
    {"operation": "*", "kind": "error", "probability": 0.05},
    {"operation": "*", "kind": "throttle", "probability": 0.3},
]
MOST = 1.5
_LIVE = "SELECT count(*) FROM onboarding_sweep WHERE state <> 'done'"
_READY = "SELECT readiness, count(*) FROM onboarding_personstatus WHERE readiness <> '' GROUP BY 1"


def calls_of_a_sweep(portal: Portal) -> int:
    """How many calls a sweep makes, credentials aside; every answer is of last night."""
    age_answers(portal)
    call(portal, "DELETE", "/sandbox/calls")
    portal.work("sweep")
    portal.wait(lambda: portal.count(_LIVE) == 0, 400, "the sweep to end")
    calls: dict[str, int] = call(portal, "GET", "/sandbox/calls")
    return sum(count for name, count in calls.items() if name != "sts.AssumeRole")


@pytest.mark.long
def test_an_aws_that_throttles_fails_and_hangs_flips_nobody(portal: Portal, told: Told) -> None:
    needed = calls_of_a_sweep(portal)
    before = portal.rows(_READY)
    with faults(portal, *FAULTS):
        made = calls_of_a_sweep(portal)

    assert portal.rows(_READY) == before
    assert portal.count("SELECT count(*) FROM onboarding_personstatus WHERE readiness = 'blocked'") == 0
    assert made <= MOST * needed
    told(rounds=1, people=SIZE.people, calls=made, needed=needed, ratio=f"{made / needed:.2f}")
