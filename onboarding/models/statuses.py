"""Where people stand, kept so that a page about everybody need not work it out; `onboarding.statuses` writes it.

Nothing decides by them: what somebody may have follows from verifications, bundles, machines and usage.
"""

from __future__ import annotations

import datetime as dt

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from onboarding.enums import Installed, Layer, Readiness, Standing
from onboarding.models.people import Person
from onboarding.models.plans import Plan, PlanRevision
from onboarding.models.verification import Finding

# What a list is sorted by is never NULL: databases disagree on where NULLs come, and a page that begins after one
# could not be asked for.
NEVER = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)

_ACTIVE = Q(is_active=True)
_BLOCKED = _ACTIVE & Q(readiness=Readiness.BLOCKED)
_OUTDATED = ~Q(readiness="") & Q(installed=Installed.OLDER)


class PersonStatusQuerySet(models.QuerySet["PersonStatus"]):
    def standing(self, wanted: Standing) -> PersonStatusQuerySet:
        """Those of whom it is true. Of one person several are: whoever is blocked may never have signed in."""
        if wanted is Standing.DEACTIVATED:
            return self.filter(is_active=False)
        return self.filter(_ACTIVE & STANDINGS[wanted])


# Of people who are active.
STANDINGS = {
    Standing.READY: Q(readiness=Readiness.READY),
    Standing.BLOCKED: Q(readiness=Readiness.BLOCKED),
    Standing.UNKNOWN: Q(readiness=Readiness.UNKNOWN),
    Standing.NEVER_SIGNED_IN: Q(has_signed_in=False),
    Standing.OUTDATED: _OUTDATED,
    Standing.NO_PLAN: Q(readiness=""),
}


