"""Costs of a month: the figures of the costs page, and of `manage.py costs --json`."""

from __future__ import annotations

from typing import Annotated

from django.http import HttpRequest
from django.utils import timezone
from ninja import Query, Router, Schema
from pydantic import Field

from onboarding.costs.filter import of_month, parse_month
from onboarding.costs.report import Dimension
from onboarding.costs.statement import as_data, statement_of
from onboarding.enums import ApiScope, BilledSource, Problem
from onboarding.views.api.door import Token
from onboarding.views.api.pages import PROBLEMS

By = Annotated[Dimension, Query(description="What rows are.")]
Month = Annotated[
    str | None,
    Query(pattern=r"^20[0-9]{2}-(0[1-9]|1[0-2])$", description="Such as 2026-11, in UTC; this month by default."),
]

router = Router(auth=Token(ApiScope.COSTS), tags=["costs"])


class Figures(Schema):
    """Tokens, and what those with a price cost: null where none has one. `unpriced_tokens` are in the other counts."""

    input_tokens: int
    output_tokens: int
    cache_write_tokens: int
    cache_read_tokens: int
    unpriced_tokens: int
    estimate_usd: str | None


class Estimate(Figures):
    source: str
    as_of: str | None = Field(description="Up to when usage was read, in UTC; null where not all of it was yet.")


class Unread(Schema):
    """A bill that could not be read the last time, names nobody, or lacks its newest days."""

    account: str
    source: BilledSource
    problem: Problem
    detail: str


class Billed(Schema):
    source: str
    as_of: str | None = Field(
        description="The last day that is billed in full, in every account that counts; null where none is."
    )
    usd: str | None
    of_no_row_usd: str | None = Field(description="Billed, and of none of the rows.")
    is_estimated: bool = Field(description="Whether AWS may still change some of it.")
    problems: list[Unread]


class Warned(Schema):
    """What may be missing in the estimate."""

    kind: str
    account: str
    region: str
    since: str | None
    text: str


class Row(Figures):
    key: str
    name: str
    team: str | None = Field(None, description="Of people only.")
    billed_usd: str | None


class Costs(Schema):
    """Estimate and billed stand beside each other and are never added. Amounts are decimals in US dollars."""

    month: str
    by: Dimension
    estimate: Estimate
    billed: Billed
    warnings: list[Warned]
    rows: list[Row]


@router.get("", response={200: Costs, **PROBLEMS}, operation_id="get_costs")
def costs(
    request: HttpRequest,
    by: By = Dimension.PERSON,
    month: Month = None,
) -> dict[str, object]:
    """A month as a whole, in one answer: the dearest row first, days in their order."""
    now = timezone.now()
    first = parse_month(month or "") or now.date().replace(day=1)
    return as_data(statement_of(by, of_month(first), now))
