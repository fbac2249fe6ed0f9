"""What runs by the clock: when each entry of the schedule was last sent, begun and done, and which beat sends.

The schedule itself is a setting. Redis knows nothing of this: it may be lost at any time.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping

from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Now

_ONLY = 1


class BeatLeaseQuerySet(models.QuerySet["BeatLease"]):
    def take(self, holder: str, lease: dt.timedelta) -> bool:
        """Take the lease, or renew it; whether `holder` has it now. Of many at once, one gets it. By the database's
        clock: one whose own is fast would otherwise leave a lease that nobody else can take for as long."""
        self.bulk_create([BeatLease(pk=_ONLY, holder="", until=Now())], ignore_conflicts=True)
        free = self.filter(Q(holder=holder) | Q(until__lte=Now()))
        return free.update(holder=holder, until=Now() + lease) == 1

    def clock(self) -> dt.datetime:
        """The database's, by which beats that take over from one another agree; once the lease was asked for."""
        now: dt.datetime = self.values_list(Now(), flat=True).get()
        return now

    def give_up(self, holder: str) -> None:
        """Let another one take it at once."""
        self.filter(holder=holder).update(until=Now())


class BeatLease(models.Model):
    """Which beat sends, until when. There is one row."""

    holder = models.CharField(max_length=120, blank=True)
    until = models.DateTimeField()

    objects = BeatLeaseQuerySet.as_manager()

    class Meta:
        constraints = [
            # With a second row, two beats could hold one each.
            models.CheckConstraint(condition=Q(id=_ONLY), name="beat_lease_only"),
        ]

    def __str__(self) -> str:
        return self.holder


class PeriodicTaskQuerySet(models.QuerySet["PeriodicTask"]):
    def bring_up_to_date(self, tasks: Mapping[str, str], now: dt.datetime) -> None:
        """Have one row for each entry of the schedule (name -> task); one that is new waits for its time."""
        self.exclude(name__in=tasks).delete()
        self.bulk_create(
            [PeriodicTask(name=name, task=task, known_since=now, sent_at=now) for name, task in tasks.items()],
            ignore_conflicts=True,
        )
        for name, task in tasks.items():
            self.filter(name=name).exclude(task=task).update(task=task)

    def claim(self, row: PeriodicTask, now: dt.datetime) -> bool:
        """Note that the entry is sent now. Of many that saw the same `row`, one may send."""
        unchanged = self.filter(pk=row.pk, runs=row.runs)
        return unchanged.update(runs=F("runs") + 1, sent_at=now, is_waiting=True) == 1

    def give_back(self, row: PeriodicTask) -> None:
        """Undo a claim whose message could not be sent."""
        claimed = self.filter(pk=row.pk, runs=row.runs + 1)
        claimed.update(runs=row.runs, sent_at=row.sent_at, is_waiting=row.is_waiting)

    def begun(self, task: str) -> None:
        """A worker has taken the message."""
        self.filter(task=task).update(is_waiting=False)

    def succeeded(self, task: str, now: dt.datetime) -> None:
        self.filter(task=task).update(succeeded_at=now)


class PeriodicTask(models.Model):
    """An entry of the schedule, and what became of it."""

    name = models.CharField(max_length=100, primary_key=True)
    task = models.CharField(max_length=100)
    known_since = models.DateTimeField()
    sent_at = models.DateTimeField(help_text="When it was last sent; before the first time, when it was first seen.")
    runs = models.PositiveBigIntegerField(default=0, help_text="How often it was sent.")
    is_waiting = models.BooleanField(default=False, help_text="Sent, and no worker has begun it.")
    succeeded_at = models.DateTimeField(null=True, blank=True)

    objects = PeriodicTaskQuerySet.as_manager()

    def __str__(self) -> str:
        return self.name
