"""What sign-in must remember beside allauth's rows: links for an emergency, and tokens that count once."""

from __future__ import annotations

import datetime as dt

from django.db import models
from django.utils.translation import gettext_lazy as _

from onboarding.models.enrolments import digest_of
from onboarding.models.people import Person


class BreakGlassLinkQuerySet(models.QuerySet["BreakGlassLink"]):
    def open(self, token: str, now: dt.datetime) -> BreakGlassLinkQuerySet:
        """The link of this token, while it is good: never used, not too old, and its person still an admin."""
        mine = self.filter(digest=digest_of(token), used_at=None, expires_at__gt=now)
        return mine.filter(person__in=Person.objects.active_admins())


class BreakGlassLink(models.Model):
    """A link that signs one admin in, once, while the identity provider cannot. Only its digest is kept."""

    digest = models.CharField(max_length=64, unique=True, help_text=_("SHA-256 of the link's token."))
    person = models.ForeignKey(Person, on_delete=models.CASCADE, related_name="break_glass_links")
    reason = models.CharField(max_length=200)
    created_at = models.DateTimeField(auto_now_add=True)
    expires_at = models.DateTimeField()
    used_at = models.DateTimeField(null=True, blank=True)

    objects = BreakGlassLinkQuerySet.as_manager()

    def __str__(self) -> str:
        return f"{self.person}, {self.reason}"


class LogoutToken(models.Model):
    """A logout token that was taken. It counts once, so it is remembered until it would be too old to send again."""

    digest = models.CharField(max_length=64, unique=True, help_text=_("SHA-256 of its issuer and `jti`."))
    expires_at = models.DateTimeField()

    def __str__(self) -> str:
        return self.digest
