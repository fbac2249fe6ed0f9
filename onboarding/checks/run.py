"""Verifications: open one, run it, record what was found.

The row is the job. A worker claims it with a lease and a fence; it may be killed anywhere, or run twice, and the next
one goes on where findings stop.
"""

from __future__ import annotations

import datetime as dt
import time

import structlog
from django.db import IntegrityError, InterfaceError, OperationalError, transaction
from django.db.models import F, Q
from django.utils import timezone

from onboarding.aws import AwsError
from onboarding.checks.base import Answer, Case, Check
from onboarding.checks.errors import answer_for
from onboarding.checks.registry import Question, questions
from onboarding.enums import Layer, Outcome, Readiness, RunState, Trigger
from onboarding.models import (
    AuditEvent,
    Finding,
    Person,
    PlanRevision,
    Principal,
    Subject,
    Verification,
    VerificationFinding,
)

log = structlog.get_logger(__name__)

# How long an answer holds before it is asked again.
FRESH_WHEN_PASSED = dt.timedelta(minutes=15)
FRESH_OTHERWISE = dt.timedelta(minutes=2)
# Renewed with every answer. A worker that is killed is replaced this long after its last one; a worker that is only
# slow may lose its claim, and the fence then keeps it from writing.
LEASE = dt.timedelta(seconds=60)
# One question's worst case: a few calls of about half a minute each.
SUBJECT_LEASE = dt.timedelta(seconds=60)
_POLL_SECONDS = 0.2
USABLE = (Outcome.PASSED, Outcome.WARNING)
_FAULT = Answer(Outcome.UNKNOWN, "internal", {}, Layer.PORTAL)


class LostLease(Exception):
    """Another worker has taken the verification over; whatever this one still wanted to write is dropped."""


def open_verification(*, person: Person, revision: PlanRevision, trigger: Trigger, actor: str) -> Verification:
    """The person's live verification, a new one if none is under way. Idempotent while one lives."""
    for _attempt in range(2):
        try:
            with transaction.atomic():
                verification = Verification.objects.create(person=person, revision=revision, trigger=trigger)
                AuditEvent.objects.record(
                    actor=actor, action="verification.opened", target=person.email, trigger=str(trigger)
                )
                return verification
        except IntegrityError:
            if live := Verification.objects.live().filter(person=person).first():
                return live
            # It ended in this very moment: the second try makes a new one.
    raise RuntimeError(f"No verification could be opened for person {person.pk}.")


def run(verification_id: int) -> None:
    """Answer every open question of a verification and conclude it.

    Does nothing when the verification is done or somebody else holds it. Never raises for anything AWS does.
    """
    fence = _claim(verification_id)
    if fence is None:
        return
    verification = (
        Verification.objects.select_related(
            "person", "revision__plan", "revision__account", "revision__identity_center"
        )
        .prefetch_related("answers__finding")
        .get(pk=verification_id)
    )
    case = Case(person=verification.person, revision=verification.revision)
    for answer in verification.answers.all():
        case.findings[answer.check_name, answer.about] = answer.finding
    try:
        for position, question in enumerate(questions(verification.revision)):
            _settle(verification, fence, position, question, case)
        _conclude(verification, fence, case)
    except LostLease:
        log.warning("verification.lost_lease", verification_id=verification_id, fence=fence)


def _claim(verification_id: int) -> int | None:
    """Take the verification if nobody holds it; the fence to write under, or None."""
    now = timezone.now()
    with transaction.atomic():
        claimed = (
            Verification.objects.claimable(now)
            .filter(pk=verification_id)
            .update(
                state=RunState.RUNNING,
                lease_until=now + LEASE,
                fence=F("fence") + 1,
                started_at=now,
            )
        )
        if claimed != 1:
            return None
        return Verification.objects.values_list("fence", flat=True).get(pk=verification_id)


def _hold(verification: Verification, fence: int, **changes: object) -> None:
    """Write to the verification if this worker still holds it; raises LostLease otherwise."""
    held = Verification.objects.filter(pk=verification.pk, fence=fence, state=RunState.RUNNING)
    if held.update(**({"lease_until": timezone.now() + LEASE} | changes)) != 1:
        raise LostLease


def _settle(verification: Verification, fence: int, position: int, question: Question, case: Case) -> None:
    """Answer one question, unless it was answered before, or one it builds on has no usable answer."""
    check, about = question
    if (check.name, about) in case.findings or not all(_is_usable(case, name, about) for name in check.needs):
        return
    try:
        finding = _finding(check, about, case, verification, fence)
        _link(verification, fence, position, question, finding, case)
    except (LostLease, OperationalError, InterfaceError):
        raise
    except Exception:
        # Otherwise every worker in turn would fail here, and the person would wait for ever.
        log.exception("check.not_recorded", check=check.name)
        finding = _new_finding(check, f"{check.name}|{about}", _FAULT)
        _link(verification, fence, position, question, finding, case)
    case.findings[check.name, about] = finding


