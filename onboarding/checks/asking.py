"""How a question gets its answer: the newest finding while it holds, else AWS is asked, by one worker at a time."""

from __future__ import annotations

import datetime as dt
import time
from collections.abc import Callable

import structlog
from django.db import transaction
from django.db.models import Q
from django.db.models.functions import Now
from django.utils import timezone

from onboarding.aws import AwsError
from onboarding.checks.base import Answer, Case, Check
from onboarding.checks.registry import BY_NAME
from onboarding.checks.unanswered import answer_for
from onboarding.enums import Layer, Outcome, Trigger
from onboarding.models import Finding, Subject, Verification
from onboarding.models.verification import ANSWER_HOLDS

log = structlog.get_logger(__name__)

# How long an answer holds before it is asked again.
FRESH_WHEN_PASSED = dt.timedelta(minutes=15)
FRESH_OTHERWISE = dt.timedelta(minutes=2)
# One question's worst case: a few calls of about half a minute each.
SUBJECT_LEASE = dt.timedelta(seconds=60)
_POLL_SECONDS = 0.2

FAULT = Answer(Outcome.UNKNOWN, "internal", {}, Layer.PORTAL)

# Whether a finding of a check will do for whoever asks now.
Holds = Callable[[Finding, Check], bool]


def holds_for(verification: Verification) -> Holds:
    """What holds for one verification depends on why it was started.

    Somebody who asks again wants to see what changed: then only a pass still holds, and that only as long as the check
    tolerates, or an answer newer than the asking. Somebody who asks one check again wants that one asked, and what it
    was asked of; everything else stays as it is known.
    """
    asked_at = verification.queued_at
    again = _asked_again(verification.rechecked) if verification.rechecked else None

    def holds(finding: Finding, check: Check) -> bool:
        if finding.checked_at >= asked_at:
            return True
        if again is not None:
            return check.name not in again and asked_at < finding.checked_at + ANSWER_HOLDS
        if verification.trigger != Trigger.RECHECK:
            return finding.is_fresh(timezone.now())
        oldest = asked_at - (check.tolerance or FRESH_WHEN_PASSED)
        return finding.outcome == Outcome.PASSED and finding.checked_at >= oldest

    return holds


def _asked_again(name: str) -> frozenset[str]:
    """The check itself, and those of its own scope whose answer it is made of."""
    check = BY_NAME.get(name)
    if check is None:
        return frozenset({name})
    same = (other for other in check.needs if BY_NAME[other].scope == check.scope)
    return frozenset({name, *same})


def while_fresh(finding: Finding, check: Check) -> bool:
    """What holds for a sweep: nobody waits for it, so nothing is asked before its time."""
    return finding.is_fresh(timezone.now())


def settle(check: Check, about: str, case: Case, *, holds: Holds, still_wanted: Callable[[], None]) -> Finding:
    """The finding that answers a question: the newest while it holds, else a new one.

    `still_wanted` is called while another worker asks the same; it raises to give up waiting.
    """
    key = check.subject(about, case)
    subject, _ = Subject.objects.select_related("latest__last_known", "last_known").get_or_create(
        check_name=check.name, key=key
    )
    while not _will_do(subject.latest, check, holds):
        if _claim(subject):
            subject.refresh_from_db()
            if _will_do(subject.latest, check, holds):
                _release(subject)
                break
            case.before = subject.last_known
            try:
                return _record(check, subject, ask(check, about, case))
            except BaseException:
                # Whoever waits for the answer need not wait for the lease to run out.
                _release(subject)
                raise
        time.sleep(_POLL_SECONDS)
        still_wanted()
        subject.refresh_from_db()
    if subject.latest is None:
        raise RuntimeError("A subject's finding vanished.")
    return subject.latest


def _will_do(finding: Finding | None, check: Check, holds: Holds) -> bool:
    return finding is not None and holds(finding, check)


def _claim(subject: Subject) -> bool:
    """By the database's clock, as leases of jobs."""
    free = Subject.objects.filter(pk=subject.pk).filter(Q(lease_until=None) | Q(lease_until__lt=Now()))
    return free.update(lease_until=Now() + SUBJECT_LEASE) == 1


def _release(subject: Subject) -> None:
    Subject.objects.filter(pk=subject.pk).update(lease_until=None)


def ask(check: Check, about: str, case: Case) -> Answer:
    """The check's answer. Whatever goes wrong on the way is *unknown*, not a denial, and never ends the run."""
    try:
        return check.answer(about, case)
    except AwsError as error:
        log.warning("check.no_answer", check=check.name, operation=error.operation, detail=error.detail)
        return answer_for(error)
    except Exception:
        log.exception("check.failed", check=check.name)
        return FAULT


@transaction.atomic
def _record(check: Check, subject: Subject, answer: Answer) -> Finding:
    finding = new_finding(check, subject.key, answer, last_known=subject.last_known)
    finding.save()
    known = {} if finding.outcome == Outcome.UNKNOWN else {"last_known": finding}
    Subject.objects.filter(pk=subject.pk).update(latest=finding, lease_until=None, **known)
    check.noticed(finding, subject.last_known)
    return finding


def new_finding(check: Check, subject: str, answer: Answer, *, last_known: Finding | None = None) -> Finding:
    """An unsaved finding. One that nobody could tell remembers the last known answer; the others are their own."""
    now = timezone.now()
    return Finding(
        check_name=check.name,
        scope=check.scope,
        subject=subject,
        outcome=answer.outcome,
        layer=answer.layer or "",
        reason=answer.reason,
        facts=dict(answer.facts),
        checked_at=now,
        fresh_until=now + (FRESH_WHEN_PASSED if answer.outcome == Outcome.PASSED else FRESH_OTHERWISE),
        settles_at=answer.settles_at,
        last_known=last_known if answer.outcome == Outcome.UNKNOWN else None,
    )
