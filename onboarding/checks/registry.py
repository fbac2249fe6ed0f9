"""Every check, in the order a person sees them, and how to read what they found."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from onboarding.checks.base import UNKNOWN_REASONS, Check, Reason, Text
from onboarding.checks.identity import IdentityCheck
from onboarding.checks.inference_profile import InferenceProfileCheck
from onboarding.checks.model_access import ModelAccessCheck
from onboarding.checks.permission_sets import PermissionSetsCheck
from onboarding.checks.permissions import PermissionsCheck
from onboarding.enums import Actor, Outcome
from onboarding.models import Finding, PlanRevision

# A check comes after those it needs.
CHECKS: tuple[Check, ...] = (
    PermissionSetsCheck(),
    IdentityCheck(),
    InferenceProfileCheck(),
    ModelAccessCheck(),
    PermissionsCheck(),
)
BY_NAME: Mapping[str, Check] = {check.name: check for check in CHECKS}


class Question(NamedTuple):
    """A check and what it is asked about: an inference profile's id, or nothing for the person."""

    check: Check
    about: str


@dataclass(frozen=True, slots=True)
class Explanation:
    """A finding in words, in the language that is active now."""

    title: str
    summary: str
    remedy: str
    actor: Actor
    paste_title: str
    evidence: tuple[tuple[str, str], ...]


class _Words(dict[str, str]):
    """A fact that an older version of a check did not write is shown as missing, and fails no page."""

    def __missing__(self, key: str) -> str:
        return "?"


def questions(revision: PlanRevision) -> list[Question]:
    """Everything a verification against `revision` asks, in order."""
    return [Question(check, about) for check in CHECKS for about in check.questions(revision)]


def explain(finding: Finding) -> Explanation:
    """Read a finding. One that an older or newer version of a check wrote is read by its outcome alone."""
    check = BY_NAME.get(finding.check_name)
    reason = (check.REASONS.get(finding.reason) if check else None) or UNKNOWN_REASONS.get(finding.reason)
    if check is None or reason is None:
        label = str(Outcome(finding.outcome).label)
        return Explanation(f"{finding.check_name}: {label}", label, "", Actor.NOBODY, "", ())
    return _explain(check, reason, finding)


def paste_for(findings: Sequence[Finding]) -> str:
    """What fixes findings that one check answered with one reason, as one thing to paste; empty when nothing does."""
    check = BY_NAME.get(findings[0].check_name)
    reason = check.REASONS.get(findings[0].reason) if check else None
    return reason.paste([finding.facts for finding in findings]) if reason and reason.paste else ""


def _explain(check: Check, reason: Reason, finding: Finding) -> Explanation:
    words = _Words(check.words(finding.facts))

    def fill(template: Text) -> str:
        return str(template) % words

    return Explanation(
        title=fill(reason.title),
        summary=fill(reason.summary),
        remedy=fill(reason.remedy),
        actor=reason.actor,
        paste_title=str(reason.paste_title),
        evidence=tuple((str(label), value) for label, value in check.evidence(finding.facts) if value),
    )
