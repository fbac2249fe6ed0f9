"""What is known of the days that are reconciled: what AWS charged, what was logged, and what CloudWatch counted.

The days are those from `since` to before `until`; accounts are primary keys.
"""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import NamedTuple

from django.db.models import Count, Q, Sum

from onboarding.catalog import model_label
from onboarding.costs import billed
from onboarding.costs.money import usd
from onboarding.models import ApplicationProfile, ControlTotal, LogSource, UsageEntry


class Key(NamedTuple):
    """What a line is about. `account` is a primary key; `model` is a name, such as `Claude Sonnet 4.6`."""

    day: dt.date
    account: int
    model: str


class Bill(NamedTuple):
    amount: Decimal
    is_estimated: bool


class Usage(NamedTuple):
    """`cost` is None where nothing of it has a price."""

    cost: Decimal | None
    tokens: int
    unpriced: int


def bills(since: dt.date, until: dt.date, accounts: Collection[int]) -> dict[Key, Bill]:
    rows = billed.counted(since, until, account_ids=accounts).values_list("day", "account", "model")
    sums = rows.annotate(billionths=Sum("amount"), estimated=Count("pk", filter=Q(is_estimated=True)))
    return {Key(*key): Bill(usd(int(amount)), estimated > 0) for *key, amount, estimated in sums}


def usage(since: dt.date, until: dt.date, accounts: Collection[int]) -> dict[Key, Usage]:
    entries = UsageEntry.objects.filter(day__gte=since, day__lt=until, meter__account__in=accounts).order_by()
    sums = entries.values_list("day", "meter__account", "meter__model_id").annotate(
        billionths=Sum("cost"), count=Sum("tokens"), unpriced=Sum("tokens", filter=Q(rate__isnull=True))
    )
    found: dict[Key, Usage] = {}
    for day, account, model_id, amount, tokens, unpriced in sums:
        key = Key(day, account, model_label(model_id))
        before = found.get(key, Usage(None, 0, 0))
        cost = before.cost if amount is None else usd(int(amount)) + (before.cost or 0)
        found[key] = Usage(cost, before.tokens + int(tokens), before.unpriced + int(unpriced or 0))
    return found


@dataclass(frozen=True, slots=True)
class Counted:
    """Tokens that CloudWatch counted, and the days and Regions, of an account each, of which it counted any."""

    tokens: Mapping[Key, int]
    places: frozenset[tuple[dt.date, int, str]]


def counted(since: dt.date, until: dt.date, accounts: Collection[int]) -> Counted:
    profiles = _profiles()
    totals = ControlTotal.objects.filter(day__gte=since, day__lt=until, account__in=accounts, tokens__gt=0).order_by()
    sums = totals.values_list("day", "account", "region", "model_id").annotate(count=Sum("tokens"))
    tokens: dict[Key, int] = defaultdict(int)
    places = set()
    for day, account, region, named, count in sums:
        tokens[Key(day, account, model_label(profiles.get(named, named)))] += int(count)
        places.add((day, account, region))
    return Counted(tokens, frozenset(places))


def _profiles() -> dict[str, str]:
    """Models of application profiles by what CloudWatch may call them: AWS does not say whether ARN or id."""
    known = dict(ApplicationProfile.objects.values_list("arn", "model_id"))
    return known | {arn.rpartition("/")[2]: model_id for arn, model_id in known.items()}


def sources(accounts: Collection[int]) -> Mapping[int, list[LogSource]]:
    """Those of each account that has any."""
    found: dict[int, list[LogSource]] = defaultdict(list)
    for source in LogSource.objects.filter(account__in=accounts):
        found[source.account_id].append(source)
    return found
