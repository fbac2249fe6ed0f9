"""Notifications: what Onramp tells people and admins by itself, and what they do not want to be told."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Any

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from onboarding.enums import NotificationKind, Role
from onboarding.models.deliveries import Delivery, DeliveryQuerySet
from onboarding.models.jobs import LIVE
from onboarding.models.people import Person
from onboarding.models.plans import PlanRevision
from onboarding.models.requests import AdminRequest
from onboarding.models.verification import Finding

_AT_ONCE = 500
_FOR_PEOPLE = [kind for kind in NotificationKind if not kind.is_for_admins]


def utc_today() -> dt.date:
    return timezone.now().date()


class NotificationQuerySet(DeliveryQuerySet["Notification"]):
    def record(self, rows: Iterable[Notification]) -> None:
        """Write what is to be told, in the transaction of its cause: two queries for five hundred people.

        Left out is what somebody does not want to be told, and what they were told today already.
        """
        for some in _some_at_once(rows):
            refused = set(
                OptOut.objects.filter(
                    person__in={row.person_id for row in some}, kind__in={row.kind for row in some}
                ).values_list("person_id", "kind")
            )
            wanted = [row for row in some if (row.person_id, row.kind) not in refused]
            self.bulk_create(wanted, ignore_conflicts=True)

    def tell(self, kind: NotificationKind, people: Iterable[int], **about: Any) -> None:
        """Tell each of these people, by their ids, the same."""
        self.record(Notification(kind=kind, person_id=person, **about) for person in people)

    def tell_admins(self, kind: NotificationKind, **about: Any) -> None:
        """Tell each admin by mail, and their channel in Slack where there is one."""
        admins = Person.objects.filter(role=Role.ADMIN, is_active=True).exclude(email="").order_by("pk")
        told: list[int | None] = list(admins.values_list("pk", flat=True))
        if settings.ONRAMP_SLACK_WEBHOOK:
            told.append(None)
        self.record(Notification(kind=kind, person_id=person, **about) for person in told)


def _some_at_once(rows: Iterable[Notification]) -> Iterator[list[Notification]]:
    left = iter(rows)
    while some := list(islice(left, _AT_ONCE)):
        yield some


class Notification(Delivery):
    """One thing told to one person by mail or, without a person, to the admins' channel in Slack. The row is the job.

    What is said is put into words when it is sent, in the person's language, from what the row is about.
    """

    kind = models.CharField(max_length=20, choices=NotificationKind.choices)
    person = models.ForeignKey(Person, on_delete=models.CASCADE, null=True, blank=True, related_name="notifications")
    day = models.DateField(default=utc_today, help_text=_("The UTC day on which it happened."))
    finding = models.ForeignKey(Finding, on_delete=models.SET_NULL, null=True, blank=True, related_name="+")
    revision = models.ForeignKey(PlanRevision, on_delete=models.CASCADE, null=True, blank=True, related_name="+")
    request = models.ForeignKey(AdminRequest, on_delete=models.CASCADE, null=True, blank=True, related_name="+")
    facts = models.JSONField(default=dict, blank=True)
    sent_at = models.DateTimeField(null=True, blank=True, help_text=_("When the mail server, or Slack, took it."))

    objects = NotificationQuerySet.as_manager()

    class Meta:
        constraints = [
            # Of one kind one a person and day, however many workers see the cause. An admin may test more often.
            models.UniqueConstraint(
                fields=["person", "kind", "day"],
                condition=Q(person__isnull=False) & ~Q(kind=NotificationKind.TEST),
                name="notification_once_a_day",
            ),
            # The same for Slack: a NULL never conflicts.
            models.UniqueConstraint(
                fields=["kind", "day"],
                condition=Q(person__isnull=True) & ~Q(kind=NotificationKind.TEST),
                name="notification_once_a_day_in_slack",
            ),
            # What is told to a person about themselves is for no channel.
            models.CheckConstraint(
                condition=Q(person__isnull=False) | ~Q(kind__in=_FOR_PEOPLE), name="notification_for_people_has_person"
            ),
            models.CheckConstraint(
                condition=(Q(problem="") & Q(problem_since__isnull=True))
                | (~Q(problem="") & Q(problem_since__isnull=False)),
                name="notification_problem_has_since",
            ),
        ]
        indexes = [
            # The sweeper's question, over the few live rows only.
            models.Index(fields=["queued_at"], condition=Q(state__in=LIVE), name="notification_live"),
            # A person's own page reads the newest.
            models.Index(fields=["person", "-queued_at"], name="notification_newest"),
        ]

    def __str__(self) -> str:
        return f"{self.day:%Y-%m-%d} {self.person or 'Slack'}: {self.kind}"


class OptOut(models.Model):
    """What somebody does not want to be told by mail."""

    person = models.ForeignKey(Person, on_delete=models.CASCADE, related_name="opt_outs")
    kind = models.CharField(max_length=20, choices=NotificationKind.choices)

    class Meta:
        constraints = [
            # Two clicks refuse it once.
            models.UniqueConstraint(fields=["person", "kind"], name="opt_out_once"),
        ]

    def __str__(self) -> str:
        return f"{self.person}: not {self.kind}"
