"""What AWS charges: tokens by hour, caller, model and class, at their price; beside them a credit and some storage."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

from sandbox.aws import catalog, prices
from sandbox.aws.usage import CACHE_READ, CACHE_WRITE_1H, CACHE_WRITE_5M, INPUT, OUTPUT, Invocation
from sandbox.company import Company

USAGE, CREDIT = "Usage", "Credit"
BEDROCK, STORAGE = "Amazon Bedrock", "Amazon Simple Storage Service"
# Of a US dollar: fine enough for a token of the cheapest class.
PICO = 10**12
# How bills call the classes; those sold through AWS Marketplace are called otherwise, below.
# https://docs.aws.amazon.com/bedrock/latest/userguide/cost-mgmt-understanding-cur-data.html
_USAGE_TYPES = {
    INPUT: "input-tokens",
    OUTPUT: "output-tokens",
    CACHE_READ: "cache-read-input-token-count",
    CACHE_WRITE_5M: "cache-write-input-token-count",
    CACHE_WRITE_1H: "cache-write-1h-input-token-count",
}
_MARKETPLACE_TYPES = {
    INPUT: "InputTokenCount",
    OUTPUT: "OutputTokenCount",
    CACHE_READ: "CacheReadInputTokenCount",
    CACHE_WRITE_5M: "CacheWriteInputTokenCount",
    CACHE_WRITE_1H: "CacheWrite1hInputTokenCount",
}
INFERENCE_TYPES = {
    INPUT: "Input tokens",
    OUTPUT: "Output tokens",
    CACHE_READ: "Cache read input tokens",
    CACHE_WRITE_5M: "Cache write input tokens",
    CACHE_WRITE_1H: "Cache write 1h input tokens",
}
# The models before these are products of AWS Marketplace, each with a service of its own.
_MARKETPLACE = ("Claude Sonnet 4", "Claude Sonnet 4.5", "Claude Haiku 4.5")
_REGION_CODES = {"eu-west-1": "EUW1", "ap-northeast-1": "APN1"}
_CREDIT_PERCENT = 10
_STORAGE_COST = PICO * 23 // 1000  # a terabyte of logs for a day, nearly


@dataclass(frozen=True, slots=True)
class Charge:
    """One hour's line of a bill; `amount` in millionths of a millionth of a US dollar.

    `model` and `token_class` are empty for what is not an inference, `principal` and `owner` for what nobody called.
    """

    hour: datetime
    account: str
    region: str
    principal: str
    owner: str
    model: str
    token_class: str
    service: str
    usage_type: str
    tokens: int
    amount: int
    record_type: str = USAGE

    @property
    def is_marketplace(self) -> bool:
        return "-MP:" in self.usage_type


def base_model(company: Company, row: Invocation) -> tuple[str, bool]:
    """The model that an invocation ran, and whether anywhere in the world, which costs less."""
    profile = catalog.find_profile(company, row.account, row.region, row.model_id)
    if profile is not None:
        return profile.model_id, any(not arn.split(":")[3] for arn in profile.model_arns)
    name = row.model_id.rpartition("/")[2]
    prefix, found, model = name.partition(".anthropic.")
    return (f"anthropic.{model}", prefix == "global") if found else (name, False)


def billed_until(company: Company, today: date) -> datetime:
    """The bill lags behind: before this moment it is complete, after it, it is empty."""
    lag = company.usage.billing_lag_days if company.usage else 0
    return datetime.combine(today - timedelta(days=lag - 1), time(), UTC)


def charges(company: Company, rows: Sequence[Invocation], today: date) -> list[Charge]:
    """Everything that is on the bill by now, by the hour."""
    billed = [row for row in rows if row.at < billed_until(company, today)]
    found = list(_inference(company, billed))
    return sorted([*found, *_beside(found)], key=lambda charge: (charge.hour, charge.account, charge.principal))


def _inference(company: Company, rows: Sequence[Invocation]) -> Iterator[Charge]:
    models: dict[tuple[str, str, str], tuple[str, bool]] = {}
    tokens: dict[tuple[datetime, str, str, str, str, str, bool, str], int] = defaultdict(int)
    for row in rows:
        place = (row.account, row.region, row.model_id)
        model, is_global = models[place] = models.get(place) or base_model(company, row)
        for token_class, count in row.tokens.items():
            tokens[row.hour, *place[:2], row.principal, row.owner, model, is_global, token_class] += count
    rates: dict[tuple[str, str, bool, str], int] = {}
    for (hour, account, region, principal, owner, model, is_global, token_class), count in tokens.items():
        name, priced = prices.model_name(company, model), (account, model, is_global, token_class)
        if priced not in rates:
            rates[priced] = prices.rate(company, account, model, token_class, is_global=is_global)
        yield Charge(
            hour=hour,
            account=account,
            region=region,
            principal=principal,
            owner=owner,
            model=name,
            token_class=token_class,
            service=f"{name} (Amazon Bedrock Edition)",
            usage_type=_usage_type(region, model, name, token_class, is_global=is_global),
            tokens=count,
            amount=count * rates[priced],
        )


def _usage_type(region: str, model: str, name: str, token_class: str, *, is_global: bool) -> str:
    code = _REGION_CODES[region]
    if name in _MARKETPLACE:
        return f"{code}-MP:{code}_{_MARKETPLACE_TYPES[token_class]}{'_Global' if is_global else ''}-Units"
    suffix = "-cross-region-global" if is_global else ""
    return f"{code}-{prices.short_name(model)}-{_USAGE_TYPES[token_class]}{suffix}"


def _beside(found: Sequence[Charge]) -> Iterator[Charge]:
    """A credit of so much of each account's day, and what keeping the logs costs: nobody's, and of no model."""
    days: dict[tuple[datetime, str], int] = defaultdict(int)
    for charge in found:
        days[charge.hour.replace(hour=0), charge.account] += charge.amount
    for (day, account), amount in days.items():
        place = (day, account, "eu-west-1", "", "", "", "")
        credit = -amount * _CREDIT_PERCENT // 100
        yield Charge(*place, service=BEDROCK, usage_type="", tokens=0, amount=credit, record_type=CREDIT)
        yield Charge(*place, service=STORAGE, usage_type="EUW1-TimedStorage-ByteHrs", tokens=0, amount=_STORAGE_COST)
