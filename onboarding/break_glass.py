"""The way in while the identity provider is down: a link for one admin, good once, for ten minutes."""

from __future__ import annotations

import datetime as dt
import secrets

from django.db import transaction
from django.utils import timezone

from onboarding.models import AuditEvent, BreakGlassLink, Person
from onboarding.models.enrolments import digest_of

LASTS = dt.timedelta(minutes=10)
# ASVS 5.0, 11.5.1: 128 bits of chance at least.
_TOKEN_BYTES = 32


class NoSuchAdmin(Exception):
    """Nobody, or more than one, is an active admin with this e-mail who has signed in before."""


class BadLink(Exception):
    """The link is unknown, used, expired, or its person no admin any more. Which of them, nobody is told."""


@transaction.atomic
def issue(email: str, *, reason: str, actor: str) -> str:
    """A new token, which is nowhere but in the answer. Links that the person has, used or not, are forgotten.

    Raises NoSuchAdmin.
    """
    found = list(Person.objects.for_email(email).active_admins()[:2])
    if len(found) != 1:
        raise NoSuchAdmin
    [person] = found
    BreakGlassLink.objects.filter(person=person).delete()
    token = secrets.token_urlsafe(_TOKEN_BYTES)
    BreakGlassLink.objects.create(
        digest=digest_of(token), person=person, reason=reason, expires_at=timezone.now() + LASTS
    )
    AuditEvent.objects.record(actor=actor, action="break_glass.made", target=person.email, reason=reason)
    return token


def is_open(token: str) -> bool:
    """Whether the link is good; it stays so."""
    return BreakGlassLink.objects.open(token, timezone.now()).exists()


@transaction.atomic
def redeem(token: str) -> Person:
    """Use a link up; whose it was. Of many at once, one gets it. Raises BadLink."""
    now = timezone.now()
    if BreakGlassLink.objects.open(token, now).update(used_at=now) != 1:
        raise BadLink
    link = BreakGlassLink.objects.select_related("person__user").get(digest=digest_of(token))
    email = link.person.email
    AuditEvent.objects.record(actor=email, action="break_glass.used", target=email, reason=link.reason)
    return link.person
