"""Where people stand, worked out from what is known of them, and kept as rows for pages about everybody.

Whatever changes somebody's standing refreshes their row in its own transaction; what time alone changes, or was
changed past the portal, `refresh_stale` finds within minutes, and every night everybody is refreshed. Refreshing is
idempotent, and gives what working it out from nothing gives.
"""

from __future__ import annotations

import datetime as dt
import re
import unicodedata
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

from django.db import transaction
from django.db.models import Count, Exists, F, Max, OuterRef, Q, Subquery, Value
from django.db.models.functions import Coalesce
from django.utils import timezone

from onboarding.access import Access
from onboarding.enums import Installed, Outcome, Readiness, RunState, Standing
from onboarding.installed import with_installed
from onboarding.models import (
    Enrolment,
    Finding,
    Meter,
    Person,
    PersonStatus,
    PersonWord,
    PlanRevision,
    TeamTally,
    UsageEntry,
    Verification,
    VerificationFinding,
)
from onboarding.models.statuses import NEVER, STANDINGS
from onboarding.models.verification import ANSWER_HOLDS

INACTIVE_AFTER = dt.timedelta(days=30)
_BATCH = 500
_FIELDS = [each.attname for each in PersonStatus._meta.concrete_fields if not each.primary_key]
_COUNTS = {
    "people": Count("pk"),
    "ready": Count("pk", filter=STANDINGS[Standing.READY]),
    "blocked": Count("pk", filter=STANDINGS[Standing.BLOCKED]),
    "unknown": Count("pk", filter=STANDINGS[Standing.UNKNOWN]),
    "never_signed_in": Count("pk", filter=STANDINGS[Standing.NEVER_SIGNED_IN]),
    "outdated": Count("pk", filter=STANDINGS[Standing.OUTDATED]),
    "no_plan": Count("pk", filter=STANDINGS[Standing.NO_PLAN]),
    "connected": Count("pk", filter=Q(is_connected=True)),
    "inactive": Count("pk", filter=Q(is_inactive=True)),
}
# E-mails are found by their parts, and machines by those of their names.
_BETWEEN = re.compile(r"[\W_]+")


def refresh(people: Iterable[int]) -> int:
    """Bring the rows of these people (their ids) up to date; how many people that were.

    A constant number of queries for each batch of some hundreds, and a transaction of its own unless one is open. Then
    locks are held until that one ends: so they are taken in one order, people by their keys, and teams after them.
    """
    is_within = transaction.get_connection().in_atomic_block
    ids = iter(sorted(set(people))) if is_within else iter(people)
    count, teams = 0, set[str]()
    while batch := sorted(set(islice(ids, _BATCH))):
        with transaction.atomic():
            teams |= _refresh(batch)
            if not is_within:
                count_again(teams)
                teams = set()
        count += len(batch)
    count_again(teams)
    return count


def refresh_everybody(after: int = 0) -> Iterator[int]:
    """Every night: what time changed, and whatever was missed, batch by batch. Each gives the id up to which everybody
    is up to date; who was ended there goes on `after` it. Teams that are gone leave no tally behind."""
    people = Person.objects.order_by("pk").values_list("pk", flat=True)
    while batch := list(people.filter(pk__gt=after)[:_BATCH]):
        refresh(batch)
        after = batch[-1]
        yield after
    count_again(list(TeamTally.objects.values_list("pk", flat=True)))
    TeamTally.objects.filter(people=0).delete()


def refresh_stale() -> int:
    """Those whose row is missing, speaks of another team or plan than they have, or is too old to count, and those who
    began to use Claude Code today."""
    now = timezone.now()
    return refresh(_ids(_stale(now))) + refresh_used(now.date())


def refresh_used(since: dt.date) -> int:
    """Those who used Claude Code on a day since then, and whose row knows of an earlier one only."""
    day = "callers__meters__entries__day"
    people = Person.objects.filter(**{f"{day}__gte": since}, status__last_used_on__lt=F(day))
    return refresh(_ids(people.distinct()))


def refresh_plan(plan_id: int) -> int:
    """Everybody who has a plan: another revision of it is current."""
    return refresh(_ids(Person.objects.filter(team__plan=plan_id)))


def refresh_team(team_id: int) -> int:
    """Everybody in a team: it has another name or plan."""
    return refresh(_ids(Person.objects.filter(team=team_id)))


@transaction.atomic
def count_again(teams: Collection[str]) -> None:
    """Count the people of these teams again. Of two at once, the second waits, and then sees what the first wrote."""
    if not teams:
        return
    TeamTally.objects.bulk_create([TeamTally(team_name=name) for name in sorted(teams)], ignore_conflicts=True)
    list(TeamTally.objects.select_for_update().filter(pk__in=teams).order_by("pk"))
    active = PersonStatus.objects.filter(is_active=True, team_name__in=teams).order_by()
    counted = {row["team_name"]: row for row in active.values("team_name").annotate(**_COUNTS)}
    TeamTally.objects.bulk_create(
        [TeamTally(**counted.get(name, {"team_name": name})) for name in sorted(teams)],
        update_conflicts=True,
        unique_fields=["team_name"],
        update_fields=[*_COUNTS],
    )


