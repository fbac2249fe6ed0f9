"""Every check, in the order a person sees them, and how to read what they found."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import NamedTuple, TypeVar

from onboarding.checks.base import UNKNOWN_REASONS, Check, FindingType, Pasted, Reason, Remedy, Text
from onboarding.checks.broad_grants import BroadGrantsCheck
from onboarding.checks.data_retention import DataRetentionCheck
from onboarding.checks.discovery import DiscoveryCheck
from onboarding.checks.doctor import DoctorReport
from onboarding.checks.identity import IdentityCheck
from onboarding.checks.inference_profile import InferenceProfileCheck
from onboarding.checks.invocation_logging import InvocationLoggingCheck
from onboarding.checks.live_probe import LiveProbeCheck
from onboarding.checks.marketplace import MarketplaceCheck
from onboarding.checks.model_access import ModelAccessCheck
from onboarding.checks.model_lifecycle import ModelLifecycleCheck
from onboarding.checks.permission_sets import PermissionSetsCheck
from onboarding.checks.permissions import PermissionsCheck
from onboarding.checks.plan_settings import PlanSettingsCheck
from onboarding.checks.role_policies import RolePoliciesCheck
from onboarding.checks.service_quota import ServiceQuotaCheck
from onboarding.checks.use_case_form import UseCaseFormCheck
from onboarding.enums import Actor, Outcome, Scope
from onboarding.models import Finding, PlanRevision

T = TypeVar("T")

# A check comes after those it needs, and beside those of its gate.
CHECKS: tuple[Check, ...] = (
    PermissionSetsCheck(),
    IdentityCheck(),
    InferenceProfileCheck(),
    UseCaseFormCheck(),
    ModelAccessCheck(),
    ModelLifecycleCheck(),
    DataRetentionCheck(),
    ServiceQuotaCheck(),
    InvocationLoggingCheck(),
    RolePoliciesCheck(),
    PermissionsCheck(),
    PlanSettingsCheck(),
    DiscoveryCheck(),
    MarketplaceCheck(),
    BroadGrantsCheck(),
    LiveProbeCheck(),
)
BY_NAME: Mapping[str, Check] = {check.name: check for check in CHECKS}
# Everything a finding can be, also what is not asked but reported.
FINDING_TYPES: Mapping[str, FindingType] = {**BY_NAME, DoctorReport.name: DoctorReport()}
# What an account's own page shows: everything that holds for everybody in it, but who is assigned what.
ACCOUNT_CHECKS: tuple[Check, ...] = tuple(
    check for check in CHECKS if check.scope == Scope.ACCOUNT and check.name != PermissionSetsCheck.name
)


class Question(NamedTuple):
    """A check and what it is asked about: an inference profile's id, or nothing for the person."""

    check: Check
    about: str


@dataclass(frozen=True, slots=True)
class Explanation:
    """A finding in words, in the language that is active now.

    `remedy` speaks to the person and `admin_remedy` to whoever can act; `link` is a page of the AWS console, as title
    and URL.
    """

    title: str
    summary: str
    remedy: str
    admin_remedy: str
    actor: Actor
    link: tuple[str, str] | None
    evidence: tuple[tuple[str, str], ...]


class _Words(dict[str, str]):
    """A fact that an older version of a check did not write is shown as missing, and fails no page."""

    def __missing__(self, key: str) -> str:
        return "?"


def questions(revision: PlanRevision, checks: Sequence[Check] = CHECKS) -> list[Question]:
    """Everything a verification against `revision` asks, in order."""
    return [Question(check, about) for check in checks for about in check.questions(revision)]


def explain(finding: Finding) -> Explanation:
    """Read a finding. One that an older or newer version of a check wrote is read by its outcome alone."""
    check, reason = _reason_of(finding)
    if check is None or reason is None:
        label = str(Outcome(finding.outcome).label)
        return Explanation(f"{finding.check_name}: {label}", label, "", "", Actor.NOBODY, None, ())
    return _explain(check, reason, finding)


def pastes_for(findings: Sequence[Finding]) -> list[Pasted]:
    """What fixes findings that one check answered with one reason, as things to paste; none where nothing does."""
    check, reason = _reason_of(findings[0])
    if check is None or reason is None or reason.remedy is None:
        return []
    words, facts = _words(check, findings[0]), [finding.facts for finding in findings]
    made = [
        Pasted(str(paste.title) % words, paste.name, _known(partial(paste.make, facts), ""))
        for paste in reason.remedy.pastes
    ]
    return [pasted for pasted in made if pasted.text]


def _reason_of(finding: Finding) -> tuple[FindingType | None, Reason | None]:
    check = FINDING_TYPES.get(finding.check_name)
    reason = (check.REASONS.get(finding.reason) if check else None) or UNKNOWN_REASONS.get(finding.reason)
    return check, reason


def _words(check: FindingType, finding: Finding) -> Mapping[str, str]:
    nothing: dict[str, str] = {}
    return _Words(_known(partial(check.words, finding.facts), nothing))


def _evidence(check: FindingType, finding: Finding) -> list[tuple[Text, str]]:
    nothing: list[tuple[Text, str]] = []
    return _known(partial(check.evidence, finding.facts), nothing)


def _known(read: Callable[[], T], otherwise: T) -> T:
    """What is read from a finding's facts; what an older version of its check did not write fails no page."""
    try:
        return read()
    except (AttributeError, IndexError, KeyError, TypeError, ValueError):
        return otherwise


def _explain(check: FindingType, reason: Reason, finding: Finding) -> Explanation:
    words = _words(check, finding)
    remedy = reason.remedy or Remedy("", actor=Actor.NOBODY)

    def fill(template: Text) -> str:
        return str(template) % words

    return Explanation(
        title=fill(reason.title),
        summary=fill(reason.summary),
        remedy=fill(remedy.person),
        admin_remedy=fill(remedy.admin),
        actor=remedy.actor,
        link=_link(remedy, finding),
        evidence=tuple((str(label), value) for label, value in _evidence(check, finding) if value),
    )


def _link(remedy: Remedy, finding: Finding) -> tuple[str, str] | None:
    link = remedy.link
    url = _known(partial(link.url, finding.facts), "") if link else ""
    return (str(link.title), url) if link and url else None
