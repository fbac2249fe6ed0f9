"""Alerts on budgets; the budgets themselves are fields of teams, people and plans."""

from __future__ import annotations

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from onboarding.enums import AlertKind
from onboarding.models.deliveries import Delivery, DeliveryQuerySet
from onboarding.models.jobs import LIVE
from onboarding.models.people import Person, Team


class BudgetAlert(Delivery):
    """One alert about one budget in one month, sent once. The row is the job of sending it."""

    month = models.DateField(help_text=_("The first day of the month."))
    team = models.ForeignKey(Team, on_delete=models.CASCADE, null=True, blank=True, related_name="budget_alerts")
    person = models.ForeignKey(Person, on_delete=models.CASCADE, null=True, blank=True, related_name="budget_alerts")
    kind = models.CharField(max_length=20, choices=AlertKind.choices)
    percent = models.PositiveSmallIntegerField(help_text=_("The threshold; 100 for a forecast."))
    budget = models.DecimalField(max_digits=12, decimal_places=2)
    spent = models.DecimalField(max_digits=14, decimal_places=2, help_text=_("The estimate when it was raised."))
    forecast = models.DecimalField(max_digits=14, decimal_places=2, null=True, blank=True)
    is_passed = models.BooleanField(
        default=False,
        help_text=_("Nothing was sent: a higher threshold was reached at the same time, and told instead."),
    )
    mailed_at = models.DateTimeField(null=True, blank=True)
    posted_at = models.DateTimeField(null=True, blank=True, help_text=_("When Slack took it."))

    objects = DeliveryQuerySet["BudgetAlert"].as_manager()

    class Meta:
        constraints = [
            # Once a threshold a month. One constraint each: a NULL never conflicts.
            models.UniqueConstraint(
                fields=["month", "team", "kind", "percent"],
                condition=Q(team__isnull=False),
                name="budget_alert_once_a_team",
            ),
            models.UniqueConstraint(
                fields=["month", "person", "kind", "percent"],
                condition=Q(person__isnull=False),
                name="budget_alert_once_a_person",
            ),
            models.CheckConstraint(
                condition=Q(team__isnull=False, person__isnull=True) | Q(team__isnull=True, person__isnull=False),
                name="budget_alert_about_one",
            ),
            models.CheckConstraint(
                condition=(Q(problem="") & Q(problem_since__isnull=True))
                | (~Q(problem="") & Q(problem_since__isnull=False)),
                name="budget_alert_problem_has_since",
            ),
        ]
        indexes = [
            # The sweeper's question, over the few live rows only.
            models.Index(fields=["queued_at"], condition=Q(state__in=LIVE), name="budget_alert_live"),
        ]

    def __str__(self) -> str:
        return f"{self.month:%Y-%m} {self.team or self.person}: {self.kind} {self.percent}"


class AlertMail(models.Model):
    """One mail of an alert that the mail server took. Whoever goes on with the alert leaves its person out."""

    alert = models.ForeignKey(BudgetAlert, on_delete=models.CASCADE, related_name="mails")
    person = models.ForeignKey(Person, on_delete=models.CASCADE, related_name="+")
    taken_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [
            # Nobody has an alert twice.
            models.UniqueConstraint(fields=["alert", "person"], name="alert_mail_once"),
        ]

    def __str__(self) -> str:
        return f"{self.alert}, to {self.person}"
