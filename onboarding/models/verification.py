"""Verifications, the findings they consist of, and the subjects findings are about."""

from __future__ import annotations

import datetime as dt

from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from onboarding.enums import Layer, Outcome, Readiness, RunState, Scope, Trigger
from onboarding.models.jobs import LIVE, Job, JobQuerySet
from onboarding.models.people import Person, Principal
from onboarding.models.plans import PlanRevision

# How long an answer may count after it was given: when AWS gives none, the last known one stands in for it, and a
# bundle may be made from it. Every sign-in and every night asks anew, so this bounds what is left.
ANSWER_HOLDS = dt.timedelta(hours=24)


class Finding(models.Model):
    """A check's answer about one subject. Never changed once written.

    `reason` names the words (each check's `REASONS`), `facts` fills them in: so a finding reads in any language.
    """

    check_name = models.CharField(_("check"), max_length=40)
    scope = models.CharField(max_length=10, choices=Scope.choices)
    subject = models.CharField(max_length=1000)
    outcome = models.CharField(max_length=10, choices=Outcome.choices)
    layer = models.CharField(max_length=30, choices=Layer.choices, blank=True)
    reason = models.CharField(max_length=60)
    facts = models.JSONField(default=dict, blank=True)
    checked_at = models.DateTimeField(default=timezone.now)
    fresh_until = models.DateTimeField()
    settles_at = models.DateTimeField(
        null=True, blank=True, help_text=_("When a provisional answer can be told for certain.")
    )
    last_known = models.ForeignKey(
        "self",
        on_delete=models.SET_NULL,
        null=True,
        blank=True,
        related_name="+",
        help_text=_("When nobody could tell: the newest answer to the same question that was one."),
    )

    class Meta:
        constraints = [
            # "Every no names the layer that denies."
            models.CheckConstraint(
                condition=~Q(outcome__in=[Outcome.FAILED, Outcome.UNKNOWN]) | ~Q(layer=""),
                name="finding_no_names_its_layer",
            )
        ]

    def __str__(self) -> str:
        return f"{self.check_name} {self.subject}: {self.outcome}"

    def is_fresh(self, now: dt.datetime) -> bool:
        return now < self.fresh_until

    def standing(self, now: dt.datetime) -> Finding:
        """The answer that counts: this one, or where nobody could tell, the last known one while that holds."""
        known = self.last_known
        return known if known is not None and now < known.checked_at + ANSWER_HOLDS else self


class Subject(models.Model):
    """What a check is asked about: holds its newest finding, and the lease of whoever is asking now.

    `last_known` is the newest that was an answer; it differs from `latest` while nobody can tell. One row for each
    (check, subject) makes the question be asked once, however many people share the answer.
    """

    check_name = models.CharField(max_length=40)
    key = models.CharField(max_length=1000)
    latest = models.ForeignKey(Finding, on_delete=models.SET_NULL, null=True, related_name="+")
    last_known = models.ForeignKey(Finding, on_delete=models.SET_NULL, null=True, related_name="+")
    lease_until = models.DateTimeField(null=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["check_name", "key"], name="subject_once")]

    def __str__(self) -> str:
        return f"{self.check_name} {self.key}"


class VerificationQuerySet(JobQuerySet["Verification"]):
    def due_for_recheck(self, now: dt.datetime) -> VerificationQuerySet:
        """Ended runs that stand on an answer which was provisional and can be told for certain by now."""
        return self.filter(recheck_at__lte=now, state=RunState.DONE)


class Verification(Job):
    """One run over a person."""

    person = models.ForeignKey(Person, on_delete=models.CASCADE, related_name="verifications")
    revision = models.ForeignKey(PlanRevision, on_delete=models.PROTECT, related_name="verifications")
    trigger = models.CharField(max_length=20, choices=Trigger.choices)
    outcome = models.CharField(max_length=10, choices=Readiness.choices, blank=True)
    verified_profiles = models.JSONField(
        default=list, blank=True, help_text=_("The inference profiles that were seen to work for this person.")
    )
    principal = models.ForeignKey(
        Principal, on_delete=models.SET_NULL, null=True, blank=True, help_text=_("The role it was verified for.")
    )
    rechecked = models.CharField(
        _("rechecked check"),
        max_length=40,
        blank=True,
        help_text=_("The one check somebody asked to repeat; empty: all that are not fresh."),
    )
    sweep = models.ForeignKey(
        "onboarding.Sweep", on_delete=models.SET_NULL, null=True, blank=True, related_name="verifications"
    )
    proved_until = models.DateTimeField(
        null=True, blank=True, help_text=_("How long the oldest answer it stands on may count.")
    )
    recheck_at = models.DateTimeField(
        null=True, blank=True, help_text=_("When a provisional answer in it is asked for again.")
    )

    findings: models.ManyToManyField[Finding, VerificationFinding] = models.ManyToManyField(
        Finding, through="VerificationFinding", related_name="verifications"
    )

    objects = VerificationQuerySet.as_manager()

    class Meta:
        constraints = [
            # A second click joins the run under way.
            models.UniqueConstraint(
                fields=["person"], condition=Q(state__in=LIVE), name="verification_one_live_per_person"
            ),
            models.CheckConstraint(
                condition=(Q(state=RunState.DONE) & ~Q(outcome="") & Q(finished_at__isnull=False))
                | (~Q(state=RunState.DONE) & Q(outcome="") & Q(finished_at__isnull=True)),
                name="verification_done_has_outcome",
            ),
        ]
        indexes = [
            # The newest verification of a person: every page of theirs asks for it.
            models.Index(fields=["person", "-queued_at"], name="verification_newest"),
            # The sweeper's question, over the few live rows only.
            models.Index(fields=["queued_at"], condition=Q(state__in=LIVE), name="verification_live"),
            # VerificationQuerySet.due_for_recheck: the few that stand on a provisional answer.
            models.Index(fields=["recheck_at"], condition=Q(recheck_at__isnull=False), name="verification_recheck"),
        ]

    def __str__(self) -> str:
        return f"{self.person}, {self.queued_at:%Y-%m-%d %H:%M} UTC"


class VerificationFinding(models.Model):
    """A finding's place in a verification: the question it answers there."""

    verification = models.ForeignKey(Verification, on_delete=models.CASCADE, related_name="answers")
    finding = models.ForeignKey(Finding, on_delete=models.PROTECT, related_name="+")
    check_name = models.CharField(max_length=40)
    about = models.CharField(max_length=200, blank=True, help_text=_("An inference profile's id; empty: the person."))
    position = models.PositiveSmallIntegerField(help_text=_("Its place on the page when it was answered."))

    class Meta:
        constraints = [
            # A run resumed by a second worker answers no question twice.
            models.UniqueConstraint(fields=["verification", "check_name", "about"], name="verification_question_once"),
        ]
        ordering = ("position",)

    def __str__(self) -> str:
        return f"{self.verification_id} {self.check_name} {self.about}"
