"""What beat sends, and when: by the clock, from rows, once."""

from __future__ import annotations

import datetime as dt

import pytest
from celery import schedules
from django.conf import settings
from django.db import IntegrityError
from hypothesis import given
from hypothesis import strategies as st

from onboarding.models import BeatLease, PeriodicTask
from portal.beat import ALIVE, Scheduler, seconds_until_due
from portal.celery import app
from tests.leases import let_pass

NIGHT = dt.datetime(2026, 11, 26, 3, 10, tzinfo=dt.UTC)
HALF_AN_HOUR = dt.timedelta(minutes=30)
DAY = dt.timedelta(days=1)

moments = st.datetimes(dt.datetime(2026, 1, 1), dt.datetime(2027, 1, 1), timezones=st.just(dt.UTC))
periods = st.integers(5, 3600).map(lambda seconds: dt.timedelta(seconds=seconds))


def sent(at: dt.datetime, *, is_waiting: bool = False) -> PeriodicTask:
    return PeriodicTask(name="nightly", task="nightly", sent_at=at, is_waiting=is_waiting)


def nightly(now: dt.datetime) -> schedules.BaseSchedule:
    return schedules.crontab(hour="3", minute="10", nowfun=lambda: now)


def wait(row: PeriodicTask, now: dt.datetime) -> float:
    return seconds_until_due(nightly(now), row, expires=HALF_AN_HOUR, now=now)


def test_what_ran_tonight_waits_for_tomorrow_also_after_a_restart() -> None:
    assert wait(sent(NIGHT), NIGHT + dt.timedelta(hours=1)) == pytest.approx(23 * 3600, abs=1)


def test_what_fell_due_while_no_beat_ran_is_sent_as_one_starts() -> None:
    assert wait(sent(NIGHT - DAY), NIGHT + dt.timedelta(hours=5)) == 0


def test_a_message_that_expired_before_a_worker_began_it_is_sent_again_and_not_before() -> None:
    row = sent(NIGHT, is_waiting=True)

    assert wait(row, NIGHT + dt.timedelta(minutes=10)) == pytest.approx(20 * 60, abs=1)
    assert wait(row, NIGHT + HALF_AN_HOUR) == 0


@given(begin=moments, every=periods, after=st.floats(0, 3), is_waiting=st.booleans())
def test_nothing_is_sent_while_its_last_message_is_good(
    begin: dt.datetime, every: dt.timedelta, after: float, is_waiting: bool
) -> None:
    now = begin + every * after
    schedule = schedules.schedule(every, nowfun=lambda: now)

    left = seconds_until_due(schedule, sent(begin, is_waiting=is_waiting), expires=every, now=now)

    assert (left == 0) == (now >= begin + every)
    assert left <= every.total_seconds()


@given(last=moments, away=st.integers(0, 10 * 86_400))
def test_after_any_absence_it_is_sent_once_exactly_if_its_hour_came(last: dt.datetime, away: int) -> None:
    now = last + dt.timedelta(seconds=away)
    # The first 03:10 after it was last sent; crontab counts in whole minutes.
    due = last.replace(hour=3, minute=10, second=0, microsecond=0)
    due = due if due > last else due + DAY

    assert (wait(sent(last), now) == 0) == (now >= due)
    assert wait(sent(now), now) > 0


# A worker's clock may be ten minutes ahead, and is what says whether a message has expired.
SKEW = 600
# May stand in the queue more than once: what makes several of each find nothing more to do than one.
HARMLESS = {
    "republish-overdue": "notes in each row when it was published; the row is claimed by one worker",
    "open-due-rechecks": "clears in each row that it is due, and a person has one live verification",
    "refresh-stale": "looks for rows that are stale, and finds none once they are fresh",
    "open-ingestions": "a source has one live run, by a constraint",
}
ENTRIES = settings.CELERY_BEAT_SCHEDULE