def folded(text: str) -> str:
    """In small letters without accents: as names are sorted and searched."""
    plain = unicodedata.normalize("NFKD", text.casefold())
    return "".join(each for each in plain if not unicodedata.combining(each) and each.isprintable())


def words_of(*texts: str) -> set[str]:
    """The words to find somebody by whose name, e-mail or machine one of these texts is."""
    whole = {folded(text)[:254] for text in texts if "@" in text}
    parts = {part[:254] for text in texts for part in _BETWEEN.split(folded(text.partition("@")[0]))}
    return (whole | parts) - {""}


def terms_of(search: str) -> list[str]:
    """What of a search each has to begin a word: an e-mail is one, and everything else is taken apart as names are."""
    found = [[folded(each)] if "@" in each else _BETWEEN.split(folded(each)) for each in search.split()]
    return [term for terms in found for term in terms if term]


def _ids(people: Any) -> Iterator[int]:
    return iter(people.order_by("pk").values_list("pk", flat=True).iterator(chunk_size=_BATCH))


def _stale(now: dt.datetime) -> Any:
    current = PlanRevision.objects.filter(plan__teams=OuterRef("team"), is_current=True).values("pk")[:1]
    compared = Person.objects.annotate(
        # NULLs would be equal to nothing.
        wanted=Coalesce(Subquery(current), 0),
        known=Coalesce("status__revision", 0),
        team_now=Coalesce("team__name", Value("")),
    )
    is_other = ~Q(status__is_active=F("is_active")) | ~Q(known=F("wanted")) | ~Q(status__team_name=F("team_now"))
    return compared.filter(Q(status=None) | Q(status__holds_until__lt=now) | is_other)


def _refresh(ids: Sequence[int]) -> set[str]:
    """The names of the teams to count again."""
    # Of two at once, the second waits here, and then reads what the first one's deed has changed.
    before = {row.pk: row for row in PersonStatus.objects.select_for_update().filter(pk__in=ids).order_by("pk")}
    known = _Known.of(ids, timezone.now())
    rows = [known.status_of(person) for person in known.people]
    changed = [row for row in rows if row.pk not in before or _values(row) != _values(before[row.pk])]
    PersonStatus.objects.bulk_create(changed, update_conflicts=True, unique_fields=["person"], update_fields=_FIELDS)
    _keep_words(known)
    return {row.team_name for row in changed} | {before[row.pk].team_name for row in changed if row.pk in before}


def _values(row: PersonStatus) -> list[Any]:
    return [getattr(row, name) for name in _FIELDS]


def _keep_words(known: _Known) -> None:
    """The words people are found by: only what changed is written."""
    wanted = {(person.pk, word) for person in known.people for word in known.words_of(person)}
    rows = PersonWord.objects.filter(person__in=known.people).values_list("pk", "person", "word")
    had = {(person, word): pk for pk, person, word in rows}
    PersonWord.objects.filter(pk__in=[pk for key, pk in had.items() if key not in wanted]).delete()
    new = [PersonWord(person_id=person, word=word) for person, word in sorted(wanted - had.keys())]
    PersonWord.objects.bulk_create(new, ignore_conflicts=True)