@transaction.atomic
def _link(
    verification: Verification, fence: int, position: int, question: Question, finding: Finding, case: Case
) -> None:
    """Record the finding as this verification's answer, with whatever else it taught."""
    _hold(verification, fence)
    if finding.reason != _FAULT.reason:
        question.check.keep(finding, case)
    VerificationFinding.objects.create(
        verification=verification,
        finding=finding,
        check_name=question.check.name,
        about=question.about,
        position=position,
    )


def _is_usable(case: Case, check_name: str, about: str) -> bool:
    finding = case.finding(check_name, about) or case.finding(check_name)
    return finding is not None and finding.outcome in USABLE


def _finding(check: Check, about: str, case: Case, verification: Verification, fence: int) -> Finding:
    """The subject's newest finding while it holds, else a new one; asked by one worker at a time."""
    key = check.subject(about, case)
    subject, _ = Subject.objects.select_related("latest").get_or_create(check_name=check.name, key=key)
    while not _holds(subject.latest, check, verification):
        if _claim_subject(subject):
            subject.refresh_from_db()
            if _holds(subject.latest, check, verification):
                _release_subject(subject)
                break
            return _record(check, subject, _ask(check, about, case))
        time.sleep(_POLL_SECONDS)
        _hold(verification, fence)
        subject.refresh_from_db()
    if subject.latest is None:
        raise RuntimeError("A subject's finding vanished.")
    return subject.latest


def _holds(finding: Finding | None, check: Check, verification: Verification) -> bool:
    """Whether an answer given before will do.

    Somebody who asks again wants to see what changed: then only a pass still holds, and that only as long as the check
    tolerates, or an answer newer than the asking.
    """
    if finding is None:
        return False
    if finding.checked_at >= verification.queued_at:
        return True
    if verification.trigger == Trigger.SIGN_IN:
        return finding.is_fresh(timezone.now())
    oldest = verification.queued_at - (check.tolerance or FRESH_WHEN_PASSED)
    return finding.outcome == Outcome.PASSED and finding.checked_at >= oldest


def _claim_subject(subject: Subject) -> bool:
    now = timezone.now()
    free = Subject.objects.filter(pk=subject.pk).filter(Q(lease_until=None) | Q(lease_until__lt=now))
    return free.update(lease_until=now + SUBJECT_LEASE) == 1


def _release_subject(subject: Subject) -> None:
    Subject.objects.filter(pk=subject.pk).update(lease_until=None)


def _ask(check: Check, about: str, case: Case) -> Answer:
    """The check's answer. Whatever goes wrong on the way is *unknown*, not a denial, and never ends the run."""
    try:
        return check.answer(about, case)
    except AwsError as error:
        log.warning("check.no_answer", check=check.name, operation=error.operation, detail=error.detail)
        return answer_for(error)
    except Exception:
        log.exception("check.failed", check=check.name)
        return _FAULT


@transaction.atomic
def _record(check: Check, subject: Subject, answer: Answer) -> Finding:
    finding = _new_finding(check, subject.key, answer)
    Subject.objects.filter(pk=subject.pk).update(latest=finding, lease_until=None)
    return finding


def _new_finding(check: Check, subject: str, answer: Answer) -> Finding:
    now = timezone.now()
    return Finding.objects.create(
        check_name=check.name,
        scope=check.scope,
        subject=subject,
        outcome=answer.outcome,
        layer=answer.layer or "",
        reason=answer.reason,
        facts=dict(answer.facts),
        checked_at=now,
        fresh_until=now + (FRESH_WHEN_PASSED if answer.outcome == Outcome.PASSED else FRESH_OTHERWISE),
    )


def _conclude(verification: Verification, fence: int, case: Case) -> None:
    verified = [profile for profile in verification.revision.profiles.values() if _is_verified(profile, case)]
    _hold(
        verification,
        fence,
        state=RunState.DONE,
        outcome=_readiness(verification.revision, case),
        verified_profiles=verified,
        principal=_principal(verification, case),
        finished_at=timezone.now(),
        lease_until=None,
    )


def _principal(verification: Verification, case: Case) -> Principal | None:
    """The role this run established; not the person's present one, which an earlier run may have left."""
    identity = case.finding("identity")
    role_arn = identity.facts.get("role_arn") if identity else None
    return Principal.objects.filter(person=verification.person, role_arn=role_arn).first() if role_arn else None


def _outcomes(revision: PlanRevision, case: Case, about: str) -> list[Outcome | None]:
    """The outcomes that decide over one profile: those about the person and those about it; None where not asked."""
    deciding = [question for question in questions(revision) if question.about in ("", about)]
    findings = (case.finding(check.name, question_about) for check, question_about in deciding)
    return [Outcome(finding.outcome) if finding else None for finding in findings]


def _is_verified(profile: str, case: Case) -> bool:
    return all(outcome in USABLE for outcome in _outcomes(case.revision, case, profile))


def _readiness(revision: PlanRevision, case: Case) -> Readiness:
    """Ready when the plan's default model is: the other tiers are left out of the bundle until they are, too."""
    outcomes = _outcomes(revision, case, revision.default_profile)
    if Outcome.FAILED in outcomes:
        return Readiness.BLOCKED
    return Readiness.READY if all(outcome in USABLE for outcome in outcomes) else Readiness.UNKNOWN
