"""kill -9 of anything at random points, while everybody is verified and usage is read: nothing comes of it."""

from __future__ import annotations

import random
import time
from collections.abc import Iterator
from contextlib import contextmanager

from tests.faults.conftest import IS_LONG, ROUNDS, SIZE, Told
from tests.faults.portal import Portal

SEED = 20261126
# So many are verified one by one, besides the sweep over everybody.
ALONE = min(SIZE.people // 2, 100)
# The longest in which nothing goes on: what is left waits for a lease to end, and for the sweeper's ten seconds.
STUCK = 90.0

_OUTCOMES = """
    SELECT p.email, s.readiness, v.outcome FROM onboarding_person p
    JOIN onboarding_personstatus s ON s.person_id = p.id
    JOIN LATERAL (SELECT outcome FROM onboarding_verification WHERE person_id = p.id AND state = 'done'
                  ORDER BY queued_at DESC, id DESC LIMIT 1) v ON true
    WHERE p.email LIKE 'person-%' ORDER BY p.email"""
_LEDGER = """
    SELECT c.arn, m.model_id, m.region, m.endpoint_kind, e.day, e.token_class, e.tokens, e.cost
    FROM onboarding_usageentry e JOIN onboarding_meter m ON m.id = e.meter_id
    JOIN onboarding_caller c ON c.id = m.caller_id ORDER BY 1, 2, 3, 4, 5, 6"""
_TOLD = """
    SELECT coalesce(p.email, 'Slack'), n.kind, count(*) FROM onboarding_notification n
    LEFT JOIN onboarding_person p ON p.id = n.person_id WHERE p.email LIKE 'person-%' GROUP BY 1, 2 ORDER BY 1, 2"""
_EVENTS = "SELECT action, count(*) FROM onboarding_auditevent WHERE action = 'sweep.opened' GROUP BY 1"
_TWICE_IN_A_SWEEP = """
    SELECT count(*) FROM (SELECT 1 FROM onboarding_verification WHERE sweep_id IS NOT NULL
    GROUP BY sweep_id, person_id HAVING count(*) > 1) twice"""


@contextmanager
def looking_at(portal: Portal, database: str) -> Iterator[None]:
    before, portal.database = portal.database, database
    try:
        yield
    finally:
        portal.database = before


def test_kill_9_of_anything_at_random_points(portal: Portal, told: Told) -> None:
    dice = random.Random(SEED)  # noqa: S311 -- the same kills every time
    victims = ["worker's child", "worker", "postgresql", "redis", "web", "beat"]
    portal.work("sweep", "ingest", "verify", str(ALONE))
    worked, began = 0, time.monotonic()
    for number in range(ROUNDS):
        again = time.monotonic() + dice.uniform(0.2, 2.0)
        portal.wait(lambda again=again: time.monotonic() > again, 10, "the next kill")  # type: ignore[misc]
        worked += bool(portal.live())
        # Each comes up, and after that by chance.
        victim = victims[number] if number < len(victims) else dice.choice(victims)
        names = portal.names(victim.partition("'")[0]) or [victim]
        name = dice.choice(names)
        portal.kill_child(name) if "child" in victim else portal.kill(name)
    disturbed = time.monotonic() - began
    settled, pause = portal.settle(STUCK, hurries=not IS_LONG)

    with looking_at(portal, "undisturbed"):
        expected = [portal.rows(query) for query in (_OUTCOMES, _LEDGER, _TOLD, _EVENTS)]
    found = [portal.rows(query) for query in (_OUTCOMES, _LEDGER, _TOLD, _EVENTS)]
    assert found == expected
    assert len(found[0]) == SIZE.people
    assert found[1]
    assert portal.count(_TWICE_IN_A_SWEEP) == 0
    # One mail each. Of a worker that was killed between the server's yes and its own note it comes again, as the same.
    assert portal.sink.recipients() == {email: 1 for email, *_ in found[0]}
    copies = sum(portal.sink.taken.values()) - len(portal.sink.taken)
    assert copies <= ROUNDS
    told(
        rounds=ROUNDS,
        during_work=worked,
        people=SIZE.people,
        tokens=sum(row[6] for row in found[1]),
        same_mail_again=copies,
        disturbed_s=f"{disturbed:.0f}",
        settled_after_s=f"{settled:.0f}",
        longest_pause_s=f"{pause:.0f}",
    )
