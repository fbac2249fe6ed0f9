"""Rows that have ended and that nobody else removes.

Django leaves sessions that ended in its table. Others clean up after themselves: one-time codes and notifications
(`checks.history`), logout tokens (`oidc_logout`), the cache with its used SAML assertions (Django's, by its size).
API tokens that ended stay: their page shows them.
"""

from __future__ import annotations

import datetime as dt
from typing import Any

from allauth.usersessions.models import UserSession
from django.contrib.sessions.models import Session
from django.db.models import Exists, OuterRef

from onboarding.models import BreakGlassLink

# Each batch is a short transaction: signing in does not wait for it.
_BATCH = 500
# A session's row may be written a moment after allauth's.
_YOUNG = dt.timedelta(hours=1)


def forget(now: dt.datetime) -> int:
    """Delete what ended before `now`; how many rows that were. Safe to repeat, and to end anywhere.

    How a link for an emergency was used stays in the audit.
    """
    living = Session.objects.filter(session_key=OuterRef("session_key"))
    return sum(
        _delete(rows)
        for rows in (
            Session.objects.filter(expire_date__lt=now),
            UserSession.objects.filter(~Exists(living), last_seen_at__lt=now - _YOUNG),
            BreakGlassLink.objects.filter(expires_at__lt=now),
        )
    )


def _delete(rows: Any) -> int:
    count = 0
    while batch := list(rows.values_list("pk", flat=True)[:_BATCH]):
        rows.model.objects.filter(pk__in=batch).delete()
        count += len(batch)
    return count
