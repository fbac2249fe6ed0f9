"""Who did what, and when: the audit events, to be read and to be taken away. For auditors and admins."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from django.db.models import F, Q, QuerySet
from django.http import HttpResponseBase, QueryDict
from django.shortcuts import render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from onboarding.models import AuditEvent
from onboarding.views.audit_filter import read_filter
from onboarding.views.audit_words import ACTIONS, action_word, details_of
from onboarding.views.rules import PersonRequest, for_auditors

_SHOWN = 50
_LONGEST_KEY = 18  # digits of a key that both databases can hold


@dataclass(frozen=True, slots=True)
class Page:
    """A stretch of events, the newest first. `newer` and `older` are the keys that the pages beside begin at; 0 where
    there is none."""

    rows: Sequence[AuditEvent]
    newer: int
    older: int


@for_auditors
@never_cache
@require_safe
def audit(request: PersonRequest) -> HttpResponseBase:
    """A constant number of queries, and none that counts: events are kept for ever."""
    chosen, ignored = read_filter(request.GET)
    page = _page(chosen.events(), request.GET)
    context = {
        "filter": chosen,
        "ignored": ignored,
        "actions": sorted(((code, str(word)) for code, word in ACTIONS.items()), key=lambda each: each[1]),
        "rows": [(event, action_word(event.action), details_of(event)) for event in page.rows],
        "page": page,
    }
    return render(request, "audit.html", context)


def _page(events: QuerySet[AuditEvent], query: QueryDict) -> Page:
    """By key and not by number: pages stay what they were while events are added. An event's key tells where it
    stands for good, since none is ever changed."""
    before, after = _event(query.get("before", "")), _event(query.get("after", ""))
    if after is not None and before is None:
        newer = list(_newer_than(events, after)[: _SHOWN + 1])
        rows = newer[:_SHOWN][::-1]
        return Page(rows, rows[0].pk if len(newer) > _SHOWN else 0, rows[-1].pk if rows else 0)
    older = list((_older_than(events, before) if before else events)[: _SHOWN + 1])
    rows = older[:_SHOWN]
    return Page(rows, rows[0].pk if rows and before else 0, rows[-1].pk if len(older) > _SHOWN else 0)


def _event(key: str) -> AuditEvent | None:
    is_key = key.isascii() and key.isdigit() and len(key) <= _LONGEST_KEY
    return AuditEvent.objects.filter(pk=int(key)).first() if is_key else None


def _older_than(events: QuerySet[AuditEvent], event: AuditEvent) -> QuerySet[AuditEvent]:
    return events.filter(Q(at__lt=event.at) | Q(pk__lt=event.pk), at__lte=event.at)


def _newer_than(events: QuerySet[AuditEvent], event: AuditEvent) -> QuerySet[AuditEvent]:
    """The nearest first."""
    nearer = events.filter(Q(at__gt=event.at) | Q(pk__gt=event.pk), at__gte=event.at)
    return nearer.order_by(F("at").asc(), F("pk").asc())
