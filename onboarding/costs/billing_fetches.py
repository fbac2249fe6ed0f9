"""What AWS charged, read once a day from Cost Explorer, and from a Cost and Usage Report where an account has one.

The row is the job. A fetch reads all of its days before it writes one, and what it writes takes the place of whatever
was there of its account, source and days: AWS restates days, and a fetch that runs twice changes nothing.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import groupby

import structlog
from django.conf import settings
from django.db import IntegrityError, InterfaceError, OperationalError, transaction
from django.db.models import F, Max
from django.utils import timezone

from onboarding.aws import AwsError, billing, cost_report
from onboarding.aws.session import Access
from onboarding.costs.billed import requests_in
from onboarding.costs.callers import IdentityMap, callers_for, keep_mapped
from onboarding.costs.money import billionths
from onboarding.costs.problems import detail_of, fault_of, problem_of
from onboarding.enums import BilledSource, Problem, RunState
from onboarding.models import Account, BilledCost, BillingFetch, Caller
from onboarding.models.jobs import LostLease

log = structlog.get_logger(__name__)

# Renewed with every request and every file. One request takes a minute at most, a file of a large export a few.
LEASE = dt.timedelta(minutes=10)
# How far the first reading of a source looks back.
_BACKFILL = dt.timedelta(days=90)
# AWS may restate a month that is over for about two weeks.
# https://docs.aws.amazon.com/cur/latest/userguide/dataexports-export-delivery.html
_CLOSED_AFTER = dt.timedelta(days=15)
# A worker that is ended while it reads cannot write that it gave up, and the next one would pay for the same again.
_TRIES = 5
_ASKED_EVERY = dt.timedelta(days=1)
# A report has a day a day or two later than Cost Explorer; whatever is longer on its way does not come by itself.
_LATE_AFTER = dt.timedelta(days=3)
_BATCH = 1000
_ARNS = 5000


def open_fetches(
    *, accounts: Iterable[Account] | None = None, since: dt.date | None = None, only_due: bool = False
) -> list[BillingFetch]:
    """A fetch for each account and source: the live one where there is one.

    From the first day that AWS may have restated, or from `since` on, to before today: a day that is not over is not
    billed. `only_due` leaves out what was asked within a day: workers that start again and again cost nothing.
    """
    today = timezone.now().date()
    asked = Account.objects.order_by("account_id") if accounts is None else accounts
    fetches = [
        _open(account, source, since or _first_day(account, source, today), today)
        for account in asked
        for source in _sources(account)
        if not (only_due and _was_asked(account, source))
    ]
    return [fetch for fetch in fetches if fetch is not None]


def _sources(account: Account) -> list[BilledSource]:
    """Both where a report is configured: it may lack days that Cost Explorer has."""
    return [BilledSource.COST_EXPLORER, *([BilledSource.COST_REPORT] if account.cost_report else [])]


def _was_asked(account: Account, source: BilledSource) -> bool:
    recent = BillingFetch.objects.filter(queued_at__gt=timezone.now() - _ASKED_EVERY)
    return recent.filter(account=account, source=source).exists()


def _open(account: Account, source: BilledSource, since: dt.date, today: dt.date) -> BillingFetch | None:
    """None where there is no whole day to ask about, or one was opened and ended in this very moment."""
    if since >= today:
        return None
    try:
        with transaction.atomic():
            return BillingFetch.objects.create(account=account, source=source, since=since, until=today)
    except IntegrityError:
        return BillingFetch.objects.live().filter(account=account, source=source).first()


def _first_day(account: Account, source: BilledSource, today: dt.date) -> dt.date:
    """The month to date, and before it the previous month until it is closed; more of it the first time.

    Where nothing was read for long, every month that was not closed then.
    """
    known = BilledCost.objects.filter(account=account, source=source)
    backfill = (today - _BACKFILL).replace(day=1)
    read_at: dt.datetime | None = known.aggregate(last=Max("fetched_at"))["last"]
    if read_at is None:
        return backfill
    month = today.replace(day=1)
    previous = (month - dt.timedelta(days=1)).replace(day=1)
    is_open = (
        today < month + _CLOSED_AFTER or known.filter(day__gte=previous, day__lt=month, is_estimated=True).exists()
    )
    open_then = (read_at.date() - _CLOSED_AFTER).replace(day=1)
    return min(previous if is_open else month, max(open_then, backfill))


def run(fetch_id: int) -> None:
    """Read what an account was billed, and keep it.

    Does nothing when the fetch is done or somebody else holds it. Never raises for anything AWS does: the problem is
    kept with the fetch, and what was known before it stays.
    """
    fence = BillingFetch.objects.claim(fetch_id, lease=LEASE)
    if fence is None:
        return
    fetch = BillingFetch.objects.select_related("account").get(pk=fetch_id)
    try:
        if fence > _TRIES:
            _Run(fetch).conclude(Problem.NO_ANSWER, f"{_TRIES} workers were ended while they read it")
        else:
            _Run(fetch).perform()
    except LostLease:
        log.warning("billing.lost_lease", fetch_id=fetch_id, fence=fence)
    except (OperationalError, InterfaceError):
        raise
    except Exception as fault:
        # Otherwise every worker in turn would ask again, and pay for it.
        log.exception("billing.fault", fetch_id=fetch_id)
        _give_up(fetch, fault)


def _give_up(fetch: BillingFetch, fault: Exception) -> None:
    try:
        _Run(fetch).conclude(Problem.FAULT, fault_of(fault))
    except LostLease:
        log.warning("billing.lost_lease", fetch_id=fetch.pk, fence=fetch.fence)


class _Capped(Exception):
    """The month's requests to Cost Explorer are used up."""


