"""Bundles that were made: which bytes went to whom."""

from __future__ import annotations

from django.db import models

from onboarding.enums import Platform
from onboarding.models.people import Person
from onboarding.models.plans import PlanRevision
from onboarding.models.verification import Verification


class Bundle(models.Model):
    """The files made for one person from one plan revision. The bytes are not stored: equal inputs make them again."""

    person = models.ForeignKey(Person, on_delete=models.CASCADE, related_name="bundles")
    revision = models.ForeignKey(PlanRevision, on_delete=models.PROTECT, related_name="bundles")
    verification = models.ForeignKey(Verification, on_delete=models.CASCADE, related_name="bundles")
    platform = models.CharField(max_length=10, choices=Platform.choices)
    language = models.CharField(max_length=10)
    digest = models.CharField(max_length=64, help_text="SHA-256 of the zip")
    created_at = models.DateTimeField(auto_now_add=True)

    def __str__(self) -> str:
        return f"{self.person}, {self.digest[:12]}"
