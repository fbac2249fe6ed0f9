"""Sweeps: one run over many people, such as every night or after a plan was published."""

from __future__ import annotations

from typing import Any

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from onboarding.enums import RunState, Trigger
from onboarding.models.accounts import Account
from onboarding.models.jobs import LIVE, Job, JobQuerySet
from onboarding.models.plans import Plan


class SweepQuerySet(JobQuerySet["Sweep"]):
    def open(self, *, trigger: Trigger, **about: Any) -> Sweep:
        """The waiting sweep about the same thing, or a new one. One that runs already may be past what changed."""
        waiting = self.filter(state=RunState.QUEUED, trigger=trigger, **about).first()
        return waiting or self.create(trigger=trigger, **about)


class Sweep(Job):
    """One run over everybody it is about; each person gets a verification of it.

    `plan` narrows it to the people of one plan, `account` to those whose plans use it; neither: everybody. `account`
    with `covers_people` false asks about the account alone, for its page.
    """

    trigger = models.CharField(max_length=20, choices=Trigger.choices)
    plan = models.ForeignKey(Plan, on_delete=models.CASCADE, null=True, blank=True, related_name="sweeps")
    account = models.ForeignKey(Account, on_delete=models.CASCADE, null=True, blank=True, related_name="sweeps")
    covers_people = models.BooleanField(default=True)
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
            models.Index(fields=["queued_at"], condition=Q(state__in=LIVE), name="sweep_live"),
        ]

    def __str__(self) -> str:
        return f"{self.trigger}, {self.queued_at:%Y-%m-%d %H:%M} UTC"