@dataclass
class _Run:
    """One worker's run of a fetch."""

    fetch: BillingFetch
    began_at: dt.datetime = field(default_factory=timezone.now)

    def perform(self) -> None:
        try:
            costs = self._read()
        except _Capped:
            self.conclude(Problem.CAPPED, f"ONRAMP_COST_EXPLORER_REQUESTS={settings.ONRAMP_COST_EXPLORER_REQUESTS}")
        except AwsError as error:
            log.warning("billing.problem", fetch=str(self.fetch), operation=error.operation, detail=error.detail)
            self.conclude(problem_of(error), detail_of(error))
        else:
            with transaction.atomic():
                # Before anything is written: whoever lost the lease writes nothing, and nobody writes beside this.
                self._hold()
                self._replace(costs)
                self.conclude(*self._doubts(costs))

    def _doubts(self, costs: Sequence[BilledCost]) -> tuple[Problem | str, str]:
        """What was read, and yet says less than it should: with a tag that nobody activated, AWS names nobody; and of
        an export that was deleted no file says so.
        """
        if self.fetch.source == BilledSource.COST_REPORT:
            return self._lateness()
        tag = self._tag
        is_told = not tag or not costs or any(cost.principal for cost in costs)
        return ("", "") if is_told else (Problem.UNTAGGED, f"iamPrincipal/{tag}, {tag}"[:300])

    def _lateness(self) -> tuple[Problem | str, str]:
        """Whether Cost Explorer has a day after the report's last that should have come long ago.

        Days of Cost Explorer alone: an account in which nothing was used has none, and its report is not late.
        """
        known = BilledCost.objects.filter(account=self.fetch.account)
        last: dt.date | None = known.filter(source=self.fetch.source).aggregate(last=Max("day"))["last"]
        lacking = known.filter(
            source=BilledSource.COST_EXPLORER,
            day__gt=last or dt.date.min,
            day__lt=self.began_at.date() - _LATE_AFTER,
        )
        if not lacking.exists():
            return "", ""
        until = f"last day {last.isoformat()}" if last else "no day yet"
        return Problem.LATE, f"{until}, {self.fetch.account.cost_report}"[:300]

    @property
    def _tag(self) -> str:
        """What Cost Explorer groups by. People are read from the report where there is one: by model alone, Cost
        Explorer needs fewer pages.
        """
        account = self.fetch.account
        is_asked = self.fetch.source == BilledSource.COST_EXPLORER and not account.cost_report
        return account.cost_tag if is_asked else ""

    def _read(self) -> list[BilledCost]:
        """The fetch's days as rows that are not written yet."""
        account, days = self.fetch.account, {"since": self.fetch.since, "until": self.fetch.until}
        access = Access(account.role_arn, account.external_id)
        if self.fetch.source == BilledSource.COST_EXPLORER:
            costs = billing.daily_costs(
                **days, account_id=account.account_id, tag=self._tag, access=access, on_request=self._spend_request
            )
            return [self._row(cost, is_estimated=cost.is_estimated) for cost in costs]
        lines = cost_report.report_lines(
            account.cost_report, **days, account_id=account.account_id, access=access, on_file=self._hold
        )
        return [self._row(line, is_estimated=_is_open(line.day, self.began_at.date())) for line in lines]

    def _row(self, cost: billing.DailyCost | cost_report.ReportLine, *, is_estimated: bool) -> BilledCost:
        return BilledCost(
            account=self.fetch.account,
            source=self.fetch.source,
            day=cost.day,
            principal=cost.principal[:600],
            model=cost.model[:200],
            amount=billionths(cost.amount),
            is_estimated=is_estimated,
            fetched_at=self.began_at,
        )

    @transaction.atomic
    def _spend_request(self) -> None:
        """Count a request before it is made: it is charged whatever becomes of it. Raises _Capped where none is left.

        The month's fetches are locked meanwhile, so that two workers do not both take the last one.
        """
        began_at = self.fetch.started_at or self.began_at
        if requests_in(began_at, lock=True) >= settings.ONRAMP_COST_EXPLORER_REQUESTS:
            raise _Capped
        self._hold(requests=F("requests") + 1)

    def _replace(self, costs: Sequence[BilledCost]) -> None:
        """Write what was read in the place of what was known.

        Nothing at all of a month is no reading: the export was moved, or Cost Explorer has no data yet. What is known
        of that month stays.
        """
        if not costs:
            return
        callers = _callers({cost.principal for cost in costs} - {""})
        for cost in costs:
            cost.caller = callers.get(cost.principal)
        known = BilledCost.objects.filter(account=self.fetch.account, source=self.fetch.source)
        for month in {cost.day.replace(day=1) for cost in costs}:
            following = (month + dt.timedelta(days=32)).replace(day=1)
            known.filter(day__gte=max(month, self.fetch.since), day__lt=min(following, self.fetch.until)).delete()
        BilledCost.objects.bulk_create(_once(costs), batch_size=_BATCH)

    def conclude(self, problem: Problem | str = "", detail: str = "") -> None:
        self._hold(
            state=RunState.DONE,
            problem=problem,
            problem_detail=detail,
            finished_at=timezone.now(),
            lease_until=None,
        )

    def _hold(self, **changes: object) -> None:
        """Renew the lease, and write to the fetch, if this worker still holds it; raises LostLease otherwise."""
        BillingFetch.objects.hold(self.fetch.pk, self.fetch.fence, lease=LEASE, **changes)


