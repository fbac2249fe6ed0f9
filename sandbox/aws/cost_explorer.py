"""Cost Explorer's GetCostAndUsage over the pretend bill, with AWS's rules on what can be asked.

moto's answers are canned.

https://docs.aws.amazon.com/aws-cost-management/latest/APIReference/API_GetCostAndUsage.html
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from itertools import groupby
from typing import Any

from moto.ce.responses import CostExplorerResponse

from sandbox.aws import world
from sandbox.aws.bill import INFERENCE_TYPES, Charge
from sandbox.aws.cost_report import dollars
from sandbox.aws.errors import AwsError
from sandbox.aws.pages import page_of

# Groups in a page; a day's may go on in the next one.
_PAGE = 200
_METRICS = frozenset(
    {"AmortizedCost", "BlendedCost", "NetAmortizedCost", "NetUnblendedCost", "UnblendedCost", "UsageQuantity"}
)
# Before this day there are no product attributes.
# https://docs.aws.amazon.com/aws-cost-management/latest/APIReference/API_ProductAttributeValues.html
_FIRST_ATTRIBUTES = date(2026, 9, 1)
_DIMENSIONS: Mapping[str, Callable[[Charge], str]] = {
    "RECORD_TYPE": lambda charge: charge.record_type,
    "SERVICE": lambda charge: charge.service,
    "LINKED_ACCOUNT": lambda charge: charge.account,
    "REGION": lambda charge: charge.region,
    "USAGE_TYPE": lambda charge: charge.usage_type,
}
_ATTRIBUTES: Mapping[str, Callable[[Charge], str]] = {
    "provider": lambda charge: "Anthropic" if charge.model else "",
    "model": lambda charge: charge.model,
    "inferenceType": lambda charge: INFERENCE_TYPES.get(charge.token_class, ""),
    "feature": lambda charge: "On-demand Inference" if charge.model else "",
}


def _invalid(message: str) -> AwsError:
    return AwsError("ValidationException", message)


@dataclass(frozen=True, slots=True)
class _Question:
    """A request, understood. `keys` give a charge's value in each group, `names` what it says before the value."""

    start: date
    end: date
    granularity: str
    metrics: tuple[str, ...]
    names: tuple[str, ...]
    keys: tuple[Callable[[Charge], str], ...]
    is_wanted: Callable[[Charge], bool]

    def period_of(self, charge: Charge) -> date:
        day = charge.hour.date()
        return day if self.granularity == "DAILY" else max(self.start, day.replace(day=1))

    def periods(self) -> Iterator[tuple[date, date]]:
        start = self.start
        while start < self.end:
            following = start + timedelta(days=1)
            if self.granularity == "MONTHLY":
                following = (start.replace(day=1) + timedelta(days=32)).replace(day=1)
            yield start, min(following, self.end)
            start = following

    def groups_of(self, charge: Charge) -> tuple[str, ...]:
        return tuple(f"{name}{key(charge)}" for name, key in zip(self.names, self.keys, strict=True))


def get_cost_and_usage(self: CostExplorerResponse) -> str:
    """An account that pays for others is answered about them as well, as AWS does."""
    params = json.loads(self.body)
    account = world.current().company.account(self.current_account)
    question = _read(params, account.cost_tag if account else "")
    billed = {self.current_account, *(account.pays_for if account else ())}
    charges = [charge for charge in world.current().metering.charges() if charge.account in billed]
    totals = _totals(question, charges)
    rows = [
        (start, end, group) for start, end in question.periods() for group in sorted(totals[start].items()) or [_NONE]
    ]
    page, token = page_of(rows, params.get("NextPageToken"), _PAGE, error="InvalidNextTokenException")
    answer = {
        "ResultsByTime": list(_results(question, page)),
        "GroupDefinitions": params.get("GroupBy", []),
        "DimensionValueAttributes": [],
    }
    return json.dumps({**answer, "NextPageToken": token} if token else answer)


