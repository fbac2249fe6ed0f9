"""Ingestion: read what Bedrock logged since the last time, source by source.

The row is the job. A run lists deliveries from a little before the watermark, reads those it has not read, and moves
the watermark when it is through; one that is killed leaves it where it was, and the next run counts nothing twice.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial

import structlog
from django.db import IntegrityError, InterfaceError, OperationalError, transaction
from django.utils import timezone

from onboarding import statuses
from onboarding.aws import AwsError, bedrock
from onboarding.costs import control, ledger
from onboarding.costs.callers import map_callers
from onboarding.costs.deliveries import Piece, deliveries
from onboarding.costs.iam_users import map_users
from onboarding.costs.problems import detail_of, fault_of, problem_of
from onboarding.costs.profiles import PromptLimits, access_to
from onboarding.costs.records import read_lines
from onboarding.costs.repricing import price_unpriced
from onboarding.costs.stalls import tell_of_logging_off
from onboarding.costs.tally import Tally
from onboarding.enums import Problem, RunState
from onboarding.models import Account, Ingestion, LogFile, LogSource, PlanRevision
from onboarding.models.jobs import LostLease

log = structlog.get_logger(__name__)

# Renewed with every commit, and in between. A worker that is killed is replaced this long after.
LEASE = dt.timedelta(seconds=75)
_RENEWED_EVERY = dt.timedelta(seconds=20)
# How far before the watermark deliveries are listed again. Listing an hour of files costs a call; reading a log group
# again costs what is read.
_OVERLAP_OF_FILES = dt.timedelta(hours=3)
_OVERLAP_OF_EVENTS = dt.timedelta(minutes=15)
# How far the nightly run looks back for what came late.
LATE = dt.timedelta(days=7)
# How far the first run of a source looks back.
BACKFILL = dt.timedelta(days=90)

# What was counted is written this often, and sooner where it grows: a commit costs as much as some 200,000 lines.
_COMMITTED_EVERY = dt.timedelta(seconds=30)
_LINES_A_COMMIT = 2_000_000
_SPOTS_A_COMMIT = 20_000


def find_sources() -> None:
    """A source for each Region of an account that a current plan calls from."""
    used = PlanRevision.objects.filter(is_current=True, plan__teams__isnull=False)
    for account, region in used.order_by().values_list("account", "region").distinct():
        LogSource.objects.get_or_create(account_id=account, region=region)


def open_ingestions(
    *, back: dt.timedelta = dt.timedelta(0), accounts: Sequence[Account] | None = None
) -> list[Ingestion]:
    """A run for every source: its live one where there is one, else a new one, which begins at least `back` ago."""
    find_sources()
    sources = LogSource.objects.order_by("account__account_id", "region")
    if accounts is not None:
        sources = sources.filter(account__in=accounts)
    runs = (_open(source, back) for source in sources)
    return [run for run in runs if run is not None]


def _open(source: LogSource, back: dt.timedelta) -> Ingestion | None:
    """None where one was opened and ended in this very moment. One that waits goes as far back as this one would."""
    since = _since(source, back, timezone.now())
    try:
        with transaction.atomic():
            return Ingestion.objects.create(source=source, since=since)
    except IntegrityError:
        live = Ingestion.objects.live().filter(source=source)
        live.filter(state=RunState.QUEUED, since__gt=since).update(since=since)
        return live.first()


def _since(source: LogSource, back: dt.timedelta, now: dt.datetime) -> dt.datetime:
    if source.read_until is None:
        return now - BACKFILL
    return min(source.read_until - _overlap(source.destination), now - back)


def _overlap(place: str) -> dt.timedelta:
    return _OVERLAP_OF_FILES if place.startswith("s3://") else _OVERLAP_OF_EVENTS


def run(ingestion_id: int) -> None:
    """Read a source and conclude the run.

    Does nothing when it is done or somebody else holds it. Raises when the database does not answer, so that the run
    is done again. Whatever else happens is a problem of the source, which stays until a run has none.
    """
    fence = Ingestion.objects.claim(ingestion_id, lease=LEASE)
    if fence is None:
        return
    row = Ingestion.objects.select_related("source__account").get(pk=ingestion_id)
    try:
        _Run(row).perform()
    except LostLease:
        log.warning("ingestion.lost_lease", ingestion_id=ingestion_id, fence=fence)
    except (OperationalError, InterfaceError):
        raise
    except Exception as fault:
        # Otherwise every worker in turn would fail at the same, and no page would say so.
        log.exception("ingestion.fault", ingestion_id=ingestion_id)
        _give_up(row, fault)


def _give_up(row: Ingestion, fault: Exception) -> None:
    try:
        _Run(row).conclude(Problem.FAULT, fault_of(fault))
    except LostLease:
        log.warning("ingestion.lost_lease", ingestion_id=row.pk, fence=row.fence)


@dataclass
class _Run:
    """One worker's run over a source. What it has counted and not yet written is `tally` and `files`."""

    row: Ingestion
    began_at: dt.datetime = field(default_factory=timezone.now)
    files: list[LogFile] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.source = self.row.source
        self.limits = PromptLimits(self.source)
        self.tally = self._fresh()
        self.held_at = self.committed_at = self.began_at
        self.until: dt.datetime | None = None

    def perform(self) -> None:
        try:
            self._look_up_destination()
            if places := self._places():
                self._read(places)
                ledger.resolve_meters(self.source, run=self.row, lease=LEASE)
                # In an upgrade, workers of the version before write usage without holding the prices.
                price_unpriced(since=self.row.since.date(), source=self.source)
                map_users(self.source)
        except AwsError as error:
            log.warning("ingestion.problem", source=str(self.source), operation=error.operation, detail=error.detail)
            self._compare()
            self.conclude(problem_of(error), detail_of(error))
        else:
            self._compare()
            if self.row.since.date() < self.began_at.date():
                # Of those who used it today, the sweeper tells every few minutes.
                statuses.refresh_used(self.row.since.date())
            self.conclude()

    def _look_up_destination(self) -> None:
        """Where the Region is logged now: S3 before a log group where it is both, since it is read for less."""
        places = bedrock.logging_destinations(region=self.source.region, access=access_to(self.source))
        before = self.source.destination
        self.source.destination = min(places, key=lambda place: not place.startswith("s3://"), default="")
        self.source.off_since = None if places else self.source.off_since or self.began_at
        if before and self.source.destination != before:
            self.source.left, self.source.left_at = before, self.began_at
        if places and self.source.read_until is None:
            self.source.read_from = self.source.read_from or self.row.since
        with transaction.atomic():
            self._hold("destination", "off_since", "left", "left_at", "read_from")
            if before and not places:
                tell_of_logging_off(self.source)

    def _places(self) -> dict[str, dt.datetime]:
        """Where to read, and from when on, in this order. What was used before logging went elsewhere, or off, is
        delivered to the old place and comes late: it is read for some hours, and after that by whatever run looks back
        beyond the move, as the nightly one does for a week.

        The old place comes first: the watermark is moved while the new one is read, and is for both.
        """
        source = self.source
        places: dict[str, dt.datetime] = {}
        if source.left_at and (self.row.since < source.left_at or self.began_at < source.left_at + _OVERLAP_OF_FILES):
            places[source.left] = min(self.row.since, source.left_at - _overlap(source.left))
        if source.destination:
            places[source.destination] = self.row.since
        return places

    def _read(self, places: Mapping[str, dt.datetime]) -> None:
        """What was read before a problem is kept, and no place keeps another from being read; but the watermark stays
        where it was, since the next run reads no place from before it.
        """
        problem = None
        for place, since in places.items():
            try:
                self._count_deliveries(place, since, is_followed=problem is None and place == self.source.destination)
            except AwsError as error:
                problem = problem or error
            finally:
                self._commit()
        if problem is not None:
            raise problem

    def _count_deliveries(self, place: str, since: dt.datetime, *, is_followed: bool) -> None:
        """The watermark follows one place, up to where all of it was read."""
        for piece in deliveries(self.source, place, since=since, until=self.began_at):
            self._count(piece)
            if is_followed and piece.until is not None:
                self.until = piece.until
            is_due = timezone.now() > self.committed_at + _COMMITTED_EVERY
            if is_due or self.tally.lines >= _LINES_A_COMMIT or self.tally.spots >= _SPOTS_A_COMMIT:
                self._commit()
            elif timezone.now() > self.held_at + _RENEWED_EVERY:
                self._hold()

    def _count(self, piece: Piece) -> None:
        self.tally.add(*read_lines(piece.lines))
        if piece.is_broken:
            self.tally.lines += 1
            self.tally.unreadable += 1
        if piece.file is not None:
            self.files.append(piece.file)

    def _commit(self) -> None:
        """Write what was counted. The files whose last lines came are whole; half a file is read again.

        It is put away first: whatever happens while it is written, it is not written a second time.
        """
        tally, files, until = self.tally, self.files, self.until
        self.tally, self.files, self.until = self._fresh(), [], None
        ledger.write(tally, source=self.source, run=self.row, lease=LEASE, files=files)
        if until is not None:
            self._move_watermark(until)
        self.held_at = self.committed_at = timezone.now()

    def _move_watermark(self, until: dt.datetime) -> None:
        """Say up to where a log group was read: months of one may take hours, and whoever goes on begins there. Of a
        bucket each file is known.
        """
        self.source.read_until = max(until, self.source.read_until or until)
        self._hold("read_until", since=max(self.row.since, until - _OVERLAP_OF_EVENTS))

    def _fresh(self) -> Tally:
        earlier = partial(ledger.earlier_requests, self.source)
        return Tally(earlier=earlier, now=self.began_at, limit=self.limits.__getitem__)

    def _compare(self) -> None:
        """Ask who else knows something: CloudWatch about the tokens, the portal's people about the callers."""
        control.refresh(self.source, self.began_at)
        map_callers()

    def conclude(self, problem: Problem | str = "", detail: str = "") -> None:
        self.source.problem, self.source.problem_detail = problem, detail
        if problem:
            self.source.problem_since = self.source.problem_since or self.began_at
        else:
            self.source.problem_since, self.source.read_at = None, self.began_at
            if self.source.destination:
                self.source.read_until = self.began_at
                self.source.read_from = self.source.read_from and min(self.source.read_from, self.row.since)
        self._hold(
            *("problem", "problem_detail", "problem_since", "read_at", "read_from", "read_until"),
            state=RunState.DONE,
            finished_at=timezone.now(),
            lease_until=None,
        )

    def _hold(self, *changed: str, **changes: object) -> None:
        """Renew the lease, and write these fields of the source, if this worker still holds it; raises LostLease."""
        with transaction.atomic():
            Ingestion.objects.hold(self.row.pk, self.row.fence, lease=LEASE, **changes)
            if changed:
                self.source.save(update_fields=changed)
        self.held_at = timezone.now()