class PersonStatus(models.Model):
    """A person's standing, as it was when something last changed it."""

    person = models.OneToOneField(Person, on_delete=models.CASCADE, primary_key=True, related_name="status")
    sort_name = models.CharField(
        max_length=254, help_text=_("Name, or else e-mail, in small letters without accents.")
    )
    team_name = models.CharField(max_length=100, blank=True)
    plan = models.ForeignKey(Plan, on_delete=models.SET_NULL, null=True, db_index=False, related_name="+")
    revision = models.ForeignKey(
        PlanRevision, on_delete=models.SET_NULL, null=True, related_name="+", help_text=_("Their plan's current one.")
    )
    is_active = models.BooleanField()
    has_signed_in = models.BooleanField()
    readiness = models.CharField(
        max_length=10,
        choices=Readiness.choices,
        blank=True,
        help_text=_("Empty: no plan, so nothing to be ready for."),
    )
    layer = models.CharField(
        _("blocking layer"), max_length=30, choices=Layer.choices, blank=True, help_text=_("Of the first that blocks.")
    )
    check_name = models.CharField(_("check"), max_length=40, blank=True)
    reason = models.CharField(max_length=60, blank=True)
    finding = models.ForeignKey(Finding, on_delete=models.SET_NULL, null=True, related_name="+")
    obstacles = models.PositiveSmallIntegerField(default=0, help_text=_("How many different things block."))
    verified_at = models.DateTimeField(default=NEVER)
    holds_until = models.DateTimeField(null=True, help_text=_("Until when the readiness counts."))
    installed = models.CharField(max_length=10, choices=Installed.choices)
    installed_number = models.PositiveIntegerField(default=0, help_text=_("The revision's; 0: none."))
    is_connected = models.BooleanField()
    last_used_on = models.DateField(default=NEVER.date())
    is_inactive = models.BooleanField(help_text=_("Signed in or used it once, and neither for thirty days."))

    objects = PersonStatusQuerySet.as_manager()

    class Meta:
        verbose_name_plural = _("person statuses")
        # Each is an order of the people page, or a filter with its usual order; `person` decides between equals.
        indexes = [
            models.Index(fields=["sort_name", "person"], condition=_ACTIVE, name="status_name"),
            models.Index(fields=["team_name", "sort_name", "person"], condition=_ACTIVE, name="status_team"),
            models.Index(fields=["plan", "sort_name", "person"], condition=_ACTIVE, name="status_plan"),
            models.Index(fields=["readiness", "sort_name", "person"], condition=_ACTIVE, name="status_readiness"),
            models.Index(
                fields=["installed_number", "sort_name", "person"], condition=_ACTIVE, name="status_revision"
            ),
            models.Index(fields=["verified_at", "sort_name", "person"], condition=_ACTIVE, name="status_verified"),
            models.Index(fields=["last_used_on", "sort_name", "person"], condition=_ACTIVE, name="status_used"),
            models.Index(fields=["is_connected", "sort_name", "person"], condition=_ACTIVE, name="status_connected"),
            models.Index(fields=["is_inactive", "sort_name", "person"], condition=_ACTIVE, name="status_inactive"),
            models.Index(
                fields=["sort_name", "person"], condition=_ACTIVE & Q(has_signed_in=False), name="status_never"
            ),
            models.Index(fields=["sort_name", "person"], condition=_ACTIVE & _OUTDATED, name="status_outdated"),
            models.Index(fields=["sort_name", "person"], condition=Q(is_active=False), name="status_deactivated"),
            # What blocks how many, added up, and those whom one of them blocks.
            models.Index(
                fields=["layer", "check_name", "reason", "sort_name", "person"],
                include=["obstacles", "finding"],
                condition=_BLOCKED,
                name="status_blocked",
            ),
            # Whose answers have become too old to count: asked for every few minutes.
            models.Index(fields=["holds_until"], condition=Q(holds_until__isnull=False), name="status_holds"),
        ]
        constraints = [
            # Whoever is blocked is blocked by something, and nobody else is.
            models.CheckConstraint(
                condition=Q(obstacles=0) | Q(readiness=Readiness.BLOCKED), name="status_obstacles_are_blocked"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.person}: {self.standing}"

    @property
    def standing(self) -> Standing:
        """The one word for it: what is most in the way."""
        if not self.is_active:
            return Standing.DEACTIVATED
        if not self.readiness:
            return Standing.NO_PLAN
        if self.readiness == Readiness.BLOCKED:
            return Standing.BLOCKED
        if not self.has_signed_in:
            return Standing.NEVER_SIGNED_IN
        if self.readiness == Readiness.UNKNOWN:
            return Standing.UNKNOWN
        return Standing.OUTDATED if self.installed == Installed.OLDER else Standing.READY

    @property
    def was_verified(self) -> bool:
        return self.verified_at > NEVER

    @property
    def has_used(self) -> bool:
        return self.last_used_on > NEVER.date()


class PersonWord(models.Model):
    """A word by whose beginning a person is found: of their name, their e-mail, or what they call a machine."""

    person = models.ForeignKey(Person, on_delete=models.CASCADE, db_index=False, related_name="words")
    word = models.CharField(max_length=254)

    class Meta:
        constraints = [
            # Also what finds somebody's words.
            models.UniqueConstraint(fields=["person", "word"], name="person_word_once"),
        ]
        indexes = [
            # Search: everybody with a word that begins so. PostgreSQL needs to be told that LIKE will ask.
            models.Index(fields=["word", "person"], opclasses=["varchar_pattern_ops", "int8_ops"], name="person_word"),
        ]

    def __str__(self) -> str:
        return self.word


class TeamTally(models.Model):
    """How many active people of a team stand how: counted again whenever one of them changes, added up by the page."""

    team_name = models.CharField(max_length=100, primary_key=True, help_text=_("Empty: people without a team."))
    people = models.PositiveIntegerField(default=0)
    ready = models.PositiveIntegerField(default=0)
    blocked = models.PositiveIntegerField(default=0)
    unknown = models.PositiveIntegerField(default=0)
    never_signed_in = models.PositiveIntegerField(default=0)
    outdated = models.PositiveIntegerField(default=0)
    no_plan = models.PositiveIntegerField(default=0)
    connected = models.PositiveIntegerField(default=0)
    inactive = models.PositiveIntegerField(default=0)

    class Meta:
        verbose_name_plural = _("team tallies")

    def __str__(self) -> str:
        return f"{self.team_name}: {self.people}"