def _read(params: Mapping[str, Any], tag: str) -> _Question:
    """`tag` is the key of the tag that the account has activated. Raises AwsError for what AWS refuses."""
    start, end = _period(params.get("TimePeriod", {}))
    metrics, groups = tuple(params.get("Metrics", ())), params.get("GroupBy", [])
    if params.get("Granularity") not in ("DAILY", "MONTHLY"):
        raise _invalid("The sandbox has DAILY and MONTHLY granularity.")
    if not metrics or set(metrics) - _METRICS:
        raise _invalid("Metrics are needed, and must be known ones.")
    if len(groups) > 2:
        raise _invalid("GroupBy can have at most two groups.")
    asks_attributes = any(group["Type"] == "PRODUCT_ATTRIBUTE" for group in groups)
    if start < _FIRST_ATTRIBUTES and (asks_attributes or "ProductAttributes" in json.dumps(params.get("Filter", {}))):
        raise AwsError("DataUnavailableException", "Product attribute data is available from 2026-09-01 on.")
    return _Question(
        start=start,
        end=end,
        granularity=params["Granularity"],
        metrics=metrics,
        # `model$Claude Sonnet 4.6`, but the bare value of a dimension.
        names=tuple("" if group["Type"] == "DIMENSION" else f"{group['Key']}$" for group in groups),
        keys=tuple(_key(group, tag) for group in groups),
        is_wanted=_filter(params.get("Filter", {}), tag),
    )


def _period(given: Mapping[str, str]) -> tuple[date, date]:
    try:
        start, end = date.fromisoformat(given["Start"]), date.fromisoformat(given["End"])
    except (KeyError, ValueError) as error:
        raise _invalid("Start and end of the time period are needed, as YYYY-MM-DD.") from error
    if start >= end:
        raise _invalid("Start date (and hour) should be before end date (and hour).")
    return start, end


def _key(group: Mapping[str, str], tag: str) -> Callable[[Charge], str]:
    kind, name = group["Type"], group["Key"]
    if kind == "TAG":
        return (lambda charge: charge.owner) if name == tag else (lambda charge: "")
    if kind == "PRODUCT_ATTRIBUTE":
        return _ATTRIBUTES.get(name, lambda charge: "")
    if kind != "DIMENSION" or name not in _DIMENSIONS:
        raise _invalid(f"Cannot group by {kind} {name}.")
    return _DIMENSIONS[name]


def _filter(expression: Mapping[str, Any], tag: str) -> Callable[[Charge], bool]:
    """Exactly one of And, Or, Not, Dimensions, Tags and ProductAttributes; {} lets everything through."""
    if not expression:
        return lambda charge: True
    if len(expression) > 1:
        raise _invalid("Expression objects can have only one root level operator.")
    ((operator, given),) = expression.items()
    if operator in ("And", "Or"):
        parts = [_filter(part, tag) for part in given]
        together = all if operator == "And" else any
        return lambda charge: together(part(charge) for part in parts)
    if operator == "Not":
        inner = _filter(given, tag)
        return lambda charge: not inner(charge)
    kinds = {"Dimensions": "DIMENSION", "Tags": "TAG", "ProductAttributes": "PRODUCT_ATTRIBUTE"}
    if operator not in kinds:
        raise _invalid(f"Cannot filter by {operator}.")
    key, values = _key({"Type": kinds[operator], "Key": given["Key"]}, tag), frozenset(given.get("Values", ()))
    return lambda charge: key(charge) in values


_Group = tuple[tuple[str, ...], int]
_NONE: _Group = ((), 0)


def _totals(question: _Question, charges: Sequence[Charge]) -> defaultdict[date, dict[tuple[str, ...], int]]:
    """The amount of each group in each period, by the period's first day."""
    sums: defaultdict[date, dict[tuple[str, ...], int]] = defaultdict(dict)
    for charge in charges:
        if question.start <= charge.hour.date() < question.end and question.is_wanted(charge):
            period, groups = sums[question.period_of(charge)], question.groups_of(charge)
            period[groups] = period.get(groups, 0) + charge.amount
    return sums


def _results(question: _Question, rows: Sequence[tuple[date, date, _Group]]) -> Iterator[dict[str, Any]]:
    for (start, end), members in groupby(rows, key=lambda row: (row[0], row[1])):
        groups = [group for _, _, group in members]
        result: dict[str, Any] = {
            "TimePeriod": {"Start": str(start), "End": str(end)},
            "Total": {},
            "Groups": [],
            # The open month's amounts may still change.
            "Estimated": end > datetime.now(UTC).date().replace(day=1),
        }
        if question.names:
            result["Groups"] = [
                {"Keys": list(keys), "Metrics": _amounts(question, amount)} for keys, amount in groups if keys
            ]
        else:
            result["Total"] = _amounts(question, sum(amount for _, amount in groups))
        yield result


def _amounts(question: _Question, amount: int) -> dict[str, dict[str, str]]:
    quantity = {"Amount": "0", "Unit": "N/A"}
    money = {"Amount": dollars(amount), "Unit": "USD"}
    return {metric: quantity if metric == "UsageQuantity" else money for metric in question.metrics}


def extend() -> None:
    """Teach moto this operation."""
    setattr(CostExplorerResponse, get_cost_and_usage.__name__, get_cost_and_usage)
