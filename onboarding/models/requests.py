"""Requests: what somebody asks the admins to fix."""

from __future__ import annotations

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from onboarding.enums import RequestState
from onboarding.models.people import Person
from onboarding.models.verification import Finding, Verification

# The reasons of requests that are about no check: somebody asks for a higher budget, or has no team or plan.
HIGHER_BUDGET = "higher-budget"
ACCESS = "access"


class AdminRequest(models.Model):
    """A finding that blocks somebody, handed to the admins; an error that somebody pasted; a higher budget; or access.

    An answer leaves it open; closing it, with or without one, resolves it.
    `pasted` holds what the person chose to attach, with every secret in it masked before it got here.
    """

    person = models.ForeignKey(Person, on_delete=models.CASCADE, related_name="requests")
    verification = models.ForeignKey(Verification, on_delete=models.SET_NULL, null=True, blank=True, related_name="+")
    finding = models.ForeignKey(Finding, on_delete=models.SET_NULL, null=True, blank=True, related_name="+")
    check_name = models.CharField(max_length=40, blank=True)
    reason = models.CharField(max_length=60, help_text=_("The reason of the finding, or the diagnosis of the error."))
    note = models.TextField(blank=True)
    pasted = models.TextField(max_length=20_000, blank=True)
    state = models.CharField(max_length=10, choices=RequestState.choices, default=RequestState.OPEN)
    answer = models.CharField(max_length=1000, blank=True)
    answered_at = models.DateTimeField(
        null=True, blank=True, help_text=_("When an admin last answered and left it open.")
    )
    answered_by = models.CharField(max_length=254, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)
    closed_at = models.DateTimeField(null=True, blank=True)
    closed_by = models.CharField(max_length=254, blank=True)

    class Meta:
        constraints = [
            # Asking twice is asking once.
            models.UniqueConstraint(
                fields=["person", "check_name", "reason"],
                condition=Q(state=RequestState.OPEN),
                name="request_one_open_for_each_reason",
            ),
            models.CheckConstraint(
                condition=(Q(state=RequestState.CLOSED) & Q(closed_at__isnull=False) & ~Q(closed_by=""))
                | (Q(state=RequestState.OPEN) & Q(closed_at__isnull=True)),
                name="request_closed_has_closer",
            ),
            # Who answered said something.
            models.CheckConstraint(
                condition=(Q(answered_at__isnull=True) & Q(answered_by=""))
                | (Q(answered_at__isnull=False) & ~Q(answered_by="") & ~Q(answer="")),
                name="request_answered_has_answer",
            ),
        ]
        indexes = [
            # The admins' page reads the open ones, the oldest first.
            models.Index(fields=["created_at"], condition=Q(state=RequestState.OPEN), name="request_open"),
            # And the newest of those that are closed.
            models.Index(fields=["-closed_at"], condition=Q(state=RequestState.CLOSED), name="request_closed"),
        ]

    def __str__(self) -> str:
        return f"{self.person}, {self.check_name or 'no check'}: {self.reason}"

    @property
    def is_about_budget(self) -> bool:
        return not self.check_name and self.reason == HIGHER_BUDGET

    @property
    def is_about_access(self) -> bool:
        return not self.check_name and self.reason == ACCESS

    @property
    def is_answered(self) -> bool:
        """Whether an admin answered and left it open."""
        return self.state == RequestState.OPEN and self.answered_at is not None
