"""CloudWatch's own count of tokens, held against the ledger: the one thing that notices what no log ever said.

It knows days and models, not people. https://docs.aws.amazon.com/bedrock/latest/userguide/monitoring.html
"""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import structlog
from django.db.models import Max, Sum

from onboarding.aws import AwsError, NoAnswer, metrics, refusals_expected
from onboarding.aws.session import Access
from onboarding.catalog import REGION_NAMES, partition_of
from onboarding.costs.problems import problem_of
from onboarding.models import Account, ControlTotal, LogSource, UsageEntry

log = structlog.get_logger(__name__)

_EVERY = dt.timedelta(hours=1)
# The whole days that are read the first time, which begins ninety days ago. CloudWatch keeps days for longer.
_BACK = dt.timedelta(days=89)
# A day's total may grow a little after it is over.
_AGAIN = dt.timedelta(days=2)
_BATCH = 500
# A share of what was counted that is no difference.
_NOTHING = 0.01
# Regions that give no answer one after the other, until an account is left alone: each takes half a minute.
_PATIENCE = 3


@dataclass(frozen=True, slots=True)
class Difference:
    """One day of one Region: tokens that CloudWatch counted, and those in the ledger, of every class."""

    account: Account
    region: str
    day: dt.date
    counted: int
    logged: int

    @property
    def missing(self) -> int:
        return self.counted - self.logged

    @property
    def share(self) -> float:
        """How much of what CloudWatch counted is missing, from 0 to 1; below 0 where the ledger has more."""
        return self.missing / self.counted if self.counted else 0.0

    @property
    def is_gap(self) -> bool:
        """More than one in a hundred is missing. Less is what is on its way, or a request at midnight."""
        return self.share > _NOTHING

    @property
    def is_surplus(self) -> bool:
        """The ledger has more than one in a hundred that CloudWatch did not count, which no delivery explains."""
        return self.share < -_NOTHING


def refresh(source: LogSource, now: dt.datetime) -> None:
    """Read a source's totals again, at most once an hour. Never raises for anything AWS does."""
    if source.control_at is not None and now < source.control_at + _EVERY:
        return
    try:
        _read(source.account, source.region, now.date())
    except AwsError as error:
        log.warning("control.problem", source=str(source), operation=error.operation, detail=error.detail)
        source.control_problem = problem_of(error)
    else:
        source.control_problem, source.control_at = "", now
    LogSource.objects.filter(pk=source.pk).update(control_at=source.control_at, control_problem=source.control_problem)


def look_elsewhere(now: dt.datetime, *, after: int = 0) -> Iterator[int]:
    """Read the totals of the Regions that no log is read of: somebody whose machine says another Region than their
    plan does is in no log that Onramp looks for. Account by account, and after each its primary key; `after` is where
    to go on.

    Never raises for anything AWS does: an account may have Regions that it did not switch on, or may not use.
    """
    for account in Account.objects.filter(pk__gt=after).order_by("pk"):
        read = set(LogSource.objects.filter(account=account).values_list("region", flat=True))
        partitions = {partition_of(region) for region in read} or {"aws"}
        _look_into(
            account,
            [region for region in REGION_NAMES if region not in read and partition_of(region) in partitions],
            now.date(),
        )
        yield account.pk


def _look_into(account: Account, regions: Sequence[str], today: dt.date) -> None:
    unanswered = 0
    for region in regions:
        try:
            with refusals_expected():
                _read(account, region, today)
        except AwsError as error:
            log.info("control.not_looked_into", account=str(account), region=region, detail=str(error))
            unanswered = unanswered + 1 if isinstance(error, NoAnswer) else 0
        else:
            unanswered = 0
        if unanswered == _PATIENCE:
            return


def _read(account: Account, region: str, today: dt.date) -> None:
    """Ask for what is new, and keep it. Raises AwsError."""
    known = ControlTotal.objects.filter(account=account, region=region, day__gt=today - _BACK)
    newest = known.aggregate(day=Max("day"))["day"]
    totals = metrics.token_totals(
        region=region,
        since=min(newest, today) - _AGAIN if newest else today - _BACK,
        until=today + dt.timedelta(days=1),
        access=Access(account.role_arn, account.external_id),
        models=set(known.values_list("model_id", flat=True)),
    )
    rows = [
        ControlTotal(
            account=account,
            region=region,
            day=total.day,
            model_id=total.model_id,
            metered_class=total.metered_class,
            tokens=total.tokens,
        )
        for total in totals
    ]
    ControlTotal.objects.bulk_create(
        rows,
        batch_size=_BATCH,
        update_conflicts=True,
        update_fields=["tokens", "fetched_at"],
        unique_fields=["account", "region", "day", "model_id", "metered_class"],
    )


def differences(since: dt.date, until: dt.date) -> list[Difference]:
    """Each day and Region that CloudWatch or the ledger knows of, before `until`, by day: three queries."""
    accounts = Account.objects.in_bulk()
    days: dict[tuple[dt.date, int, str], list[int]] = defaultdict(lambda: [0, 0])
    counted = ControlTotal.objects.filter(day__gte=since, day__lt=until).values_list("day", "account", "region")
    for *place, tokens in counted.annotate(total=Sum("tokens")).order_by():
        days[place[0], place[1], place[2]][0] = tokens
    logged = UsageEntry.objects.filter(day__gte=since, day__lt=until)
    by_place = logged.values_list("day", "meter__account", "meter__region").annotate(total=Sum("tokens")).order_by()
    for *place, tokens in by_place:
        days[place[0], place[1], place[2]][1] = tokens
    return [Difference(accounts[account], region, day, *both) for (day, account, region), both in sorted(days.items())]
