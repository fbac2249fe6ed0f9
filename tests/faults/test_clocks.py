"""Two processes whose clocks are ten minutes apart: no work is done twice, and none waits."""

from __future__ import annotations

import datetime as dt

import pytest
import time_machine
from django.utils import timezone

from onboarding.checks import asking
from onboarding.enums import RunState, Trigger
from onboarding.models import Subject, Sweep
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
