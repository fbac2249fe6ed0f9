"""The audit events that a filter lets through, as a CSV file. For auditors and admins, and audited itself."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence

from django.db import transaction
from django.db.models import QuerySet
from django.http import HttpResponseBase, StreamingHttpResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET

from onboarding.models import AuditEvent
from onboarding.views import csv_cells
from onboarding.views.audit_filter import read_filter
from onboarding.views.csv_cells import Cell
from onboarding.views.rules import PersonRequest, for_auditors

COLUMNS = ("at", "actor", "action", "target", "details")
_CHUNK = 2000  # rows in memory at a time


@for_auditors
@never_cache
@require_GET
@transaction.atomic
def audit_csv(request: PersonRequest) -> HttpResponseBase:
    """Streamed, the newest first, from one query: what there was before this export."""
    chosen, _ignored = read_filter(request.GET)
    event = AuditEvent.objects.record(
        actor=request.person.email, action="audit.exported", target="audit", filter=chosen.chosen
    )
    rows = _rows(chosen.events().filter(pk__lt=event.pk))
    response = StreamingHttpResponse(csv_cells.lines(COLUMNS, rows), "text/csv; charset=utf-8")
    response["Content-Disposition"] = f'attachment; filename="onramp-audit-{event.at:%Y-%m-%d}.csv"'
    return response


def _rows(events: QuerySet[AuditEvent]) -> Iterator[Sequence[Cell]]:
    """For programs: the action's code, and details as JSON."""
    for at, actor, action, target, details in events.values_list(*COLUMNS).iterator(chunk_size=_CHUNK):
        yield at.isoformat(), actor, action, target, json.dumps(details, ensure_ascii=False, sort_keys=True)
