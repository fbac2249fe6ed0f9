"""Verifications: open one, run it, record what was found.

The row is the job. A worker claims it with a lease and a fence; it may be killed anywhere, or run twice, and the next
one goes on where findings stop.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from functools import partial

import structlog
from django.db import IntegrityError, InterfaceError, OperationalError, transaction
from django.utils import timezone

from onboarding import statuses
from onboarding.access import current_revision
from onboarding.checks.asking import FAULT, Holds, holds_for, new_finding, settle
from onboarding.checks.base import Case
from onboarding.checks.registry import Question, questions
from onboarding.checks.turns import readiness_of, turn
from onboarding.checks.verdict import verdict
from onboarding.enums import RunState, Trigger
from onboarding.models import (
    AuditEvent,
    Finding,
    Notification,
    Person,
    PlanRevision,
    Principal,
    Verification,
    VerificationFinding,
)
from onboarding.models.jobs import LostLease

log = structlog.get_logger(__name__)

# Renewed with every answer. A worker that is killed is replaced this long after its last one; a worker that is only
# slow may lose its claim, and the fence then keeps it from writing.
LEASE = dt.timedelta(seconds=60)


def open_verification(
    *, person: Person, revision: PlanRevision, trigger: Trigger, actor: str, rechecked: str = ""
) -> Verification:
    """The person's live verification, a new one if none is under way. Idempotent while one lives.

    `rechecked` names the one check to ask again, where somebody asked for no more.
    """
    for _attempt in range(2):
        try:
            with transaction.atomic():
                verification = Verification.objects.create(
                    person=person, revision=revision, trigger=trigger, rechecked=rechecked
                )
                AuditEvent.objects.record(
                    actor=actor,
                    action="verification.opened",
                    target=person.email,
                    trigger=str(trigger),
                    **({"check": rechecked} if rechecked else {}),
                )
                return verification
        except IntegrityError:
            if live := Verification.objects.live().filter(person=person).first():
                return live
            # It ended in this very moment: the second try makes a new one.
    raise RuntimeError(f"No verification could be opened for person {person.pk}.")


@transaction.atomic
def open_verifications(people: Sequence[Person], *, trigger: Trigger, actor: str) -> list[Verification]:
    """A new verification for each of these people who has a plan, is active, and has none under way.

    A constant number of queries, and one audit event that says how many they are.
    """
    current = PlanRevision.objects.filter(is_current=True, plan__teams__people__in=people)
    revisions = {row.plan_id: row for row in current.distinct()}
    live = set(Verification.objects.live().filter(person__in=people).values_list("person", flat=True))
    now = timezone.now()
    rows = [
        Verification(person=person, revision=revisions[person.team.plan_id], trigger=trigger, queued_at=now)
        for person in people
        if person.is_active and person.pk not in live and person.team and person.team.plan_id in revisions
    ]
    # Whoever clicks in this very moment has one already, and it is as good.
    Verification.objects.bulk_create(rows, ignore_conflicts=True)
    opened = list(Verification.objects.live().filter(person__in=people, trigger=trigger, queued_at=now))
    AuditEvent.objects.record(
        actor=actor, action="people.verified", target=f"{len(opened)} people", count=len(opened), trigger=str(trigger)
    )
    return opened


def open_due_rechecks() -> list[Verification]:
    """A new verification for each person whose newest stands on a provisional answer that can be told by now."""
    opened = []
    due = Verification.objects.due_for_recheck(timezone.now()).select_related("person__team", "revision")
    for verification in due.order_by("recheck_at")[:500]:
        with transaction.atomic():
            Verification.objects.filter(pk=verification.pk).update(recheck_at=None)
            revision = current_revision(verification.person)
            if verification.person.is_active and revision is not None:
                again = open_verification(
                    person=verification.person, revision=revision, trigger=Trigger.PROVISIONAL, actor="schedule"
                )
                opened.append(again)
    return opened


def run(verification_id: int) -> None:
    """Answer every open question of a verification and conclude it.

    Does nothing when the verification is done or somebody else holds it. Never raises for anything AWS does.
    """
    fence = Verification.objects.claim(verification_id, lease=LEASE)
    if fence is None:
        return
    verification = (
        Verification.objects.select_related(
            "person", "revision__plan", "revision__account", "revision__identity_center"
        )
        .prefetch_related("answers__finding__last_known")
        .get(pk=verification_id)
    )
    case = Case(whose=verification.person, revision=verification.revision)
    for answer in verification.answers.all():
        case.findings[answer.check_name, answer.about] = answer.finding
    holds = holds_for(verification)
    try:
        for position, question in enumerate(questions(verification.revision)):
            _answer(verification, fence, position, question, case, holds)
        _conclude(verification, fence, case)
    except LostLease:
        log.warning("verification.lost_lease", verification_id=verification_id, fence=fence)


def _hold(verification: Verification, fence: int, **changes: object) -> None:
    """Write to the verification if this worker still holds it; raises LostLease otherwise."""
    Verification.objects.hold(verification.pk, fence, lease=LEASE, **changes)


def _answer(
    verification: Verification, fence: int, position: int, question: Question, case: Case, holds: Holds
) -> None:
    """Answer one question, unless it was answered before, or one it builds on has no usable answer."""
    check, about = question
    if (check.name, about) in case.findings or not check.can_ask(about, case):
        return
    try:
        still_wanted = partial(_hold, verification, fence)
        finding = settle(check, about, case, holds=holds, still_wanted=still_wanted)
        _link(verification, fence, position, question, finding, case)
    except (LostLease, OperationalError, InterfaceError):
        raise
    except Exception:
        # Otherwise every worker in turn would fail here, and the person would wait for ever.
        log.exception("check.not_recorded", check=check.name)
        finding = new_finding(check, f"{check.name}|{about}", FAULT)
        finding.save()
        _link(verification, fence, position, question, finding, case)
    case.findings[check.name, about] = finding


@transaction.atomic
def _link(
    verification: Verification, fence: int, position: int, question: Question, finding: Finding, case: Case
) -> None:
    """Record the finding as this verification's answer, with whatever else it taught."""
    _hold(verification, fence)
    if finding.reason != FAULT.reason:
        question.check.keep(finding, case)
    VerificationFinding.objects.create(
        verification=verification,
        finding=finding,
        check_name=question.check.name,
        about=question.about,
        position=position,
    )


@transaction.atomic
def _conclude(verification: Verification, fence: int, case: Case) -> None:
    """With what its answer turns for the person, who is told."""
    found = verdict(case)
    told = turn(case, found.readiness, readiness_of([case.person]))
    _hold(
        verification,
        fence,
        state=RunState.DONE,
        outcome=found.readiness,
        verified_profiles=list(found.verified_profiles),
        principal=_principal(case),
        proved_until=found.proved_until,
        recheck_at=found.recheck_at,
        finished_at=timezone.now(),
        lease_until=None,
    )
    if told is not None:
        Notification.objects.record([told])
    statuses.refresh([case.person.pk])


def _principal(case: Case) -> Principal | None:
    """The role this run established, or that stands while AWS gives no answer; not whatever an earlier run left."""
    identity = case.standing("identity")
    role_arn = identity.facts.get("role_arn") if identity else None
    return Principal.objects.filter(person=case.person, role_arn=role_arn).first() if role_arn else None
