"""A month's costs as one statement: the figures of the costs page, for the command, and for programs."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal

from onboarding import catalog
from onboarding.costs import billed, coverage, people, report
from onboarding.costs.figures import Figures
from onboarding.costs.filter import NO_TEAM, TEAM_WORDS, UNMAPPED, UNNAMED, Filter
from onboarding.costs.payers import billed_by, once_each, payer_of, payer_of_person, rest_of
from onboarding.costs.people import PersonGroup
from onboarding.costs.report import Dimension, Group
from onboarding.models import BillingFetch

SOURCE = "Bedrock's invocation logs, priced by Onramp"


@dataclass(frozen=True, slots=True)
class Row:
    """A group. `key` is as the page's filter has it; `team` is told of people only."""

    key: str
    name: str
    team: str
    figures: Figures
    payer: str  # whom AWS bills it to
    billed: Decimal | None = None


@dataclass(frozen=True, slots=True)
class Statement:
    dimension: Dimension
    month: dt.date
    total: Figures
    as_of: dt.datetime | None
    billed: billed.Billed
    rest: Decimal | None  # billed, and of no row
    warnings: Sequence[coverage.CoverageWarning]
    rows: Sequence[Row]
    problems: Sequence[BillingFetch]  # of bills, as `billed.problems` has them


def statement_of(dimension: Dimension, chosen: Filter, now: dt.datetime) -> Statement:
    """What was used and what AWS billed, by one dimension, of a month."""
    told, amounts = billed.totals(chosen.since, chosen.until), billed_by(dimension, chosen)
    found = list(_of_people(chosen) if dimension is Dimension.PERSON else _of_groups(dimension, chosen))
    shares = once_each((row.payer for row in found), amounts or {})
    rows = [replace(row, billed=amount) for row, amount in zip(found, shares, strict=True)]
    return Statement(
        dimension,
        chosen.since,
        report.totals(chosen),
        coverage.as_of(),
        told,
        rest_of(told.amount, amounts, {row.payer for row in rows}),
        coverage.warnings(now, since=chosen.since, until=chosen.until),
        rows,
        billed.problems(),
    )


def _of_people(chosen: Filter) -> Iterator[Row]:
    for group in people.everybody(chosen):
        yield Row(group.key, _name(group), _team(group), group.figures, payer_of_person(group))


def _name(group: PersonGroup) -> str:
    if group.person is not None:
        return group.person.display_name
    return "Nobody that a log names" if group.key == UNNAMED else group.key


def _team(group: PersonGroup) -> str:
    if group.person is None:
        return str(TEAM_WORDS[UNMAPPED])
    return group.person.team.name if group.person.team else str(TEAM_WORDS[NO_TEAM])


def _of_groups(dimension: Dimension, chosen: Filter) -> Iterator[Row]:
    """Days in their order; of others the dearest first, as on the page."""
    groups = report.by(chosen, dimension)
    if dimension is Dimension.DAY:
        groups.sort(key=lambda group: group.key)
    else:
        groups.sort(key=lambda group: (group.figures.cost is None, -(group.figures.cost or 0), group.key))
    for group in groups:
        yield Row(group.key, _label(dimension, group), "", group.figures, payer_of(dimension, group.key))


def _label(dimension: Dimension, group: Group) -> str:
    if dimension is Dimension.TEAM:
        return str(TEAM_WORDS.get(group.key) or group.name)
    if dimension is Dimension.MODEL:
        return catalog.model_label(group.key)
    return catalog.region_label(group.key) if dimension is Dimension.REGION else group.key


# --- For programs


def as_data(found: Statement) -> dict[str, object]:
    """A statement for programs: amounts are strings of exact decimals in US dollars, None where there is none."""
    return {
        "month": f"{found.month:%Y-%m}",
        "by": str(found.dimension),
        "estimate": {"source": SOURCE, "as_of": _iso(found.as_of), **_figures(found.total)},
        "billed": {
            "source": ", ".join(found.billed.source_names),
            "as_of": _iso(found.billed.as_of),
            "usd": _exact(found.billed.amount),
            "of_no_row_usd": _exact(found.rest),
            "is_estimated": found.billed.is_estimated,
            "problems": [
                {
                    "account": fetch.account.account_id,
                    "source": fetch.source,
                    "problem": fetch.problem,
                    "detail": fetch.problem_detail,
                }
                for fetch in found.problems
            ],
        },
        "warnings": [
            {
                "kind": each.kind,
                "account": each.account.account_id,
                "region": each.region,
                "since": _iso(each.since),
                "text": f"{each.title}. {each.text}",
            }
            for each in found.warnings
        ],
        "rows": [_row(found.dimension, row) for row in found.rows],
    }


def _row(dimension: Dimension, row: Row) -> dict[str, object]:
    team = {"team": row.team} if dimension is Dimension.PERSON else {}
    return {"key": row.key, "name": row.name, **team, **_figures(row.figures), "billed_usd": _exact(row.billed)}


def _figures(figures: Figures) -> dict[str, object]:
    return {
        "input_tokens": figures.input,
        "output_tokens": figures.output,
        "cache_write_tokens": figures.cache_write,
        "cache_read_tokens": figures.cache_read,
        "unpriced_tokens": figures.unpriced,
        "estimate_usd": _exact(figures.cost),
    }


def _exact(amount: Decimal | None) -> str | None:
    return None if amount is None else f"{amount:f}"


def _iso(moment: dt.date | None) -> str | None:
    return None if moment is None else moment.isoformat()
