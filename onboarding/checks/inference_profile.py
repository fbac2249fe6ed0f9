"""Inference profile: it exists in the source Region, is ACTIVE, and routes to these Regions now."""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from onboarding.aws import bedrock
from onboarding.aws.bedrock import InferenceProfile
from onboarding.catalog import (
    APPLICATION_PROFILE_ARN,
    Destination,
    model_arn,
    model_label,
    parse_profile_id,
    partition_of,
    region_label,
)
from onboarding.checks import links
from onboarding.checks.base import (
    AccountCheck,
    Answer,
    Case,
    Facts,
    Reason,
    Remedy,
    Text,
    region_labels,
)
from onboarding.enums import Layer, Outcome, Trigger
from onboarding.models import Account, Finding, Sweep


class InferenceProfileCheck(AccountCheck):
    name = "inference-profile"
    title = _("Inference profile")
    REASONS = {
        "active": Reason(
            _("%(model)s"),
            _("%(profile)s is active in %(region)s and routes to %(routes)s."),
        ),
        "absent": Reason(
            _("%(profile)s does not exist in %(region)s"),
            _("Bedrock lists no inference profile %(profile)s in %(region)s, so %(model)s cannot be called there."),
            Remedy(
                _(
                    "An admin puts a profile of this Region into the plan. For the same model there is: "
                    "%(alternatives)s."
                ),
                _("Put a profile of this Region into the plan. For the same model there is: %(alternatives)s."),
                link=links.INFERENCE_PROFILES,
            ),
        ),
        "inactive": Reason(
            _("%(profile)s is not active"),
            _("Bedrock says that %(profile)s is %(status)s in %(region)s."),
            Remedy(
                _("An admin waits until AWS activates the profile, or puts another one into the plan."),
                _("Wait until AWS activates the profile, or put another one into the plan."),
                link=links.INFERENCE_PROFILES,
            ),
        ),
    }

    def answer(self, about: str, case: Case) -> Answer:
        region = case.revision.region
        facts = {"profile": about, "region": region}
        found = _find(about, case)
        if found is None:
            alternatives = _same_model(about, case)
            return Answer(Outcome.FAILED, "absent", facts | {"alternatives": alternatives}, Layer.INFERENCE_PROFILE)
        facts |= {"arn": found.arn, "status": found.status}
        if not found.is_active:
            return Answer(Outcome.FAILED, "inactive", facts, Layer.INFERENCE_PROFILE)
        routed = _routed(found, region)
        models = sorted({row["model_id"] for row in routed})
        return Answer(Outcome.PASSED, "active", {**facts, "destinations": routed, "models": models})

    def noticed(self, finding: Finding, before: Finding | None) -> None:
        """Bedrock routes somewhere else now: a policy that sufficed may not any more, so whom it may concern is
        verified again."""
        if before is None or not (_arns(finding) and _arns(before)) or _arns(finding) == _arns(before):
            return
        account = Account.objects.filter(account_id=finding.subject.partition("|")[0]).first()
        if account is not None:
            Sweep.objects.open(trigger=Trigger.DESTINATIONS_CHANGED, account=account)

    def words(self, facts: Facts) -> dict[str, str]:
        count = len({row["region"] for row in facts.get("destinations", []) if row["region"]})
        is_global = any(not row["region"] for row in facts.get("destinations", []))
        return super().words(facts) | {
            "model": model_label(next(iter(facts.get("models", [])), facts.get("profile", ""))),
            "region": region_label(facts.get("region", "")),
            "routes": str(_("any commercial Region"))
            if is_global
            else ngettext("%(count)s Region", "%(count)s Regions", count) % {"count": count},
            "alternatives": ", ".join(facts.get("alternatives", [])) or str(_("none")),
        }

    def evidence(self, facts: Facts) -> list[tuple[Text, str]]:
        is_application = APPLICATION_PROFILE_ARN.fullmatch(facts.get("profile", ""))
        asked = "bedrock:GetInferenceProfile" if is_application else "bedrock:ListInferenceProfiles"
        rows: list[tuple[Text, str]] = [(_("Asked"), f"{asked}, {facts.get('region', '')}")]
        if "arn" in facts:
            rows += [(_("Profile"), facts["arn"]), (_("Status"), facts["status"])]
        if facts.get("destinations"):
            regions = dict.fromkeys(row["region"] or str(_("region-less")) for row in facts["destinations"])
            rows.append((_("Routes to"), region_labels(regions)))
        return rows


def _arns(finding: Finding) -> set[str]:
    return {row["arn"] for row in finding.facts.get("destinations", [])}


def _find(about: str, case: Case) -> InferenceProfile | None:
    """System profiles come all in one answer; an application profile has to be asked for by its ARN."""
    if not APPLICATION_PROFILE_ARN.fullmatch(about):
        return _system_profiles(case).get(about)
    region, access = case.revision.region, case.account_access
    return bedrock.inference_profile(about, region=region, access=access)


def _system_profiles(case: Case) -> dict[str, InferenceProfile]:
    region, access = case.revision.region, case.account_access
    return case.once(("profiles", region, access), lambda: bedrock.inference_profiles(region=region, access=access))


def _routed(profile: InferenceProfile, source_region: str) -> list[dict[str, Any]]:
    """Every foundation model ARN that is authorized when the profile is called.

    A geographic profile needs its destinations and the source Region; a global one needs the source Region and the
    region-less ARN. Whether `models[]` of a global profile names the region-less ARN is not documented, so both are
    added where missing. https://docs.aws.amazon.com/bedrock/latest/userguide/global-cross-region-inference.html
    """
    parsed = parse_profile_id(profile.profile_id)
    destinations = {row.arn: row for row in profile.destinations}
    models = {row.model_id for row in profile.destinations} or ({parsed.model_id} if parsed else set())
    partition = partition_of(source_region)
    is_global = parsed is not None and parsed.is_global
    for model_id in sorted(models):
        for region in [source_region, *([""] if is_global else [])]:
            arn = model_arn(region, model_id, partition)
            destinations.setdefault(arn, Destination(arn, region, model_id))
    return [
        {"arn": row.arn, "region": row.region, "model_id": row.model_id}
        for row in sorted(destinations.values(), key=lambda row: row.arn)
    ]


def _same_model(profile_id: str, case: Case) -> list[str]:
    """Active profiles of the Region for the model the plan wants; an application profile does not tell its model."""
    wanted = parse_profile_id(profile_id)
    if wanted is None:
        return []
    return sorted(
        found.profile_id
        for found in _system_profiles(case).values()
        if found.is_active and any(row.model_id == wanted.model_id for row in found.destinations)
    )
