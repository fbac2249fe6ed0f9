"""The people whom the page's filter lets through, as a CSV file. For auditors and admins, and audited."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Sequence

from django.db import transaction
from django.http import HttpResponseBase, StreamingHttpResponse
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET

from onboarding import roster
from onboarding.models import AuditEvent, PersonStatus, Team
from onboarding.models.statuses import PersonStatusQuerySet
from onboarding.roster import read_filter, read_order
from onboarding.views import csv_cells
from onboarding.views.csv_cells import Cell
from onboarding.views.rules import PersonRequest, for_auditors

COLUMNS = (
    "name",
    "email",
    "team",
    "plan",
    "status",
    "readiness",
    "blocking_layer",
    "check",
    "reason",
    "verified_at",
    "installed",
    "installed_revision",
    "current_revision",
    "connected",
    "signed_in_at",
    "last_used_on",
    "inactive_30_days",
)
_CHUNK = 1000  # rows in memory at a time


@for_auditors
@never_cache
@require_GET
@transaction.atomic
def people_csv(request: PersonRequest) -> HttpResponseBase:
    """Streamed, in the order of the page, from one query."""
    chosen, _ignored = read_filter(request.GET)
    teams = dict(Team.objects.values_list("pk", "name"))
    rows = roster.ordered(chosen.rows(teams), read_order(request.GET.get("sort", "")))
    AuditEvent.objects.record(
        actor=request.person.email, action="people.exported", target="people", filter=chosen.chosen
    )
    response = StreamingHttpResponse(csv_cells.lines(COLUMNS, _lines(rows)), "text/csv; charset=utf-8")
    # Nothing of it was typed by anybody.
    day = timezone.now().date().isoformat()
    response["Content-Disposition"] = f'attachment; filename="onramp-people-{day}.csv"'
    return response


def _lines(rows: PersonStatusQuerySet) -> Iterator[Sequence[Cell]]:
    wanted = rows.select_related("person", "plan", "revision").only(
        *(each.name for each in PersonStatus._meta.concrete_fields),
        "person__name",
        "person__email",
        "person__seen_at",
        "plan__name",
        "revision__number",
    )
    return (_line(row) for row in wanted.iterator(chunk_size=_CHUNK))


def _line(row: PersonStatus) -> Sequence[Cell]:
    return (
        row.person.name,
        row.person.email,
        row.team_name,
        row.plan.name if row.plan else "",
        row.standing.value,
        row.readiness,
        row.layer,
        row.check_name,
        row.reason,
        _time(row.verified_at) if row.was_verified else "",
        row.installed,
        row.installed_number or None,
        row.revision.number if row.revision else None,
        _yes(row.is_connected),
        _time(row.person.seen_at) if row.person.seen_at else "",
        row.last_used_on.isoformat() if row.has_used else "",
        _yes(row.is_inactive),
    )


def _time(at: dt.datetime) -> str:
    return at.astimezone(dt.UTC).isoformat(timespec="seconds")


def _yes(value: bool) -> str:
    return "true" if value else "false"