@dataclass(frozen=True, slots=True)
class _Known:
    """What is known of a batch of people: as many queries as there are fields."""

    now: dt.datetime
    people: Sequence[Any]  # with what `with_installed` and `_with_newest` add
    revisions: Mapping[int, PlanRevision]  # by plan
    runs: Mapping[int, Verification]
    blockers: Mapping[int, Sequence[Finding]]  # by verification
    machines: Mapping[int, Sequence[str]]
    last_used: Mapping[int, dt.date] = field(default_factory=dict)

    @classmethod
    def of(cls, ids: Sequence[int], now: dt.datetime) -> _Known:
        people = list(_with_newest(Person.objects.filter(pk__in=ids)).order_by("pk"))
        plans = {person.team.plan_id for person in people if person.team}
        revisions = {row.plan_id: row for row in PlanRevision.objects.filter(plan__in=plans, is_current=True)}
        newest = {pk for person in people for pk in (person.newest_id, person.ended_id) if pk}
        runs = {run.pk: run for run in Verification.objects.filter(pk__in=newest).select_related("principal")}
        blocked = {pk: run for pk, run in runs.items() if run.outcome == Readiness.BLOCKED}
        machines: dict[int, list[str]] = {}
        for person_id, name in Enrolment.objects.filter(person__in=ids).values_list("person", "machine"):
            machines.setdefault(person_id, []).append(name)
        return cls(now, people, revisions, runs, _blockers(blocked, revisions, now), machines, _last_used(ids))

    def words_of(self, person: Person) -> set[str]:
        return words_of(person.name, person.email, *self.machines.get(person.pk, ()))

    def status_of(self, person: Any) -> PersonStatus:
        revision = self.revisions.get(person.team.plan_id) if person.team else None
        newest, ended = self.runs.get(person.newest_id or 0), self.runs.get(person.ended_id or 0)
        readiness, holds_until = _readiness(Access(person, revision, newest, ended))
        found = self.blockers.get(ended.pk, ()) if ended and readiness == Readiness.BLOCKED else ()
        first = found[0] if found else None
        return PersonStatus(
            person_id=person.pk,
            sort_name=folded(person.display_name)[:254],
            team_name=person.team.name if person.team else "",
            plan_id=person.team.plan_id if person.team else None,
            revision_id=revision.pk if revision else None,
            is_active=person.is_active,
            has_signed_in=person.seen_at is not None,
            readiness=readiness,
            layer=first.layer if first else "",
            check_name=first.check_name if first else "",
            reason=first.reason if first else "",
            finding_id=first.pk if first else None,
            obstacles=len({(each.layer, each.check_name, each.reason) for each in found}),
            verified_at=(ended.finished_at if ended else None) or NEVER,
            holds_until=holds_until,
            installed=Installed(person.installed),
            installed_number=person.installed_number or 0,
            is_connected=person.is_connected,
            **self._activity(person),
        )

    def _activity(self, person: Person) -> dict[str, Any]:
        last_used_on = self.last_used.get(person.pk, NEVER.date())
        seen_on = person.seen_at.date() if person.seen_at else NEVER.date()
        last = max(last_used_on, seen_on)
        is_inactive = NEVER.date() < last < self.now.date() - INACTIVE_AFTER
        return {"last_used_on": last_used_on, "is_inactive": is_inactive}


def _with_newest(people: Any) -> Any:
    """People with the ids of their newest verification, live or done, and of the newest that ended."""
    runs = Verification.objects.filter(person=OuterRef("pk")).order_by("-queued_at").values("pk")
    connected = Enrolment.objects.filter(person=OuterRef("pk"), connected_at__isnull=False)
    return with_installed(people.select_related("team")).annotate(
        newest_id=Subquery(runs[:1]),
        ended_id=Subquery(runs.filter(state=RunState.DONE)[:1]),
        is_connected=Exists(connected),
    )


def _readiness(access: Access) -> tuple[str, dt.datetime | None]:
    """What `access` comes to, and how long that counts."""
    revision, verified = access.revision, access.verified
    if revision is None:
        return "", None
    if verified is None or verified.finished_at is None or verified.revision_id != revision.pk:
        return Readiness.UNKNOWN, None
    if access.is_ready:
        asked = access.verification
        until = [verified.proved_until, asked.queued_at + ANSWER_HOLDS if asked and not asked.is_live else None]
        return Readiness.READY, min(each for each in until if each)
    return (Readiness.BLOCKED, access.no_until) if access.is_blocked else (Readiness.UNKNOWN, None)


def _blockers(
    runs: Mapping[int, Verification], revisions: Mapping[int, PlanRevision], now: dt.datetime
) -> dict[int, list[Finding]]:
    """The answers that keep people from their plan's default model, in their order, by verification.

    As `checks.verdict` has it: a no that counts, about the person or about that model.
    """
    defaults = {row.pk: row.default_profile for row in revisions.values()}
    answers = VerificationFinding.objects.filter(
        verification__in=runs, finding__outcome__in=(Outcome.FAILED, Outcome.UNKNOWN)
    )
    found: dict[int, list[Finding]] = {}
    for answer in answers.select_related("finding__last_known").order_by("verification", "position"):
        run, standing = runs[answer.verification_id], answer.finding.standing(now)
        is_needed = answer.about in ("", defaults.get(run.revision_id))
        if is_needed and standing.outcome == Outcome.FAILED:
            found.setdefault(run.pk, []).append(standing)
    return found


def _last_used(ids: Sequence[int]) -> dict[int, dt.date]:
    """The newest day of usage of each: looked up meter by meter, as most have years of days behind it."""
    entries = UsageEntry.objects.filter(meter=OuterRef("pk")).order_by("-day").values("day")[:1]
    meters = Meter.objects.filter(caller__person__in=ids).annotate(last=Subquery(entries)).order_by()
    rows = meters.values("caller__person").annotate(day=Max("last"))
    return {row["caller__person"]: row["day"] for row in rows if row["day"]}
