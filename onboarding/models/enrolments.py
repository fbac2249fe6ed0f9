"""Machines that installed a bundle and reported back, and the one-time codes with which they speak to the portal."""

from __future__ import annotations

import datetime as dt
import hashlib

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from onboarding.enums import CodePurpose, Outcome, Platform
from onboarding.models.people import Person
from onboarding.models.plans import PlanRevision
from onboarding.models.verification import Finding

# ASVS 5.0, 6.5: what is sent out of band is good once, and for ten minutes at most.
CODE_HOLDS = dt.timedelta(minutes=10)


class OneTimeCodeQuerySet(models.QuerySet["OneTimeCode"]):
    def redeem(self, code: str, purpose: CodePurpose, now: dt.datetime) -> OneTimeCode | None:
        """Use a code up; None where it is unknown, used or expired. Of many at once, one gets it."""
        mine = self.filter(digest=digest_of(code), purpose=purpose, used_at=None, expires_at__gt=now)
        if mine.update(used_at=now) != 1:
            return None
        return self.select_related("person__team").get(digest=digest_of(code))


class OneTimeCode(models.Model):
    """A code that lets one machine fetch a bundle, or report, once. Only its digest is kept."""

    digest = models.CharField(max_length=64, unique=True, help_text=_("SHA-256 of the code."))
    person = models.ForeignKey(Person, on_delete=models.CASCADE, related_name="codes")
    purpose = models.CharField(max_length=10, choices=CodePurpose.choices)
    platform = models.CharField(max_length=10, choices=Platform.choices)
    language = models.CharField(max_length=10)
    created_at = models.DateTimeField(auto_now_add=True)
    expires_at = models.DateTimeField()
    used_at = models.DateTimeField(null=True, blank=True)

    objects = OneTimeCodeQuerySet.as_manager()

    class Meta:
        indexes = [
            # History: codes are forgotten a day after they end.
            models.Index(fields=["expires_at"], name="one_time_code_expiry"),
        ]

    def __str__(self) -> str:
        return f"{self.person}, {self.purpose}"


def digest_of(code: str) -> str:
    """What is stored of a code. It has 128 bits of chance in it, so a plain digest cannot be guessed back."""
    return hashlib.sha256(code.encode("utf-8", "replace")).hexdigest()


class Enrolment(models.Model):
    """A person's machine, as its doctor reported it last.

    `results` is a list of `{"check", "outcome", "reason", "detail"}`. Connected and answered are two states: the
    settings may be in place long before a model was called.
    """

    person = models.ForeignKey(Person, on_delete=models.CASCADE, related_name="enrolments")
    machine = models.CharField(max_length=64, help_text=_("What the person calls it."))
    os = models.CharField(max_length=64, blank=True)
    cli_version = models.CharField(max_length=20, blank=True)
    revision = models.ForeignKey(PlanRevision, on_delete=models.PROTECT, related_name="enrolments")
    results = models.JSONField(default=list)
    outcome = models.CharField(max_length=10, choices=Outcome.choices)
    finding = models.ForeignKey(Finding, on_delete=models.SET_NULL, null=True, related_name="+")
    first_reported_at = models.DateTimeField(auto_now_add=True)
    reported_at = models.DateTimeField()
    connected_at = models.DateTimeField(
        null=True, blank=True, help_text=_("When the bundle's settings were first in force there.")
    )
    answered_at = models.DateTimeField(
        null=True, blank=True, help_text=_("When a model was first seen to answer this machine.")
    )

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["person", "machine"], name="enrolment_machine_once"),
            # No model answers a machine whose settings are not in place.
            models.CheckConstraint(
                condition=Q(answered_at__isnull=True) | Q(connected_at__isnull=False), name="enrolment_answered_later"
            ),
        ]
        ordering = ("-reported_at",)

    def __str__(self) -> str:
        return f"{self.person}, {self.machine}"