def period_of(entry: str) -> float:
    schedule = ENTRIES[entry]["schedule"]
    if isinstance(schedule, schedules.crontab):
        return 86_400 / (len(schedule.hour) * len(schedule.minute))
    return float(schedule.run_every.total_seconds())


@pytest.mark.parametrize("entry", ENTRIES)
def test_no_message_has_expired_for_a_worker_whose_clock_is_ahead_and_each_expires(entry: str) -> None:
    """A message that never expired, and was lost, would never be sent again before its next turn."""
    assert SKEW < ENTRIES[entry]["options"]["expires"] <= max(900, period_of(entry))


def test_only_what_is_harmless_waits_in_the_queue_more_than_once() -> None:
    assert {entry for entry in ENTRIES if ENTRIES[entry]["options"]["expires"] > period_of(entry)} == set(HARMLESS)


# --- The rows


@pytest.mark.django_db
def test_the_lease_has_one_holder_until_it_ends() -> None:
    minute = dt.timedelta(minutes=1)
    assert BeatLease.objects.take("first", minute)
    assert not BeatLease.objects.take("second", minute)
    assert BeatLease.objects.take("first", minute)
    BeatLease.objects.give_up("second")
    assert not BeatLease.objects.take("second", minute)

    BeatLease.objects.give_up("first")

    assert BeatLease.objects.take("second", minute)
    assert not BeatLease.objects.take("first", minute)
    let_pass(minute + dt.timedelta(seconds=1))
    assert BeatLease.objects.take("first", minute)


@pytest.mark.django_db
def test_of_two_who_saw_the_same_row_one_may_send_it() -> None:
    PeriodicTask.objects.bring_up_to_date({"nightly": "a.task"}, NIGHT - DAY)
    one, other = PeriodicTask.objects.get(), PeriodicTask.objects.get()

    assert PeriodicTask.objects.claim(one, NIGHT)
    assert not PeriodicTask.objects.claim(other, NIGHT)

    PeriodicTask.objects.give_back(other)
    row = PeriodicTask.objects.get()
    assert (row.runs, row.sent_at, row.is_waiting) == (0, NIGHT - DAY, False)


@pytest.mark.django_db
def test_the_rows_are_those_of_the_schedule_and_keep_what_they_know() -> None:
    PeriodicTask.objects.bring_up_to_date({"a": "task.a", "b": "task.b"}, NIGHT)
    PeriodicTask.objects.succeeded("task.b", NIGHT)

    PeriodicTask.objects.bring_up_to_date({"b": "task.new", "c": "task.c"}, NIGHT + DAY)

    rows = PeriodicTask.objects.order_by("name").values_list("name", "task", "sent_at", "succeeded_at")
    assert list(rows) == [("b", "task.new", NIGHT, NIGHT), ("c", "task.c", NIGHT + DAY, None)]


@pytest.mark.django_db
def test_there_is_one_lease() -> None:
    BeatLease.objects.take("first", dt.timedelta(0))

    with pytest.raises(IntegrityError, match="beat_lease_only"):
        BeatLease.objects.create(pk=2, holder="second", until=NIGHT)


@pytest.mark.django_db(transaction=True)
def test_a_beat_that_goes_on_is_seen_by_its_file_also_while_another_one_sends() -> None:
    BeatLease.objects.take("another", dt.timedelta(minutes=1))
    ALIVE.unlink(missing_ok=True)
    scheduler = Scheduler(app, lazy=True)

    scheduler.tick()

    assert ALIVE.exists()
    assert not scheduler.is_active


@pytest.mark.django_db(transaction=True)
def test_a_beat_that_was_told_to_end_ends_also_where_that_came_at_a_bad_moment() -> None:
    """Python drops what is raised in a destructor: then Celery's loop hears nothing, and goes on."""
    beat = Scheduler(app=app)
    beat.tick()

    beat.close()
    with pytest.raises(SystemExit):
        beat.tick()

    assert BeatLease.objects.take("another", dt.timedelta(seconds=20))
