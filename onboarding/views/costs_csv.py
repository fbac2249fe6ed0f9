"""The usage that a cost page's filter lets through, as a CSV file. For auditors and admins, and audited."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Sequence
from decimal import Decimal

from django.db import transaction
from django.http import HttpResponseBase, StreamingHttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET

from onboarding.costs.coverage import as_of
from onboarding.costs.filter import Filter, read_filter
from onboarding.costs.money import usd
from onboarding.costs.statement import SOURCE
from onboarding.models import AuditEvent
from onboarding.views import csv_cells
from onboarding.views.csv_cells import Cell
from onboarding.views.rules import PersonRequest, for_auditors

# In the order of the file: a column's name, and where it is found from a usage entry.
COLUMNS = {
    "day": "day",
    "team": "meter__caller__person__team__name",
    "person": "meter__caller__person__email",
    "principal": "meter__caller__arn",
    "account": "meter__account__account_id",
    "region": "meter__region",
    "model": "meter__model_id",
    "endpoint_kind": "meter__endpoint_kind",
    "long_prompt": "meter__is_long_prompt",
    "token_class": "token_class",
    "tokens": "tokens",
    "usd_per_million": "rate",
    "estimate_usd": "cost",
}
# Of the whole file, so in every row: a file is cut and joined with others.
_PROVENANCE = ("source", "as_of")
_CHUNK = 2000  # rows in memory at a time
_MILLIONTH = 6  # places of a rate


@for_auditors
@never_cache
@require_GET
@transaction.atomic
def costs_csv(request: PersonRequest) -> HttpResponseBase:
    """Streamed, in the order of days, from one query. It is audited before the first line goes out.

    400 where the address holds what a page would ignore and say so: a file that has more than was asked for cannot.
    """
    chosen, ignored = read_filter(request.GET, timezone.now().date())
    if ignored:
        return render(request, "errors/400.html", {"ignored": ignored}, status=400)
    asked = {name: value for name, value in chosen.chosen.items() if value}
    AuditEvent.objects.record(
        actor=request.person.email,
        action="costs.exported",
        target=_period(chosen),
        since=chosen.since.isoformat(),
        until=chosen.until.isoformat(),
        filter=asked,
    )
    until = as_of()
    rows = _rows(chosen, SOURCE, until.isoformat() if until else None)
    response = StreamingHttpResponse(csv_cells.lines([*COLUMNS, *_PROVENANCE], rows), "text/csv; charset=utf-8")
    # Nothing of it was typed by anybody.
    response["Content-Disposition"] = f'attachment; filename="onramp-costs-{_period(chosen)}.csv"'
    return response


def _period(chosen: Filter) -> str:
    last = chosen.until - dt.timedelta(days=1)
    return f"{chosen.since:%Y-%m}" if chosen.is_month else f"{chosen.since.isoformat()}-to-{last.isoformat()}"


def _rows(chosen: Filter, *provenance: Cell) -> Iterator[Sequence[Cell]]:
    entries = chosen.entries().order_by("day", "pk").values_list(*COLUMNS.values())
    for day, *texts, is_long, token_class, tokens, rate, cost in entries.iterator(chunk_size=_CHUNK):
        price = None if rate is None else Decimal(rate).scaleb(-_MILLIONTH)
        yield (
            day.isoformat(),
            *texts,
            "true" if is_long else "false",
            token_class,
            tokens,
            price,
            None if cost is None else usd(cost),
            *provenance,
        )
