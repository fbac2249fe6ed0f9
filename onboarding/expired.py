"""Rows that have ended and that nobody else removes.

Django leaves sessions that ended in its table. Others clean up after themselves: one-time codes and notifications
(`checks.history`), logout tokens (`oidc_logout`), the cache with its used SAML assertions (Django's, by its size).
API tokens that ended stay: their page shows them.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator

from allauth.usersessions.models import UserSession
from django.contrib.sessions.models import Session
from django.db.models import Exists, OuterRef

from onboarding import batches
from onboarding.models import BreakGlassLink

# A session's row may be written a moment after allauth's.
_YOUNG = dt.timedelta(hours=1)


def forget(now: dt.datetime) -> Iterator[int]:
    """Delete what ended before `now`, batch by batch; how many rows each batch was.

    Safe to repeat, and to end anywhere. How a link for an emergency was used stays in the audit.
    """
    living = Session.objects.filter(session_key=OuterRef("session_key"))
    yield from batches.delete(Session.objects.filter(expire_date__lt=now))
    yield from batches.delete(UserSession.objects.filter(~Exists(living), last_seen_at__lt=now - _YOUNG))
    yield from batches.delete(BreakGlassLink.objects.filter(expires_at__lt=now))
