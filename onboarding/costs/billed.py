"""What AWS charged, as it was last read. It is never added to an estimate.

Of an account's day one source counts: the Cost and Usage Report where it has anything of that day, else Cost
Explorer. What was read of a report that the account no longer names is kept, and counts nowhere. Amounts are US
dollars, days UTC days, and `until` is the first day that is left out.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from decimal import Decimal
from functools import reduce
from operator import or_

from django.conf import settings
from django.db.models import Count, Exists, Max, OuterRef, Q, QuerySet, Sum
from django.db.models.functions import Coalesce
from django.utils import timezone

from onboarding.aws.billing import REQUEST_COST
from onboarding.costs.money import usd
from onboarding.enums import BilledSource, RunState
from onboarding.models import BilledCost, BillingFetch, UsageEntry

# Charges arrive within two days: https://docs.aws.amazon.com/cost-management/latest/userguide/ce-what-is.html says 24
# hours of Cost Explorer, and reports come up to three times a day after that.
SETTLED_AFTER = dt.timedelta(hours=48)
# Rows, and fetches, of a report that its account no longer has.
_GONE = Q(source=BilledSource.COST_REPORT, account__cost_report="")


@dataclass(frozen=True, slots=True)
class Billed:
    """`amount` is None where nothing was billed or read. Up to and with `as_of` every day is billed in full, in every
    account that counts; `sources` are those that count, as BilledSource has them. `is_estimated`: AWS may still change
    some of it.
    """

    amount: Decimal | None
    as_of: dt.date | None
    sources: tuple[str, ...]
    is_estimated: bool = False

    @property
    def source_names(self) -> tuple[str, ...]:
        """In the reader's language."""
        return tuple(str(BilledSource(source).label) for source in self.sources)


@dataclass(frozen=True, slots=True)
class Requests:
    """The requests to Cost Explorer of the present month, what they cost in US dollars, and how many may be made."""

    count: int
    cost: Decimal
    cap: int

    @property
    def is_used_up(self) -> bool:
        return self.count >= self.cap


def counted(since: dt.date, until: dt.date, *, account_ids: Collection[int] | None = None) -> QuerySet[BilledCost]:
    """The rows that count, in no order. `account_ids` are primary keys; None: every account."""
    reported = BilledCost.objects.filter(
        source=BilledSource.COST_REPORT, account=OuterRef("account"), day=OuterRef("day")
    )
    rows = BilledCost.objects.filter(day__gte=since, day__lt=until).exclude(_GONE).order_by()
    if account_ids is not None:
        rows = rows.filter(account__in=account_ids)
    return rows.filter(Q(source=BilledSource.COST_REPORT) | Q(account__cost_report="") | ~Exists(reported))


def account_ids_of(since: dt.date, until: dt.date) -> QuerySet[BilledCost, int]:
    """The accounts of which something counts: a day that one of its rows is left out of has another that counts."""
    return BilledCost.objects.filter(day__gte=since, day__lt=until).exclude(_GONE).values_list("account_id", flat=True)


def totals(since: dt.date, until: dt.date, *, account_ids: Collection[int] | None = None) -> Billed:
    """Everything that was billed for some days: one query, and one where an account's last charge lies behind."""
    rows = list(
        counted(since, until, account_ids=account_ids)
        .values_list("account", "source")
        .annotate(
            billionths=Sum("amount"),
            last=Max("day"),
            read_at=Max("fetched_at"),
            estimated=Count("pk", filter=Q(is_estimated=True)),
        )
    )
    if not rows:
        return Billed(None, None, ())
    settled: dict[int, dt.date] = {}
    charged: dict[int, dt.date] = {}
    for account, _source, _amount, last, read_at, _estimated in rows:
        day = min(last, last_settled_day(read_at))
        settled[account] = max(day, settled.get(account, day))
        charged[account] = max(last, charged.get(account, last))
    as_of, sources = _as_of(settled, charged), {source for _account, source, *_ in rows}
    return Billed(
        amount=usd(sum(int(amount) for _account, _source, amount, *_ in rows)),
        as_of=as_of if as_of >= since else None,
        sources=tuple(source for source in BilledSource if source in sources),
        is_estimated=any(estimated for *_, estimated in rows),
    )


