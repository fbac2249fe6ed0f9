"""Rows that are jobs: what a worker does is a row that says how far it is, and Redis only tells that there is work.

A worker claims a row by a conditional update that takes a lease and raises `fence`; every later write names the fence
it claimed with, so a worker that lost its lease writes nothing. Leases are measured by the database's clock alone: a
worker whose own is fast would otherwise take what another still holds.
"""

from __future__ import annotations

import datetime as dt
from typing import Any, Self, TypeVar

from django.db import models, transaction
from django.db.models import F, Q
from django.db.models.functions import Now
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from onboarding.enums import RunState

LIVE = (RunState.QUEUED, RunState.RUNNING)
J = TypeVar("J", bound="Job")


class LostLease(Exception):
    """Another worker has taken the row over; whatever this one still wanted to write is dropped."""


class JobQuerySet(models.QuerySet[J]):
    def live(self) -> Self:
        return self.filter(state__in=LIVE)

    def claimable(self) -> Self:
        """Live rows nobody holds: never claimed, or claimed by a worker whose lease ran out."""
        return self.live().filter(Q(lease_until=None) | Q(lease_until__lt=Now()))

    def overdue(self, *, queued_for: dt.timedelta, published_for: dt.timedelta) -> Self:
        """Claimable rows whose message was never published, or should long have been picked up; the oldest first.

        What a process with a fast clock queued in the future is overdue at once: publishing twice is harmless.
        """
        never_or_long_ago = Q(published_at=None) | Q(published_at__lt=Now() - published_for)
        waited = Q(queued_at__lt=Now() - queued_for) | Q(queued_at__gt=Now())
        return self.claimable().filter(never_or_long_ago, waited).order_by("queued_at")

    @transaction.atomic
    def claim(self, pk: int, *, lease: dt.timedelta) -> int | None:
        """Take a row if nobody holds it; the fence to write under, or None."""
        changes = {"state": RunState.RUNNING, "lease_until": Now() + lease, "started_at": timezone.now()}
        if self.claimable().filter(pk=pk).update(fence=F("fence") + 1, **changes) != 1:
            return None
        return self.get(pk=pk).fence

    def hold(self, pk: int, fence: int, *, lease: dt.timedelta, **changes: Any) -> None:
        """Renew the lease and write, if the fence is still the row's; raises LostLease otherwise."""
        held = self.filter(pk=pk, fence=fence, state=RunState.RUNNING)
        if held.update(**({"lease_until": Now() + lease} | changes)) != 1:
            raise LostLease


class Job(models.Model):
    state = models.CharField(max_length=10, choices=RunState.choices, default=RunState.QUEUED)
    queued_at = models.DateTimeField(default=timezone.now)
    published_at = models.DateTimeField(null=True, blank=True, help_text=_("When the broker last took its message."))
    started_at = models.DateTimeField(null=True, blank=True)
    finished_at = models.DateTimeField(null=True, blank=True)
    lease_until = models.DateTimeField(null=True, blank=True)
    fence = models.PositiveIntegerField(default=0)

    class Meta:
        abstract = True

    @property
    def is_live(self) -> bool:
        return self.state in LIVE
