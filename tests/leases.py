"""Leases end by the database's clock, which no test can move: instead they are made to have begun earlier."""

from __future__ import annotations

import datetime as dt

from django.db.models import F
from django.db.models.functions import Now

from onboarding.models import BeatLease, BillingFetch, BudgetAlert, Notification, RateBucket, Sweep, Verification
from onboarding.models.jobs import Job

_JOBS: tuple[type[Job], ...] = (BillingFetch, BudgetAlert, Notification, Sweep, Verification)


def let_pass(time: dt.timedelta) -> None:
    """As if every lease and token had been taken, and every message published, this much earlier."""
    for job in _JOBS:
        job._default_manager.update(lease_until=F("lease_until") - time, published_at=F("published_at") - time)
    BeatLease.objects.update(until=F("until") - time)
    RateBucket.objects.update(full_at=F("full_at") - time // dt.timedelta(microseconds=1))


def left(row: Job) -> dt.timedelta:
    """How long the row is still held, or held back."""
    held: dt.datetime
    now: dt.datetime
    held, now = type(row)._default_manager.filter(pk=row.pk).values_list("lease_until", Now()).get()
    return held - now
