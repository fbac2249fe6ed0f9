"""What the ledger may lack: every cost page says it, so that a gap is never taken for nothing used."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass

from django.db.models import Max, Min, Q
from django.utils.formats import date_format
from django.utils.functional import Promise
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from onboarding.catalog import region_label
from onboarding.costs.control import Difference, differences
from onboarding.costs.money import digits
from onboarding.enums import Problem
from onboarding.models import Account, Ingestion, LogSource, PlanRevision

# Runs come every five minutes; one or two may be lost without a word.
STALLED = dt.timedelta(minutes=30)
# How far back gaps and unreadable lines are told, also on a page of fewer days.
_TOLD = dt.timedelta(days=62)

Text = str | Promise

# Title, sentence, remedy.
_WORDS: Mapping[str, tuple[Text, Text, Text]] = {
    "off": (
        _("Invocation logging is off in %(region)s"),
        _("Calls from account %(account)s leave no record there since %(since)s. What they cost is in no estimate."),
        _("Switch invocation logging on in Bedrock's settings of that Region. Counts suffice."),
    ),
    "missing": (
        _("Usage in %(region)s was never looked up"),
        _("A plan calls from that Region of account %(account)s, and Onramp has not looked for its logs yet."),
        _("Onramp looks for them within minutes. If this stays, its workers do not run."),
    ),
    "unread": (
        _("Usage in %(region)s is being read for the first time"),
        _("What account %(account)s used there is not in these figures yet."),
        _("Wait a few minutes. The first time, Onramp reads up to 90 days."),
    ),
    "before": (
        _("Usage in %(region)s before %(since)s was never read"),
        _("What account %(account)s used there before that day is in no figure."),
        _("An operator can read what the logs still hold: manage.py ingest_usage --days."),
    ),
    "problem": (
        _("Usage in %(region)s could not be read"),
        _("%(problem)s, since %(since)s: %(detail)s. Account %(account)s may have used more than these figures say."),
        _("Onramp tries again every five minutes. Its own AWS access is described in the operations guide."),
    ),
    "fault": (
        _("Usage in %(region)s could not be read"),
        _("%(problem)s, since %(since)s: %(detail)s. Account %(account)s may have used more than these figures say."),
        _("Onramp tries again every five minutes. If this stays, look for ingestion.fault in the workers' log."),
    ),
    "stalled": (
        _("Usage in %(region)s has not been read since %(since)s"),
        _("Account %(account)s may have used more than these figures say."),
        _("See that Onramp's workers and its beat run."),
    ),
    "elsewhere": (
        _("Bedrock was used in %(region)s, and nobody reads its logs there"),
        _(
            "CloudWatch counted %(missing)s tokens of account %(account)s there from %(since)s to %(last)s."
            " No plan calls from that Region, so they are in no figure."
        ),
        _("See whose AWS_REGION names it. Once a plan calls from there, its logs are read; a policy can forbid it."),
    ),
    "gap": (
        _("Usage is missing on %(since)s in %(region)s"),
        _("CloudWatch counted %(missing)s tokens of account %(account)s that no log has: %(percent)s%% of that day."),
        _("See whether logging was off that day. What was not logged cannot be told by person any more."),
    ),
    "gaps": (
        _("Usage is missing on %(days)s days in %(region)s"),
        _("CloudWatch counted %(missing)s tokens of account %(account)s from %(since)s to %(last)s that no log has."),
        _("The reconciliation names the days. What was not logged cannot be told by person any more."),
    ),
    "unreadable": (
        _("Some log lines of %(region)s could not be read"),
        _(
            "At least %(lines)s lines or files of account %(account)s could not be read since %(since)s. Unless they "
            "were read later, they are in no figure."
        ),
        _("The workers' log names the files."),
    ),
    "too-old": (
        _("Some log lines of %(region)s came too late"),
        _("At least %(lines)s lines of account %(account)s were more than 100 days old, and were not counted."),
        _("They can be found in the logs themselves."),
    ),
    "no-control": (
        _("CloudWatch's totals of %(region)s could not be read"),
        _("%(problem)s. Nobody can tell whether all usage of account %(account)s there was logged."),
        _("Onramp tries again every five minutes. Its own AWS access is described in the operations guide."),
    ),
}


@dataclass(frozen=True, slots=True)
class CoverageWarning:
    """What these figures may lack, in one Region of one account."""

    kind: str
    account: Account
    region: str
    since: dt.datetime | dt.date | None = None
    details: tuple[tuple[str, object], ...] = ()

    @property
    def title(self) -> str:
        return self._words(0)

    @property
    def text(self) -> str:
        return self._words(1)

    @property
    def remedy(self) -> str:
        return self._words(2)

    def _words(self, which: int) -> str:
        values: dict[str, object] = {
            "region": region_label(self.region),
            "account": str(self.account),
            "since": _date(self.since),
            **dict(self.details),
        }
        return str(_WORDS[self.kind][which]) % values


def _date(moment: dt.datetime | dt.date | None) -> str:
    if moment is None:
        return ""
    # Translators: Django's date format for `20 Nov 2026`; languages that write months small take b for M.
    day = date_format(moment, gettext("j M Y"))
    return f"{day}, {moment:%H:%M} UTC" if isinstance(moment, dt.datetime) else day


def warnings(now: dt.datetime, *, since: dt.date | None = None, until: dt.date | None = None) -> list[CoverageWarning]:
    """Everything that the figures may lack, the gravest first. A constant number of queries.

    `since` and `until` are the days that a page shows, of which `until` is left out; without them, those lately.
    """
    today = now.date()
    first, last = today - _TOLD, today
    if since is not None and since < first:
        first, last = since, min(until or today, today)
    sources = list(LogSource.objects.select_related("account").order_by("account__account_id", "region"))
    found = [*_missing(sources), *(each for source in sources for each in _of_source(source, now))]
    found += _before(sources, since or first)
    found += _of_runs(sources, first)
    found += _gaps(first, last, {(source.account_id, source.region) for source in sources})
    order = list(_WORDS)
    return sorted(found, key=lambda warning: order.index(warning.kind))


def as_of() -> dt.datetime | None:
    """Up to when usage was read everywhere it is logged; None while something was never read."""
    sources = LogSource.objects.exclude(destination="")
    if sources.filter(read_until=None).exists():
        return None
    found: dt.datetime | None = sources.aggregate(until=Min("read_until"))["until"]
    return found


def _missing(sources: list[LogSource]) -> Iterator[CoverageWarning]:
    known = {(source.account_id, source.region) for source in sources}
    used = PlanRevision.objects.filter(is_current=True, plan__teams__isnull=False).select_related("account")
    places = {(revision.account_id, revision.region): revision.account for revision in used.order_by()}
    for (account_id, region), account in sorted(places.items()):
        if (account_id, region) not in known:
            yield CoverageWarning("missing", account, region)


def problem_kind(problem: str) -> str:
    """Of a warning about a source that could not be read: what to do differs by whose fault it is."""
    return "fault" if problem == Problem.FAULT else "problem"


def _of_source(source: LogSource, now: dt.datetime) -> Iterator[CoverageWarning]:
    place = (source.account, source.region)
    if source.problem:
        yield CoverageWarning(
            problem_kind(source.problem),
            *place,
            source.problem_since,
            (("problem", Problem(source.problem).label), ("detail", source.problem_detail)),
        )
    elif source.read_at is None:
        yield CoverageWarning("unread", *place)
    elif not source.destination:
        yield CoverageWarning("off", *place, source.off_since)
    elif source.read_at < now - STALLED:
        yield CoverageWarning("stalled", *place, source.read_at)
    if source.control_problem:
        yield CoverageWarning("no-control", *place, None, (("problem", Problem(source.control_problem).label),))


def _before(sources: list[LogSource], shown: dt.date) -> Iterator[CoverageWarning]:
    """Where the days shown begin before those that were ever read."""
    for source in sources:
        if source.read_at and source.read_from and source.read_from.date() > shown:
            yield CoverageWarning("before", source.account, source.region, source.read_from.date())


def _of_runs(sources: list[LogSource], first: dt.date) -> Iterator[CoverageWarning]:
    """Runs read again what others read: the most that one of them met is the least that was lost."""
    by_pk = {source.pk: source for source in sources}
    has_unreadable, has_too_old = Q(unreadable__gt=0), Q(too_old__gt=0)
    began = dt.datetime.combine(first, dt.time(), dt.UTC)
    runs = Ingestion.objects.filter(has_unreadable | has_too_old, queued_at__gte=began).order_by()
    found = runs.values_list("source").annotate(
        most_unreadable=Max("unreadable"),
        unreadable_since=Min("queued_at", filter=has_unreadable),
        most_too_old=Max("too_old"),
        too_old_since=Min("queued_at", filter=has_too_old),
    )
    for pk, *both in found:
        source = by_pk[pk]
        for kind, lines, since in (("unreadable", *both[:2]), ("too-old", *both[2:])):
            if lines:
                yield CoverageWarning(kind, source.account, source.region, since.date(), (("lines", digits(lines)),))


def _gaps(since: dt.date, until: dt.date, read: Collection[tuple[int, str]]) -> Iterator[CoverageWarning]:
    """One a Region; `read` are those that have a source. Whole days only: today's usage is on its way."""
    found: dict[tuple[Account, str], list[Difference]] = {}
    for day in differences(since, until):
        if day.is_gap:
            found.setdefault((day.account, day.region), []).append(day)
    for place, days in found.items():
        missing = ("missing", digits(sum(day.missing for day in days)))
        account, region = place
        if (account.pk, region) not in read:
            last = ("last", _date(days[-1].day))
            yield CoverageWarning("elsewhere", account, region, days[0].day, (missing, last))
        elif len(days) == 1:
            yield CoverageWarning("gap", *place, days[0].day, (missing, ("percent", round(days[0].share * 100))))
        else:
            more = (missing, ("days", len(days)), ("last", _date(days[-1].day)))
            yield CoverageWarning("gaps", *place, days[0].day, more)
