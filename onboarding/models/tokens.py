"""Tokens with which programs read the API: each is an admin's, and only its digest is kept."""

from __future__ import annotations

import datetime as dt
import hashlib

from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from onboarding.models.people import Person

# Nobody remembers for longer what a token was made for.
LONGEST = dt.timedelta(days=365)
# Only a sign-in tells that somebody is an admin still; where nothing else does, it must not be long ago.
OWNER_SEEN_WITHIN = dt.timedelta(days=30)


class ApiToken(models.Model):
    """What a program shows to read for its owner. `scopes` are values of `enums.ApiScope`."""

    owner = models.ForeignKey(Person, on_delete=models.CASCADE, related_name="api_tokens")
    name = models.CharField(max_length=60, help_text=_("What it is for."))
    digest = models.CharField(max_length=64, unique=True, help_text=_("SHA-256 of the token."))
    scopes = models.JSONField(default=list)
    created_at = models.DateTimeField()
    expires_at = models.DateTimeField()
    revoked_at = models.DateTimeField(null=True, blank=True)
    last_used_at = models.DateTimeField(null=True, blank=True, help_text=_("To the minute."))
    audited_on = models.DateField(
        null=True, blank=True, help_text=_("The last UTC day on which its use was put on record.")
    )

    class Meta:
        constraints = [
            # A token that never held would be a mistake of ours.
            models.CheckConstraint(condition=Q(expires_at__gt=F("created_at")), name="api_token_expires_later"),
        ]
        indexes = [
            # The page lists the newest first.
            models.Index(fields=["-created_at"], name="api_token_newest"),
        ]

    def __str__(self) -> str:
        return f"{self.name} ({self.owner})"

    def holds(self, now: dt.datetime) -> bool:
        """Whether it opens anything: its owner has to be an admin still, by a sign-in of the last 30 days."""
        if self.has_ended(now) or not self.owner.is_active or not self.owner.is_admin:
            return False
        return self.owner.seen_at is not None and now - self.owner.seen_at < OWNER_SEEN_WITHIN

    def has_ended(self, now: dt.datetime) -> bool:
        return self.revoked_at is not None or now >= self.expires_at


def token_digest(token: str) -> str:
    """What is stored of a token. It has 256 bits of chance in it, so a plain digest cannot be guessed back."""
    return hashlib.sha256(token.encode("utf-8", "replace")).hexdigest()


def is_stale(last_used_at: dt.datetime | None, now: dt.datetime) -> bool:
    """Whether a token's last use is to be written anew. It says when, not how often: a busy script writes no more."""
    return last_used_at is None or now - last_used_at >= dt.timedelta(minutes=1)
