"""When the watermark of a source stands still, and when logging stops: what the admins are told without asking."""

from __future__ import annotations

import datetime as dt

from django.db.models.functions import Coalesce

from onboarding.costs.coverage import STALLED
from onboarding.enums import NotificationKind
from onboarding.models import LogSource, Notification


def tell_of_stalls(now: dt.datetime) -> None:
    """Tell the admins of every source that was not read for half an hour; once a day while it lasts.

    A source that was never read counts from its first problem. Where logging is off there is nothing to read.
    """
    sources = LogSource.objects.annotate(stands_at=Coalesce("read_at", "problem_since"))
    stalled = sources.filter(stands_at__lt=now - STALLED).order_by("account__account_id", "region")
    places = [_place(source, source.read_at or source.problem_since) for source in stalled]
    if places:
        Notification.objects.tell_admins(NotificationKind.READING_STALLED, facts={"places": places})


def tell_of_logging_off(source: LogSource) -> None:
    """Tell the admins that a Region which was logged is not any more."""
    facts = {"places": [_place(source, source.off_since)]}
    Notification.objects.tell_admins(NotificationKind.LOGGING_OFF, facts=facts)


def _place(source: LogSource, since: dt.datetime | None) -> dict[str, object]:
    return {
        "account": source.account_id,
        "region": source.region,
        "since": since.isoformat() if since else None,
        "problem": source.problem,
        "detail": source.problem_detail,
    }
