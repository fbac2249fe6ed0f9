"""What somebody for whom everything is verified would get of a revision: to read, and to compare with another."""

from __future__ import annotations

from dataclasses import dataclass

from onboarding.bundles.drift import drift, policy_drift
from onboarding.bundles.iam_policy import iam_policies
from onboarding.bundles.inputs import BundleInputs, UnsafeValue
from onboarding.bundles.json_text import json_text
from onboarding.bundles.make import NotVerified, preview_of
from onboarding.bundles.settings_json import settings_of
from onboarding.enums import Platform
from onboarding.models import PlanRevision
from onboarding.views.bundle_choices import bundle_language


@dataclass(frozen=True, slots=True)
class PlanFiles:
    """`undescribed` are the plan's inference profiles that Bedrock was not asked about yet: the policies lack them."""

    name: str  # settings.json, or managed-settings.json
    settings: str
    policy: str
    terraform: str
    undescribed: tuple[str, ...]

    @property
    def has_policy(self) -> bool:
        """Whether the policies name anything at all."""
        return bool(self.policy)


def files_of(revision: PlanRevision) -> PlanFiles | None:
    """The files of a revision, saved or not; None where its helper is not allowed any more. Raises UnsafeValue."""
    inputs = _preview(revision)
    if inputs is None:
        return None
    undescribed = tuple(profile for profile in dict.fromkeys(inputs.models.values()) if profile not in inputs.routes)
    policies = iam_policies(inputs) if inputs.routes else {}
    return PlanFiles(
        name=inputs.settings_name,
        settings=json_text(settings_of(inputs)).decode("ascii"),
        policy=policies.get("iam-policy.json", b"").decode("ascii"),
        terraform=policies.get("iam-policy.tf", b"").decode("ascii"),
        undescribed=undescribed,
    )


def changes(old: PlanRevision, new: PlanRevision) -> str | None:
    """A unified diff of what the two put on a machine; empty where that is the same, None where nobody can tell."""
    try:
        before, after = _preview(old), _preview(new)
        return drift(before, after) if before and after else None
    except UnsafeValue:
        return None


def policy_changes(old: PlanRevision, new: PlanRevision) -> str | None:
    """The same of the IAM policy that their role needs."""
    try:
        before, after = _preview(old), _preview(new)
        return policy_drift(before, after) if before and after else None
    except UnsafeValue:
        return None


def _preview(revision: PlanRevision) -> BundleInputs | None:
    """Platforms differ in the command around a helper alone."""
    try:
        return preview_of(revision, platform=Platform.LINUX, language=bundle_language())
    except NotVerified:
        return None


def undescribed(*revisions: PlanRevision) -> tuple[str, ...]:
    """The profiles of these revisions that Bedrock was not asked about yet, so that no policy names them."""
    previews = [preview for revision in revisions if (preview := _preview(revision))]
    missing = (profile for each in previews for profile in each.models.values() if profile not in each.routes)
    return tuple(dict.fromkeys(missing))
