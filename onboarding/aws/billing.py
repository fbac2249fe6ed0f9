"""Cost Explorer: what AWS charged for Bedrock, by day, model, and the value of one tag of who called it.

Each request costs the account $0.01, each page and each attempt one more:
https://aws.amazon.com/aws-cost-management/aws-cost-explorer/pricing/
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from onboarding.aws.errors import NoAnswer, Refused, mapped, reading
from onboarding.aws.session import Access, client

# Cost Explorer answers from here for every Region.
REGION = "us-east-1"
# Before it, Cost Explorer knows no product attributes, and refuses to group by one.
# https://docs.aws.amazon.com/aws-cost-management/latest/APIReference/API_ProductAttributeValues.html
FIRST_DAY = dt.date(2026, 9, 1)
# Accounts of AWS in China are billed in another currency; figures here are dollars, and nothing is converted.
CURRENCY = "USD"
REQUEST_COST = Decimal("0.01")

_BY_MODEL = {"Type": "PRODUCT_ATTRIBUTE", "Key": "model"}


@dataclass(frozen=True, slots=True)
class DailyCost:
    """US dollars of one UTC day. `principal` is the tag's value, empty where nothing is tagged; `model` is AWS's name
    for it, such as `Claude Sonnet 4.6`. What `is_estimated` may still change.
    """

    day: dt.date
    principal: str
    model: str
    amount: Decimal
    is_estimated: bool


def daily_costs(
    *, since: dt.date, until: dt.date, account_id: str, tag: str, access: Access, on_request: Callable[[], None]
) -> list[DailyCost]:
    """What the account was charged for Bedrock on the days from `since` to before `until`.

    `tag` is the key of a tag of principals as IAM spells it; by model alone without one. `on_request` is called
    before each request, and what it raises ends the asking. Nothing is answered for the days before FIRST_DAY, nor
    while Cost Explorer says that it has no data yet. Model names are told of Bedrock only, so that no filter for a
    service is needed, and one would miss those models that AWS sells under a service name of their own. What has no
    model is left out: it is the account's storage, its machines, and all else. Raises AwsError, and so for a bill
    in another currency.
    """
    explorer = client("ce", region=REGION, access=access)
    ask = _Asking(max(since, FIRST_DAY), until, account_id, explorer, on_request)
    if ask.since >= until:
        return []
    if not tag:
        return ask.costs([_BY_MODEL])
    # Both spellings of a tag's key were seen; AWS documents the first. An unknown key is no error: all is untagged
    # then.
    costs = ask.costs([_by_tag(f"iamPrincipal/{tag}"), _BY_MODEL])
    if not costs or any(cost.principal for cost in costs):
        return costs
    return ask.costs([_by_tag(tag), _BY_MODEL]) or costs


def _by_tag(key: str) -> dict[str, str]:
    return {"Type": "TAG", "Key": key}


def _dimension(key: str, value: str) -> dict[str, Any]:
    return {"Dimensions": {"Key": key, "Values": [value]}}


@dataclass(frozen=True, slots=True)
class _Asking:
    since: dt.date
    until: dt.date
    account_id: str
    explorer: Any
    on_request: Callable[[], None]

    def costs(self, groups: list[dict[str, str]]) -> list[DailyCost]:
        """Nothing where Cost Explorer has no data yet."""
        try:
            pages = list(self._pages(groups))
        except Refused as error:
            if error.code != "DataUnavailableException":
                raise
            return []
        return [cost for page in pages for day in page["ResultsByTime"] for cost in _costs(day, groups)]

    @property
    def _wanted(self) -> dict[str, Any]:
        """What was used, at what it cost: credits would bring a day's cost to nothing. And of this account alone: one
        that pays for others is answered about all of them.
        """
        return {"And": [_dimension("RECORD_TYPE", "Usage"), _dimension("LINKED_ACCOUNT", self.account_id)]}

    def _pages(self, groups: list[dict[str, str]]) -> Iterator[dict[str, Any]]:
        arguments: dict[str, Any] = {
            "TimePeriod": {"Start": self.since.isoformat(), "End": self.until.isoformat()},
            "Granularity": "DAILY",
            "Metrics": ["UnblendedCost"],
            "GroupBy": groups,
            "Filter": self._wanted,
        }
        while True:
            page = self._page(arguments)
            yield page
            if not page.get("NextPageToken"):
                return
            arguments["NextPageToken"] = page["NextPageToken"]

    def _page(self, arguments: dict[str, Any]) -> dict[str, Any]:
        self.on_request()
        try:
            with mapped("ce:GetCostAndUsage"):
                page: dict[str, Any] = self.explorer.get_cost_and_usage(**arguments)
                page["ResultsByTime"]
        except Refused as error:
            if error.code == "LimitExceededException":
                # Cost Explorer's name for too many calls in a short time.
                raise NoAnswer(error.operation, error.code, throttled=True) from error
            raise
        return page


def _costs(day: dict[str, Any], groups: list[dict[str, str]]) -> Iterator[DailyCost]:
    """The models of a day that cost something. Keys of groups are `key$value`, in the order they were asked for."""
    with reading("ce:GetCostAndUsage"):
        for group in day.get("Groups", []):
            values = [key.partition("$")[2] for key in group["Keys"]]
            cost = group["Metrics"]["UnblendedCost"]
            amount = Decimal(cost["Amount"])
            if amount and cost["Unit"] != CURRENCY:
                raise Refused("ce:GetCostAndUsage", f"the bill is in {cost['Unit']}", code="OtherCurrency")
            if amount and values[-1]:
                yield DailyCost(
                    day=dt.date.fromisoformat(day["TimePeriod"]["Start"]),
                    principal=values[0] if len(groups) > 1 else "",
                    model=values[-1],
                    amount=amount,
                    is_estimated=day.get("Estimated", False),
                )
