"""What AWS charged, as Cost Explorer or a Cost and Usage Report says. Never added to an estimate."""

from __future__ import annotations

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from onboarding.enums import BilledSource, Problem, RunState
from onboarding.models.accounts import Account
from onboarding.models.jobs import LIVE, Job, JobQuerySet
from onboarding.models.usage import Caller


class BillingFetch(Job):
    """One reading of what an account was billed, for the days from `since` to before `until`."""

    account = models.ForeignKey(Account, on_delete=models.CASCADE, related_name="billing_fetches")
    source = models.CharField(max_length=20, choices=BilledSource.choices)
    since = models.DateField()
    until = models.DateField(help_text=_("The first day that is not read."))
    requests = models.PositiveIntegerField(default=0, help_text=_("Requests that Cost Explorer charges for."))
    problem = models.CharField(max_length=20, choices=Problem.choices, blank=True)
    problem_detail = models.CharField(max_length=300, blank=True)

    objects = JobQuerySet["BillingFetch"].as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["account", "source"], condition=Q(state__in=LIVE), name="billing_fetch_one_live"
            ),
        ]
        indexes = [
            # The sweeper's question, over the few live rows only.
            models.Index(fields=["queued_at"], condition=Q(state__in=LIVE), name="billing_fetch_live"),
        ]

    def __str__(self) -> str:
        return f"{self.account}, {self.source}, {self.since}"

    @property
    def was_read(self) -> bool:
        """Whether it has what AWS charged, though it may not say of whom, or lack the newest days."""
        return self.state == RunState.DONE and self.problem in ("", Problem.UNTAGGED, Problem.LATE)

    @property
    def is_late(self) -> bool:
        """Whether a report lacks days that AWS charged for, as Cost Explorer has it."""
        return self.problem == Problem.LATE


class BilledCost(models.Model):
    """What AWS charged on a day for one model, and where AWS tells, for one principal.

    `principal` is as AWS wrote it: an ARN of a report, or the value of a cost allocation tag; empty where AWS names
    nobody. `model` is AWS's name, such as `Claude Sonnet 4.6`. `amount` is in billionths of a US dollar.
    """

    account = models.ForeignKey(Account, on_delete=models.CASCADE, related_name="billed_costs")
    source = models.CharField(max_length=20, choices=BilledSource.choices)
    day = models.DateField()
    principal = models.CharField(max_length=600, blank=True)
    caller = models.ForeignKey(Caller, on_delete=models.SET_NULL, null=True, blank=True, related_name="billed_costs")
    model = models.CharField(max_length=200, blank=True)
    amount = models.BigIntegerField()
    is_estimated = models.BooleanField(default=False, help_text=_("AWS may still change it: the month is open."))
    fetched_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["account", "source", "day", "principal", "model"], name="billed_cost_once"
            ),
        ]
        indexes = [
            # Every cost page asks for a stretch of days.
            models.Index(fields=["day"], name="billed_cost_day"),
        ]

    def __str__(self) -> str:
        return f"{self.day} {self.model} {self.principal}"
