"""Two processes whose clocks are ten minutes apart: no work is done twice, and none waits."""

from __future__ import annotations

import datetime as dt
import json

import pytest
import redis
import time_machine
from django.utils import timezone

from onboarding import limits
from onboarding.checks import asking
from onboarding.enums import RunState, Trigger
from onboarding.models import BeatLease, PeriodicTask, RateBucket, Subject, Sweep
from portal.beat import LEASE as BEATS_LEASE
from portal.beat import Scheduler
from portal.celery import app
from tests.leases import let_pass

LEASE = dt.timedelta(seconds=60)
SKEW = dt.timedelta(minutes=10)

pytestmark = pytest.mark.django_db


def skewed(by: dt.timedelta) -> time_machine.travel:
    """What a process does whose clock is wrong by so much."""
    return time_machine.travel(timezone.now() + by)


@pytest.mark.parametrize("skew", [SKEW, -SKEW], ids=["fast", "slow"])
def test_a_worker_with_another_clock_takes_nothing_that_is_held(skew: dt.timedelta) -> None:
    row = Sweep.objects.create(trigger=Trigger.NIGHTLY)
    assert Sweep.objects.claim(row.pk, lease=LEASE) == 1

    with skewed(skew):
        assert Sweep.objects.claim(row.pk, lease=LEASE) is None


@pytest.mark.parametrize("skew", [SKEW, -SKEW], ids=["fast", "slow"])
def test_what_a_worker_with_another_clock_left_is_free_after_its_lease(skew: dt.timedelta) -> None:
    row = Sweep.objects.create(trigger=Trigger.NIGHTLY)
    with skewed(skew):
        assert Sweep.objects.claim(row.pk, lease=LEASE) == 1
        Sweep.objects.hold(row.pk, 1, lease=LEASE)
    assert Sweep.objects.claim(row.pk, lease=LEASE) is None

    Sweep.objects.update(lease_until=timezone.now() - dt.timedelta(seconds=1))
    assert Sweep.objects.claim(row.pk, lease=LEASE) == 2


@pytest.mark.parametrize("skew", [SKEW, -SKEW], ids=["fast", "slow"])
def test_what_was_queued_by_another_clock_is_published_at_once_when_its_message_was_lost(skew: dt.timedelta) -> None:
    wait = dt.timedelta(seconds=15)
    with skewed(skew):
        row = Sweep.objects.create(trigger=Trigger.NIGHTLY)

    assert list(Sweep.objects.overdue(queued_for=wait, published_for=wait)) == [row]
    assert row.state == RunState.QUEUED


def test_a_question_is_asked_by_one_worker_whatever_its_clock_says() -> None:
    subject = Subject.objects.create(check_name="quota", key="quota|x")
    assert asking._claim(subject)

    for skew in (SKEW, -SKEW):
        with skewed(skew):
            assert not asking._claim(subject)


def test_leases_pass() -> None:
    """The helper that tests of leases stand on."""
    row = Sweep.objects.create(trigger=Trigger.NIGHTLY)
    Sweep.objects.claim(row.pk, lease=LEASE)

    let_pass(LEASE + dt.timedelta(seconds=1))

    assert Sweep.objects.claim(row.pk, lease=LEASE) == 2


@pytest.mark.parametrize("skew", [SKEW, -SKEW], ids=["fast", "slow"])
def test_a_bucket_has_the_same_tokens_for_a_process_with_another_clock(skew: dt.timedelta) -> None:
    with skewed(skew):
        assert limits.take("a", 2) == 0
    assert limits.take("a", 2) == 0
    assert 20 < limits.take("a", 2) <= 30

    with skewed(skew):
        assert 20 < limits.take("a", 2) <= 30
        assert limits.forget_full() == 0
    assert RateBucket.objects.exists()


@pytest.mark.parametrize("skew", [SKEW, -SKEW], ids=["fast", "slow"])
def test_another_beat_takes_over_within_the_lease_whatever_the_clock_of_the_first_said(skew: dt.timedelta) -> None:
    with skewed(skew):
        assert BeatLease.objects.take("first", BEATS_LEASE)
    assert not BeatLease.objects.take("second", BEATS_LEASE)

    let_pass(BEATS_LEASE + dt.timedelta(seconds=1))

    assert BeatLease.objects.take("second", BEATS_LEASE)
    with skewed(skew):
        assert not BeatLease.objects.take("first", BEATS_LEASE)


def _sent(broker: redis.Redis) -> dict[str, dt.datetime]:
    """The tasks whose messages are in the broker, and when each expires."""
    messages = [json.loads(text) for queue in ("sweeps", "costs") for text in broker.lrange(queue, 0, -1)]
    headers = [message["headers"] for message in messages]
    return {each["task"]: dt.datetime.fromisoformat(each["expires"]) for each in headers}


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("skew", [SKEW, -SKEW], ids=["fast", "slow"])
def test_what_a_beat_with_another_clock_sends_is_good_for_all_workers(skew: dt.timedelta, broker: redis.Redis) -> None:
    beat = Scheduler(app)
    with skewed(skew):
        beat.tick()
        PeriodicTask.objects.update(sent_at=timezone.now() - SKEW - dt.timedelta(days=2))
        beat.tick()
    sent, now = _sent(broker), timezone.now()

    assert set(sent) == {entry["task"] for entry in app.conf.beat_schedule.values()}
    assert min(sent.values()) > now + SKEW
    # The next one, whose clock is right, waits no longer for the next turn of anything.
    assert not PeriodicTask.objects.filter(sent_at__gt=now).exists()
    beat.close()
