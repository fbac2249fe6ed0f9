"""Who took which bundle, when: people their own, and admins a plan's or somebody else's. For auditors and admins."""

from __future__ import annotations

import datetime as dt
import operator
from collections.abc import Mapping, Sequence
from functools import reduce
from typing import Any

from django.core.paginator import Page, Paginator
from django.db.models import Q, QuerySet
from django.http import HttpResponseBase
from django.shortcuts import render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from onboarding.enums import Platform
from onboarding.models import AuditEvent, Bundle, Plan
from onboarding.views.rules import PersonRequest, for_auditors

_SHOWN = 50
# What an admin takes; a person's own bundle has a row, and is `bundle.made` in the record.
_BY_ADMINS = ("bundle.managed", "bundle.copied")
# A bundle's row and its record are written in one transaction.
_TOGETHER = dt.timedelta(seconds=5)


@for_auditors
@never_cache
@require_safe
def bundles(request: PersonRequest) -> HttpResponseBase:
    """A page of the newest, of the plan and the person that the URL names; a constant number of queries."""
    plans = list(Plan.objects.order_by("name"))
    plan = next((row for row in plans if row.slug == request.GET.get("plan", "")), None)
    # PostgreSQL has no NUL in its texts.
    wanted = request.GET.get("person", "").replace("\0", "").strip()[:254]
    by_admins = request.GET.get("by", "") == "admins"
    rows: QuerySet[Any] = _copies(plan, wanted) if by_admins else _taken(plan, wanted)
    page = Paginator(rows, _SHOWN).get_page(request.GET.get("page"))
    context = {
        "plans": plans,
        "plan": plan,
        "wanted": wanted,
        "by_admins": by_admins,
        "page": page,
        "actors": {} if by_admins else _actors(page),
        "systems": dict(Platform.choices),
        "names": {row.slug: row.name for row in plans},
    }
    return render(request, "bundles.html", context)


def _taken(plan: Plan | None, wanted: str) -> QuerySet[Bundle]:
    """In the order they were made in, which their keys have."""
    rows = Bundle.objects.select_related("person", "revision__plan").order_by("-pk")
    if plan is not None:
        rows = rows.filter(revision__plan=plan)
    return rows.filter(Q(person__name__icontains=wanted) | Q(person__email__icontains=wanted)) if wanted else rows


def _copies(plan: Plan | None, wanted: str) -> QuerySet[AuditEvent]:
    """Of a person: what an admin took of theirs, and what they took as an admin."""
    rows = AuditEvent.objects.filter(action__in=_BY_ADMINS).order_by("-at", "-pk")
    if plan is not None:
        rows = rows.filter(details__plan=plan.slug)
    whose = Q(actor__icontains=wanted) | Q(action="bundle.copied", target__icontains=wanted)
    return rows.filter(whose) if wanted else rows


def _actors(page: Page[Bundle]) -> Mapping[int, str]:
    """Who took those bundles that their person did not, by primary key; one query, of a few seconds around each."""
    rows: Sequence[Bundle] = list(page.object_list)
    if not rows:
        return {}
    moments = [
        Q(target=row.person.email, at__range=(row.created_at - _TOGETHER, row.created_at + _TOGETHER)) for row in rows
    ]
    events = AuditEvent.objects.filter(reduce(operator.or_, moments), action="bundle.made")
    actors = {event.details.get("bundle"): event.actor for event in events}
    found = {row.pk: actors.get(row.pk, row.person.email) for row in rows}
    return {row.pk: found[row.pk] for row in rows if found[row.pk] != row.person.email}
