"""A person's machines as pages show them, and what changed since the bundle they have."""

from __future__ import annotations

from dataclasses import dataclass

from onboarding.access import Access
from onboarding.bundles.drift import drift
from onboarding.bundles.inputs import BundleInputs
from onboarding.bundles.make import NotVerified, inputs_of
from onboarding.checks.registry import Explanation, explain
from onboarding.models import Bundle, Enrolment, PlanRevision


@dataclass(frozen=True, slots=True)
class Machine:
    """An enrolment, what its doctor said in words, and its state: `answered`, `connected`, `outdated`, `unknown` or
    `failed`."""

    enrolment: Enrolment
    explanation: Explanation | None
    state: str


@dataclass(frozen=True, slots=True)
class Changed:
    """What differs between the bundle somebody took last and the one they would get now."""

    bundle: Bundle
    revisions: tuple[PlanRevision, ...]  # those published since, the newest first
    diff: str


def machines_of(access: Access) -> list[Machine]:
    """The newest report first: one query, and one for the findings."""
    rows = access.person.enrolments.select_related("revision__plan", "finding")
    return [_machine(row, access.revision) for row in rows]


def _machine(enrolment: Enrolment, revision: PlanRevision | None) -> Machine:
    explanation = explain(enrolment.finding) if enrolment.finding and enrolment.outcome != "passed" else None
    return Machine(enrolment, explanation, _state(enrolment, revision))


def _state(enrolment: Enrolment, revision: PlanRevision | None) -> str:
    """Connected and answered are two states: settings may be in place long before a model was called."""
    if enrolment.outcome == "unknown":
        return "unknown"
    if enrolment.connected_at is None or enrolment.outcome == "failed":
        return "failed"
    if revision is None or enrolment.revision_id != revision.pk:
        return "outdated"
    return "answered" if enrolment.answered_at else "connected"


def newest_bundle(access: Access) -> Bundle | None:
    """The bundle the person took last, with everything it was made of."""
    return (
        Bundle.objects.filter(person=access.person)
        .select_related("revision__plan", "revision__account", "revision__identity_center", "verification__principal")
        .order_by("-created_at")
        .first()
    )


def changed_since(access: Access, inputs: BundleInputs) -> Changed | None:
    """Nothing where the person has no bundle yet, or would get the same files again."""
    bundle = newest_bundle(access)
    if bundle is None:
        return None
    bundle.person, bundle.platform, bundle.language = access.person, inputs.platform, inputs.language
    try:
        old = inputs_of(bundle)
    except NotVerified:
        return None
    diff = drift(old, inputs) if old else ""
    return Changed(bundle, _published_since(bundle, access), diff) if diff else None


def _published_since(bundle: Bundle, access: Access) -> tuple[PlanRevision, ...]:
    if access.revision is None or access.revision.plan_id != bundle.revision.plan_id:
        return ()
    return tuple(access.revision.plan.revisions.filter(number__gt=bundle.revision.number).order_by("-number"))
