"""Sweeps: one run over many people, such as every night or after a plan was published."""

from __future__ import annotations

import datetime as dt
from typing import Any

from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from onboarding.enums import RunState, Trigger
from onboarding.models.accounts import Account
from onboarding.models.plans import Plan

_LIVE = (RunState.QUEUED, RunState.RUNNING)


class SweepQuerySet(models.QuerySet["Sweep"]):
    def live(self) -> SweepQuerySet:
        return self.filter(state__in=_LIVE)

    def claimable(self, now: dt.datetime) -> SweepQuerySet:
        """Live sweeps nobody holds: never claimed, or claimed by a worker whose lease ran out."""
        return self.live().filter(Q(lease_until=None) | Q(lease_until__lt=now))

    def overdue(self, now: dt.datetime, *, queued_for: dt.timedelta, published_for: dt.timedelta) -> SweepQuerySet:
        """Claimable sweeps whose message was never published, or should long have been picked up."""
        never_or_long_ago = Q(published_at=None) | Q(published_at__lt=now - published_for)
        return self.claimable(now).filter(never_or_long_ago, queued_at__lt=now - queued_for).order_by("queued_at")

    def open(self, *, trigger: Trigger, **about: Any) -> Sweep:
        """The waiting sweep about the same thing, or a new one. One that runs already may be past what changed."""
        waiting = self.filter(state=RunState.QUEUED, trigger=trigger, **about).first()
        return waiting or self.create(trigger=trigger, **about)


class Sweep(models.Model):
    """One run over everybody it is about; each person gets a verification of it. The row is the job.

    `plan` narrows it to the people of one plan, `account` to those whose plans use it; neither: everybody. `account`
    with `covers_people` false asks about the account alone, for its page.
    """

    trigger = models.CharField(max_length=20, choices=Trigger.choices)
    plan = models.ForeignKey(Plan, on_delete=models.CASCADE, null=True, blank=True, related_name="sweeps")
    account = models.ForeignKey(Account, on_delete=models.CASCADE, null=True, blank=True, related_name="sweeps")
    covers_people = models.BooleanField(default=True)
    state = models.CharField(max_length=10, choices=RunState.choices, default=RunState.QUEUED)
    queued_at = models.DateTimeField(default=timezone.now)
    published_at = models.DateTimeField(null=True, blank=True)
    started_at = models.DateTimeField(null=True, blank=True)
    finished_at = models.DateTimeField(null=True, blank=True)
    lease_until = models.DateTimeField(null=True, blank=True)
    fence = models.PositiveIntegerField(default=0)
    people = models.PositiveIntegerField(default=0, help_text=_("How many people it has verified so far."))

    objects = SweepQuerySet.as_manager()

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=(Q(state=RunState.DONE) & Q(finished_at__isnull=False))
                | (~Q(state=RunState.DONE) & Q(finished_at__isnull=True)),
                name="sweep_done_has_finished",
            ),
            # What asks about an account alone names it.
            models.CheckConstraint(
                condition=Q(covers_people=True) | Q(account__isnull=False), name="sweep_without_people_has_account"
            ),
        ]
        indexes = [
            # The sweeper's question, over the few live rows only.
            models.Index(fields=["queued_at"], condition=Q(state__in=_LIVE), name="sweep_live"),
        ]

    def __str__(self) -> str:
        return f"{self.trigger}, {self.queued_at:%Y-%m-%d %H:%M} UTC"

    @property
    def is_live(self) -> bool:
        return self.state in _LIVE
