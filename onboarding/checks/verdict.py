"""What a verification's answers add up to: which models work for the person, and whether they are ready."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from dataclasses import dataclass

from django.utils import timezone

from onboarding.checks.base import USABLE, Case
from onboarding.checks.registry import Question, questions
from onboarding.enums import Outcome, Readiness
from onboarding.models import Finding
from onboarding.models.verification import ANSWER_HOLDS


@dataclass(frozen=True, slots=True)
class Verdict:
    """`proved_until` is how long the oldest answer it stands on may count; None when it proves nothing."""

    readiness: Readiness
    verified_profiles: tuple[str, ...]
    proved_until: dt.datetime | None
    recheck_at: dt.datetime | None


def verdict(case: Case) -> Verdict:
    """The verdict over a case whose questions were asked.

    Ready means that the plan's default model is: the other tiers are left out of the bundle until they are, too.
    """
    asked = questions(case.revision)
    readiness = _readiness(asked, case, case.revision.default_profile)
    verified = [
        profile
        for profile in dict.fromkeys(case.revision.profiles.values())
        if _readiness(asked, case, profile) == Readiness.READY
    ]
    is_ready = readiness == Readiness.READY
    return Verdict(
        readiness=readiness,
        verified_profiles=tuple(verified),
        proved_until=_oldest(asked, case, verified) + ANSWER_HOLDS if is_ready else None,
        recheck_at=min((found.settles_at for found in case.findings.values() if found.settles_at), default=None),
    )


def _readiness(asked: Iterable[Question], case: Case, profile: str) -> Readiness:
    """What the answers about the person and about one profile say of it."""
    found = [(check, case.standing(check.name, about)) for check, about in asked if about in ("", profile)]
    if any(finding is not None and finding.outcome == Outcome.FAILED for _, finding in found):
        return Readiness.BLOCKED
    vital = [finding for check, finding in found if check.is_vital]
    is_known = all(finding is not None and finding.outcome in USABLE for finding in vital)
    return Readiness.READY if is_known else Readiness.UNKNOWN


def _oldest(asked: Iterable[Question], case: Case, profiles: Iterable[str]) -> dt.datetime:
    """When the oldest answer was given that the verified profiles stand on."""
    wanted = {"", *profiles}
    found: list[Finding | None] = [
        case.standing(check.name, about) for check, about in asked if check.is_vital and about in wanted
    ]
    return min((finding.checked_at for finding in found if finding is not None), default=timezone.now())
