"""kill -9 of anything at random points, while everybody is verified and usage is read: nothing comes of it."""

from __future__ import annotations

import random
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

from tests.faults.aws import faults
from tests.faults.conftest import IS_LONG, ROUNDS, SIZE, Told
from tests.faults.portal import Portal, Watch

SEED = 20261126
# So many are verified one by one, besides the sweep over everybody.
ALONE = min(SIZE.people // 2, 100)
# The longest in which nothing goes on: what is left waits for a lease to end, and for the sweeper's ten seconds.
STUCK = 90.0
VICTIMS = ("worker's child", "worker", "postgresql", "redis", "web", "beat")
# Whoever reads usage has to wait for each file, so that there is somebody to kill meanwhile.
SLOW_FILES = {"operation": "s3.GetObject", "kind": "slow", "seconds": 1}

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
    LEFT JOIN onboarding_person p ON p.id = n.person_id WHERE p.email IS NULL OR p.email LIKE 'person-%'
    GROUP BY 1, 2 ORDER BY 1, 2"""
_EVENTS = "SELECT action, count(*) FROM onboarding_auditevent GROUP BY 1"
_RECHECKS = "SELECT count(*) FROM onboarding_verification WHERE trigger = 'provisional'"
_MAILS_IN_HAND = "SELECT id, fence FROM onboarding_notification WHERE state = 'running'"
_READ = "SELECT count(*) FROM onboarding_logsource WHERE read_until IS NOT NULL"
# Whoever reads renews its lease of 75 seconds every 20, and a file takes one more.
_READING = """
    SELECT count(*) FROM onboarding_ingestion
    WHERE state = 'running' AND lease_until > now() + interval '50 seconds'"""
# Nobody reads it any more, and nobody has to wait until the lease has run out.
_LET_GO = """
    UPDATE onboarding_ingestion SET lease_until = now(), published_at = now() - interval '2 minutes'
    WHERE state = 'running' AND lease_until BETWEEN now() AND now() + interval '50 seconds' RETURNING 1"""
_READ_ANEW = "SELECT coalesce(sum(fence - 1), 0) FROM onboarding_ingestion"
_FORGET = f"""{_READ_ANEW}; LOCK TABLE onboarding_ingestion IN EXCLUSIVE MODE;
    DELETE FROM onboarding_ingestion; DELETE FROM onboarding_logfile; DELETE FROM onboarding_seenrequests;
    DELETE FROM onboarding_usageentry; DELETE FROM onboarding_logsource"""  # noqa: S608 -- ours
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


def forget_usage(portal: Portal) -> int:
    """As if none had been read, in one moment: whoever just began to read loses its row. How many times a reading that
    is forgotten was taken over."""
    return portal.count(_FORGET)


class Killer:
    """Kills one after the other, and notes what it found."""

    def __init__(self, portal: Portal) -> None:
        self._portal = portal
        self._dice = random.Random(SEED)  # noqa: S311 -- the same kills every time
        self.killed: Counter[str] = Counter()
        self.during_verifying = self.during_reading = 0
        # Mails that a worker had in hand when it was killed, or when it lost what tells it that it has them: each may
        # be sent once more. By their rows' ids and fences.
        self.interrupted: set[tuple[int, ...]] = set()

    def pause(self) -> float:
        return self._dice.uniform(0.2, 2.0)

    def strike(self) -> None:
        """Each kind comes up, and after that by chance."""
        number = self.killed.total()
        victim = VICTIMS[number] if number < len(VICTIMS) else self._dice.choice(VICTIMS)
        name = self._dice.choice(self._portal.names(victim.partition("'")[0]) or [victim])
        self.during_verifying += bool(self._portal.live("verification", "sweep"))
        self.during_reading += bool(self._portal.count(_READING))
        mails = set(self._portal.rows(_MAILS_IN_HAND))
        self._portal.kill_child(name) if "child" in victim else self._portal.kill(name)
        if victim not in ("web", "beat"):
            self.interrupted |= mails | set(self._portal.rows(_MAILS_IN_HAND))
        self.killed[victim] += 1


def test_kill_9_of_anything_at_random_points(portal: Portal, told: Told) -> None:
    killer, watch = Killer(portal), Watch(portal, STUCK, hurries=not IS_LONG)
    with looking_at(portal, "undisturbed"):
        ledger = portal.rows(_LEDGER)
    # The workers began with it as they came up.
    portal.wait(lambda: portal.count(_READ) and not portal.live(), 60, "usage to be read")
    asked = readings = 1
    taken_over, began = 0, time.monotonic()
    with faults(portal, SLOW_FILES):
        forget_usage(portal)
        portal.work("ingest", "sweep", "verify", str(ALONE))
        for _ in range(ROUNDS):
            portal.rest(killer.pause(), watch)
            portal.rows(_LET_GO)
            if not portal.live("verification", "sweep"):
                portal.work("verify", str(SIZE.people))
                asked += 1
            if not portal.live("ingestion"):
                # Whoever was killed meanwhile: what they read between them is all, and each of it once.
                assert portal.rows(_LEDGER) == ledger
                taken_over += forget_usage(portal)
                portal.work("ingest")
                readings += 1
            killer.strike()
    disturbed = time.monotonic() - began
    settled, pause = portal.settle(STUCK, hurries=not IS_LONG)

    # Nearly: what was asked for again may be done before the blow falls.
    assert killer.during_verifying >= ROUNDS * 0.9, killer.killed
    assert killer.during_reading >= max(2, ROUNDS * 0.1)
    assert set(killer.killed) == set(VICTIMS[:ROUNDS])
    with looking_at(portal, "undisturbed"):
        expected = [portal.rows(query) for query in (_OUTCOMES, _LEDGER, _TOLD)]
        events = Counter(dict(portal.rows(_EVENTS)))
    found = [portal.rows(query) for query in (_OUTCOMES, _LEDGER, _TOLD)]
    assert found == expected
    assert len(found[0]) == SIZE.people
    assert found[1]
    assert portal.count(_TWICE_IN_A_SWEEP) == 0
    events += Counter({"people.verified": asked, "verification.opened": portal.count(_RECHECKS)})
    assert dict(portal.rows(_EVENTS)) == events
    # One mail each. Of a worker that was killed between the server's yes and its own note it comes again, as the same.
    assert portal.sink.recipients() == {email: 1 for email, *_ in found[0]}
    copies = sum(portal.sink.taken.values()) - len(portal.sink.taken)
    assert copies <= len(killer.interrupted)
    told(
        rounds=ROUNDS,
        while_people_were_verified=killer.during_verifying,
        while_usage_was_read=killer.during_reading,
        readings=readings,
        readings_taken_over=taken_over + portal.count(_READ_ANEW),
        people=SIZE.people,
        tokens=sum(row[6] for row in found[1]),
        mails_interrupted=len(killer.interrupted),
        same_mail_again=copies,
        disturbed_s=f"{disturbed:.0f}",
        settled_after_s=f"{settled:.0f}",
        longest_pause_s=f"{max(pause, watch.longest):.0f}",
    )
