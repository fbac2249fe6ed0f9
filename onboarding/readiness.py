"""How many people can work, and would get what of their plan, as their newest verifications tell: for lists.

Only an answer about the plan's current revision counts: a yes as long as a bundle may be made from it, a no for a day.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.db.models import Count, F, OuterRef, Q, QuerySet, Subquery
from django.utils import timezone

from onboarding.access import counts_as_no
from onboarding.enums import Readiness, RunState
from onboarding.models import Person, Plan, Verification


@dataclass(frozen=True, slots=True)
class Counts:
    """Of some active people: `every` would get each tier of their plan's current revision, `some` not all of them."""

    people: int = 0
    every: int = 0
    some: int = 0
    blocked: int = 0

    @property
    def ready(self) -> int:
        return self.every + self.some

    @property
    def unknown(self) -> int:
        """Those about whom nobody can tell: not verified against the current revision, or without an answer."""
        return self.people - self.ready - self.blocked


NOBODY = Counts()


def counts_by_team() -> Mapping[int, Counts]:
    """By the team's primary key; two queries."""
    return _counts("team")


def counts_by_plan() -> Mapping[int, Counts]:
    """By the plan's primary key; two queries."""
    return _counts("team__plan")


@dataclass(frozen=True, slots=True)
class Shared:
    """What everybody on a plan who is ready can use alike; `roles` are the names of theirs."""

    people: int
    profiles: frozenset[str]
    roles: frozenset[str]


def shared_by(plan: Plan) -> Shared | None:
    """None where nobody is ready; one query."""
    people = Person.objects.filter(is_active=True, team__plan=plan)
    ready = _answers(people).filter(outcome=Readiness.READY)
    rows = list(ready.values_list("verified_profiles", "principal__permission_set").annotate(Count("pk")))
    if not rows:
        return None
    return Shared(
        people=sum(number for *_, number in rows),
        profiles=frozenset.intersection(*(frozenset(profiles) for profiles, *_ in rows)),
        roles=frozenset(role for _, role, _ in rows),
    )


def counts_of(plan: Plan) -> Counts:
    """Two queries."""
    return _counts("team__plan", team__plan=plan).get(plan.pk, NOBODY)


def _counts(key: str, **only: Any) -> Mapping[int, Counts]:
    people = Person.objects.filter(is_active=True, **{f"{key}__isnull": False, **only})
    found: dict[int, dict[str, int]] = defaultdict(lambda: defaultdict(int))
    for pk, number in people.order_by().values_list(key).annotate(Count("pk")):
        found[pk]["people"] = number
    rows = _answers(people).values_list(
        f"person__{key}", "outcome", "verified_profiles", "revision__opus", "revision__sonnet", "revision__haiku"
    )
    for pk, outcome, verified, *profiles, number in rows.annotate(Count("pk")):
        has_all = {profile for profile in profiles if profile} <= set(verified)
        found[pk]["blocked" if outcome == Readiness.BLOCKED else "every" if has_all else "some"] += number
    return {pk: Counts(**numbers) for pk, numbers in found.items()}


def _answers(people: QuerySet[Person]) -> QuerySet[Verification]:
    """The newest verification of each that ended, where it says yes or no about the current revision of their plan."""
    newest = Verification.objects.filter(person=OuterRef("pk"), state=RunState.DONE).order_by("-queued_at")
    now = timezone.now()
    yes = Q(outcome=Readiness.READY, principal__isnull=False, proved_until__gt=now)
    return (
        Verification.objects.filter(yes | counts_as_no(now))
        .filter(pk__in=people.annotate(newest=Subquery(newest.values("pk")[:1])).values("newest"))
        .filter(revision__is_current=True, revision__plan=F("person__team__plan"))
        .order_by()
    )
