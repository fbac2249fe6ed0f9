"""Tokens for the API: an admin makes one, a program shows it, and each use is the admin's."""

from __future__ import annotations

import datetime as dt
import secrets
from collections.abc import Collection

from django.db import transaction
from django.utils import timezone
from django.utils.crypto import constant_time_compare

from onboarding.enums import ApiScope
from onboarding.models import ApiToken, AuditEvent, Person
from onboarding.models.tokens import LONGEST, is_stale, token_digest

# What scanners of repositories, and our own masking, know a token by.
PREFIX = "onramp_api_"
_BYTES = 32


@transaction.atomic
def issue_token(*, owner: Person, name: str, scopes: Collection[ApiScope], holds: dt.timedelta) -> str:
    """A new token, which is nowhere but in the answer. Raises ValueError where it would hold for over a year."""
    if not dt.timedelta() < holds <= LONGEST:
        raise ValueError(f"A token holds for at most {LONGEST.days} days.")
    token, now = f"{PREFIX}{secrets.token_urlsafe(_BYTES)}", timezone.now()
    told = [scope.value for scope in ApiScope if scope in scopes]
    ApiToken.objects.create(
        owner=owner, name=name, digest=token_digest(token), scopes=told, created_at=now, expires_at=now + holds
    )
    until = f"{now + holds:%Y-%m-%d}"
    AuditEvent.objects.record(actor=owner.email, action="token.issued", target=name, scopes=told, until=until)
    return token


@transaction.atomic
def revoke_token(token: ApiToken, *, actor: str) -> None:
    """End a token at once. One that was revoked before stays as it was."""
    if ApiToken.objects.filter(pk=token.pk, revoked_at=None).update(revoked_at=timezone.now()):
        AuditEvent.objects.record(actor=actor, action="token.revoked", target=token.name, owner=token.owner.email)


def token_of(secret: str) -> ApiToken | None:
    """The token that `secret` is, if it holds now; why not, nobody is told. One query.

    The digest finds the row, so what an index tells by its time is about a digest, and no secret comes of that.
    """
    digest = token_digest(secret)
    found = ApiToken.objects.select_related("owner").filter(digest=digest).first()
    if found is None or not constant_time_compare(found.digest, digest):
        return None
    return found if found.holds(timezone.now()) else None


def note_use(token: ApiToken) -> None:
    """Remember that a token was used: to the minute, and on record once a day."""
    now = timezone.now()
    if is_stale(token.last_used_at, now):
        ApiToken.objects.filter(pk=token.pk).update(last_used_at=now)
    if token.audited_on != now.date():
        _put_on_record(token, now.date())


@transaction.atomic
def _put_on_record(token: ApiToken, day: dt.date) -> None:
    """Of two requests at once, one writes."""
    if ApiToken.objects.filter(pk=token.pk).exclude(audited_on=day).update(audited_on=day):
        AuditEvent.objects.record(
            actor=token.owner.email, action="token.used", target=token.name, scopes=list(token.scopes)
        )
