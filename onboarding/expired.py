"""Rows that have ended and that nobody else removes.

Django leaves sessions that ended in its table. Others clean up after themselves: one-time codes and notifications
(`checks.history`), logout tokens (`oidc_logout`), the cache with its used SAML assertions (Django's, by its size).
API tokens that ended stay: their page shows them.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from typing import Any

from allauth.usersessions.models import UserSession
from django.contrib.sessions.models import Session
from django.db.models import Exists, OuterRef

from onboarding.models import BreakGlassLink

# Each batch is a short transaction: signing in does not wait for it.
_BATCH = 500
# A session's row may be written a moment after allauth's.
_YOUNG = dt.timedelta(hours=1)


def forget(now: dt.datetime) -> Iterator[int]:
    """Delete what ended before `now`, batch by batch; how many rows each batch was.

    Safe to repeat, and to end anywhere. How a link for an emergency was used stays in the audit.
    """
    living = Session.objects.filter(session_key=OuterRef("session_key"))
    yield from _delete(Session.objects.filter(expire_date__lt=now))
    yield from _delete(UserSession.objects.filter(~Exists(living), last_seen_at__lt=now - _YOUNG))
    yield from _delete(BreakGlassLink.objects.filter(expires_at__lt=now))


def _delete(rows: Any) -> Iterator[int]:
    while batch := list(rows.values_list("pk", flat=True)[:_BATCH]):
        rows.model.objects.filter(pk__in=batch).delete()
        yield len(batch)
