"""Rows that are jobs of telling somebody something. What fails is tried again for a day, then stands as undelivered.

A worker that is killed between a mail server's yes and its own note sends the mail again, with the same Message-ID.
"""

from __future__ import annotations

import datetime as dt
from typing import Any, TypeVar

from django.db import models
from django.db.models.functions import Now
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from onboarding.enums import Channel, RunState
from onboarding.models.jobs import Job, JobQuerySet

# Longer than a task of sending may take: while one worker sends, no other does.
LEASE = dt.timedelta(seconds=75)
# Between two tries it waits as long as it has waited already, within these; after the last it stands as undelivered.
_SOONEST, _LATEST = dt.timedelta(minutes=1), dt.timedelta(hours=1)
GIVE_UP = dt.timedelta(hours=24)
# A worker that is ended while it sends cannot write that it gave up, so tries are counted, too. A day has thirty.
TRIES = 60

# What could not be delivered, and why in a word.
Undelivered = tuple[Channel, str]
D = TypeVar("D", bound="Delivery")


class DeliveryQuerySet(JobQuerySet[D]):
    def conclude(self, row: D, fence: int, problem: Undelivered | None, *, is_last: bool = False) -> None:
        """End a try: done, or held back until the next one. Raises LostLease."""
        now = timezone.now()
        waited = now - row.queued_at
        done: dict[str, Any] = {"state": RunState.DONE, "finished_at": now, "lease_until": None}
        if problem is None:
            self.hold(row.pk, fence, lease=LEASE, **done, problem="", problem_detail="", problem_since=None)
            return
        channel, detail = problem
        wait = {"lease_until": Now() + min(max(waited, _SOONEST), _LATEST)}
        told = {"problem": channel, "problem_detail": detail[:100], "problem_since": row.problem_since or now}
        self.hold(row.pk, fence, lease=LEASE, **(done if is_last or waited >= GIVE_UP else wait), **told)


class Delivery(Job):
    problem = models.CharField(
        max_length=20,
        choices=Channel.choices,
        blank=True,
        help_text=_("What could not be delivered, when last tried."),
    )
    problem_detail = models.CharField(max_length=100, blank=True)
    problem_since = models.DateTimeField(null=True, blank=True)

    class Meta:
        abstract = True
