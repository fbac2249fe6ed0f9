"""Several web processes, workers and beats at once: whatever is published how often, each job is done once."""

from __future__ import annotations

from tests.faults.conftest import SIZE, Told
from tests.faults.portal import Portal

COUNT = min(SIZE.people, 60)
_NEWEST = "SELECT coalesce(max(id), 0) FROM onboarding_verification"


def test_a_job_that_is_published_to_every_worker_is_done_by_one(portal: Portal, told: Told) -> None:
    newest = portal.count(_NEWEST)
    mails = len(portal.sink.taken)
    portal.work("verify", str(COUNT), "publish", "publish")
    portal.settle(90)

    claims = portal.rows(
        f"SELECT fence, count(*) FROM onboarding_verification WHERE id > {newest} GROUP BY 1"  # noqa: S608 -- a number
    )
    assert claims == [(1, COUNT)]
    assert (
        portal.count(
            "SELECT count(*) - count(DISTINCT (verification_id, check_name, about)) "
            "FROM onboarding_verificationfinding"
        )
        == 0
    )
    # Nobody's access turned, so nobody is told.
    assert len(portal.sink.taken) == mails
    told(rounds=3, jobs=COUNT, published=3 * COUNT, done=COUNT)
