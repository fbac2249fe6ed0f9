"""When a verification turns the answer for somebody, and so is worth telling: access works, or does not any more."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from django.db.models import Count, OuterRef, QuerySet, Subquery

from onboarding.checks.base import Case
from onboarding.checks.registry import questions
from onboarding.enums import NotificationKind, Outcome, Readiness, RunState
from onboarding.models import Finding, Notification, Person, Sweep, Verification, VerificationFinding

_TOLD_OF_LAYERS = 5
_CERTAIN = (Readiness.READY, Readiness.BLOCKED)


def readiness_of(people: Iterable[Person]) -> Mapping[int, str]:
    """What the newest verification of each said that ended and could tell, by the person's id: one query."""
    newest = _certain().filter(person=OuterRef("pk"))
    told = Person.objects.filter(pk__in=[person.pk for person in people])
    found = told.annotate(readiness=Subquery(newest.values("outcome")[:1])).exclude(readiness=None)
    return dict(found.values_list("pk", "readiness"))


def turn(case: Case, readiness: str, before: Mapping[int, str]) -> Notification | None:
    """What to tell a person whose verification says `readiness`: the first time they are ready, when they are again,
    and when they are blocked and were ready. That nobody can tell turns nothing.
    """
    was = before.get(case.person.pk)
    if readiness == Readiness.READY and was != Readiness.READY:
        return Notification(kind=NotificationKind.ACCESS_READY, person=case.person, revision=case.revision)
    if readiness == Readiness.BLOCKED and was == Readiness.READY:
        blocked = NotificationKind.ACCESS_BLOCKED
        return Notification(kind=blocked, person=case.person, revision=case.revision, finding=_blocker(case))
    return None


def _blocker(case: Case) -> Finding | None:
    """The first no on the way to the plan's default model."""
    wanted = ("", case.revision.default_profile)
    found = (case.standing(check.name, about) for check, about in questions(case.revision) if about in wanted)
    return next((finding for finding in found if finding is not None and finding.outcome == Outcome.FAILED), None)


def tell_of_new_blockers(sweep: Sweep) -> None:
    """Tell the admins how many people of a sweep were ready before and are blocked, and which layers say no."""
    earlier = _certain().filter(person=OuterRef("person"), queued_at__lt=OuterRef("queued_at"))
    blocked = sweep.verifications.filter(outcome=Readiness.BLOCKED)
    turned = blocked.annotate(before=Subquery(earlier.values("outcome")[:1])).filter(before=Readiness.READY)
    people = turned.count()
    if people:
        facts = {"people": people, "layers": _layers(turned)}
        Notification.objects.tell_admins(NotificationKind.NEW_BLOCKERS, facts=facts)


def _layers(turned: QuerySet[Verification]) -> Sequence[tuple[str, int]]:
    """How many people each layer says no to; somebody may meet several."""
    refusals = VerificationFinding.objects.filter(
        verification__in=turned.values("pk"), finding__outcome=Outcome.FAILED
    )
    counted = refusals.values("finding__layer").annotate(people=Count("verification", distinct=True))
    told = counted.order_by("-people", "finding__layer")[:_TOLD_OF_LAYERS]
    return [(row["finding__layer"], row["people"]) for row in told]


def _certain() -> QuerySet[Verification]:
    return Verification.objects.filter(state=RunState.DONE, outcome__in=_CERTAIN).order_by("-queued_at")
