"""What a person has now: their plan, the newest verification against it, and what it showed to work."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from django.db.models import Q, Window
from django.db.models.functions import RowNumber
from django.utils import timezone

from onboarding.enums import Readiness, Tier
from onboarding.models import Person, PlanRevision, Principal, Team, Verification
from onboarding.models.verification import ANSWER_HOLDS


@dataclass(frozen=True, slots=True)
class Proof:
    """What a bundle stands on: a verification that said ready, against this revision, for this role."""

    revision: PlanRevision
    verification: Verification
    principal: Principal

    @property
    def usable(self) -> dict[Tier, str]:
        """The revision's inference profiles that were seen to work, by tier."""
        seen = self.verification.verified_profiles
        return {tier: profile for tier, profile in self.revision.profiles.items() if profile in seen}

    @property
    def left_out(self) -> dict[Tier, str]:
        """Those that were not."""
        usable = self.usable
        return {tier: profile for tier, profile in self.revision.profiles.items() if tier not in usable}


@dataclass(frozen=True, slots=True)
class Access:
    """A person's access as the portal knows it. `revision` is None when no team of theirs has a published plan.

    `verification` is the newest one, live or done; `verified` is the newest that ended, and the only one anything is
    built from.
    """

    person: Person
    revision: PlanRevision | None
    verification: Verification | None
    verified: Verification | None

    @property
    def principal(self) -> Principal | None:
        """The role the newest answer is about."""
        return self.verified.principal if self.verified else None

    @property
    def proof(self) -> Proof | None:
        """What a bundle may be built from; None unless the newest answer, against the current revision, is yes."""
        revision, verified = self.revision, self.verified
        if revision is None or verified is None or verified.principal is None or self.is_due:
            return None
        is_yes = verified.revision_id == revision.pk and verified.outcome == Readiness.READY
        holds = verified.proved_until is not None and timezone.now() < verified.proved_until
        return Proof(revision, verified, verified.principal) if is_yes and holds else None

    @property
    def is_due(self) -> bool:
        """Whether the plan has changed since the newest verification, or nobody has asked AWS for a day, or what it
        was told is a day old: AWS may have given no answer since."""
        if self.revision is None:
            return False
        newest = self.verification
        if newest is None or newest.revision_id != self.revision.pk:
            return True
        until = newest.proved_until or newest.queued_at + ANSWER_HOLDS
        return not newest.is_live and min(until, newest.queued_at + ANSWER_HOLDS) < timezone.now()

    @property
    def is_ready(self) -> bool:
        return self.proof is not None

    @property
    def no_until(self) -> dt.datetime | None:
        """Until when the newest answer counts as a no; None unless it is one, against the current revision."""
        revision, verified = self.revision, self.verified
        if revision is None or verified is None or verified.finished_at is None:
            return None
        is_no = verified.revision_id == revision.pk and verified.outcome == Readiness.BLOCKED
        return verified.finished_at + ANSWER_HOLDS if is_no else None

    @property
    def is_blocked(self) -> bool:
        """A no of another revision, or a day old, is none any more."""
        return self.no_until is not None and timezone.now() < self.no_until

    @property
    def usable(self) -> dict[Tier, str]:
        """The inference profiles that were seen to work for this person, by tier."""
        return self.proof.usable if self.proof else {}

    @property
    def left_out(self) -> dict[Tier, str]:
        """The plan's inference profiles that were not."""
        if self.proof is not None:
            return self.proof.left_out
        return dict(self.revision.profiles) if self.revision else {}


def counts_as_no(now: dt.datetime) -> Q:
    """`Access.is_blocked` to the database, of the newest verification of somebody that ended against the current
    revision of their plan."""
    return Q(outcome=Readiness.BLOCKED, finished_at__gt=now - ANSWER_HOLDS)


def accesses_of(people: Collection[Person]) -> dict[int, Access]:
    """The same as `access_of` of each, by primary key: three queries, however many people they are."""
    revisions = _current_revisions({person.team_id for person in people if person.team_id is not None})
    newest = _newest_two([person.pk for person in people])
    return {
        person.pk: _access(person, revisions.get(person.team_id or 0), newest.get(person.pk, [])) for person in people
    }


def _current_revisions(teams: Collection[int]) -> dict[int, PlanRevision]:
    """By team."""
    plans = dict(Team.objects.filter(pk__in=teams, plan__isnull=False).values_list("pk", "plan_id"))
    current = PlanRevision.objects.with_sources().filter(plan__in=set(plans.values()), is_current=True).order_by()
    by_plan = {revision.plan_id: revision for revision in current}
    return {team: by_plan[plan] for team, plan in plans.items() if plan in by_plan}


def _newest_two(people: Collection[int]) -> dict[int, list[Verification]]:
    """By person, the newest first."""
    ranked = Window(RowNumber(), partition_by="person_id", order_by="-queued_at")
    rows = Verification.objects.filter(person__in=people).annotate(rank=ranked).filter(rank__lte=2)
    found: dict[int, list[Verification]] = {}
    for run in rows.select_related("principal").order_by("-queued_at"):
        found.setdefault(run.person_id, []).append(run)
    return found


def access_of(person: Person) -> Access:
    """Read a person's access: two queries."""
    return access_by(person, current_revision(person))


def access_by(person: Person, revision: PlanRevision | None) -> Access:
    """The same for whoever has the current revision of their plan: one query."""
    newest = Verification.objects.filter(person=person).select_related("principal").order_by("-queued_at")[:2]
    return _access(person, revision, list(newest))


def _access(person: Person, revision: PlanRevision | None, newest: Sequence[Verification]) -> Access:
    for run in newest:
        # Nearly always the same row, and a wide one: not read again.
        if revision is not None and run.revision_id == revision.pk:
            run.revision = revision
    verification = newest[0] if newest else None
    verified = next((run for run in newest if not run.is_live), None)
    return Access(person, revision, verification, verified)


def current_revision(person: Person) -> PlanRevision | None:
    """The current revision of the plan of the person's team."""
    if person.team_id is None:
        return None
    mine = PlanRevision.objects.with_sources().filter(plan__teams=person.team_id, is_current=True)
    # A team has one plan, and a plan one current revision: there is nothing to order.
    return next(iter(mine.order_by()[:1]), None)