def _as_of(settled: Mapping[int, dt.date], charged: Mapping[int, dt.date]) -> dt.date:
    """Up to when every account is billed in full, from the last days of each that are settled, and that have a charge.

    An account without a charge since, in which nothing was used until the others' last day, is idle and not late.
    """
    newest = max(settled.values())
    behind = {account: day for account, day in settled.items() if day < newest and day == charged[account]}
    since = [Q(meter__account=account, day__gt=day) for account, day in behind.items()]
    used = UsageEntry.objects.filter(reduce(or_, since), day__lte=newest) if since else UsageEntry.objects.none()
    idle = behind.keys() - set(used.values_list("meter__account", flat=True).distinct())
    return min(day for account, day in settled.items() if account not in idle)


def last_settled_day(read_at: dt.datetime) -> dt.date:
    """The last day whose charges had all arrived when they were read."""
    return (read_at - SETTLED_AFTER).date() - dt.timedelta(days=1)


def by_person(since: dt.date, until: dt.date) -> dict[int, Decimal]:
    """By people's primary keys: one query. What AWS bills to nobody, or to callers nobody claimed, is not in it."""
    rows = counted(since, until).filter(caller__person__isnull=False).values_list("caller__person")
    return {person: usd(int(amount)) for person, amount in rows.annotate(billionths=Sum("amount"))}


def by_model(since: dt.date, until: dt.date) -> dict[str, Decimal]:
    """By AWS's names, such as `Claude Sonnet 4.6`, which are those of `catalog.model_label`; empty for what Bedrock
    charges beside its models. One query."""
    rows = counted(since, until).values_list("model").annotate(billionths=Sum("amount"))
    return {model: usd(int(amount)) for model, amount in rows}


def by_day(since: dt.date, until: dt.date) -> dict[dt.date, Decimal]:
    """Of the days that were billed: one query."""
    rows = counted(since, until).values_list("day").annotate(billionths=Sum("amount"))
    return {day: usd(int(amount)) for day, amount in rows}


# --- How it was read


def requests_this_month() -> Requests:
    """One query."""
    count = requests_in(timezone.now())
    return Requests(count, count * REQUEST_COST, settings.ONRAMP_COST_EXPLORER_REQUESTS)


def requests_in(moment: dt.datetime, *, lock: bool = False) -> int:
    """How many requests were made by the fetches that a worker began in the month of a moment.

    One that waited over the turn of a month counts in the month that AWS charges. A lock holds until the end of the
    transaction.
    """
    first = moment.astimezone(dt.UTC).replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    following = (first + dt.timedelta(days=32)).replace(day=1)
    began = Coalesce("started_at", "queued_at")
    fetches = BillingFetch.objects.alias(began=began).filter(began__gte=first, began__lt=following)
    if lock:
        fetches = fetches.select_for_update().order_by("pk")
    return sum(fetches.values_list("requests", flat=True))


def last_fetches() -> list[BillingFetch]:
    """The newest fetch that ended of each account and source, with its account: what a page says about how fresh the
    figures are, and which `problem` there was. A report that an account no longer has is none. Two queries."""
    ended = BillingFetch.objects.filter(state=RunState.DONE).exclude(_GONE).order_by()
    newest = ended.values("account", "source").annotate(newest=Max("pk"))
    fetches = BillingFetch.objects.filter(pk__in=[row["newest"] for row in newest]).select_related("account")
    return list(fetches.order_by("account__account_id", "source"))


def problems() -> list[BillingFetch]:
    """Those of `last_fetches` that could not be read, do not say of whom they are, or lack the newest days."""
    return [fetch for fetch in last_fetches() if fetch.problem]