def _is_open(day: dt.date, today: dt.date) -> bool:
    """Whether AWS may still change a day of a report, which does not say so itself."""
    following_month = (day.replace(day=1) + dt.timedelta(days=32)).replace(day=1)
    return today < following_month + _CLOSED_AFTER


def _once(costs: Sequence[BilledCost]) -> list[BilledCost]:
    """Rows with one key become one: AWS tells apart names that are longer than their column."""

    def key(cost: BilledCost) -> tuple[dt.date, str, str]:
        return cost.day, cost.principal, cost.model

    merged = []
    for _, same in groupby(sorted(costs, key=key), key=key):
        first, *others = same
        first.amount += sum(other.amount for other in others)
        first.is_estimated = first.is_estimated or any(other.is_estimated for other in others)
        merged.append(first)
    return merged


def _callers(principals: set[str]) -> dict[str, Caller]:
    """The caller of each principal. The value of a tag is a caller, too, under that value in the place of an ARN: an
    admin can claim it as any other, and it is somebody's by itself where it is a user name or an e-mail.
    """
    ordered = sorted(principals)
    callers: dict[str, Caller] = {}
    for start in range(0, len(ordered), _ARNS):
        callers |= callers_for(ordered[start : start + _ARNS])
    values = [caller for caller in callers.values() if not caller.arn.startswith("arn:")]
    unmapped = [caller for caller in values if caller.person_id is None and not caller.claimed_by]
    identities, found = IdentityMap(), []
    for caller in unmapped:
        caller.person_id = identities.named(caller.arn)
        if caller.person_id:
            found.append(caller)
    keep_mapped(found)
    return callers
