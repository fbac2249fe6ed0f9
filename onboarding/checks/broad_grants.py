"""Broad grants: the role may do no more than Claude Code needs. Asks AWS nothing; the policies were read before."""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext_lazy as _

from onboarding.checks import links
from onboarding.checks.base import (
    Answer,
    Case,
    Check,
    Facts,
    Paste,
    Reason,
    Remedy,
    Text,
    fingerprint,
    routed_profiles,
)
from onboarding.checks.grants import broad_grants
from onboarding.checks.policies import deny_long_term_keys, least_privilege
from onboarding.enums import Gate, Layer, Outcome, Scope

_GROUNDS = {
    "all-actions": _("every action of Bedrock"),
    "other-vendors": _("other vendors' models"),
    "any-region": _("any Region"),
    "long-term-keys": _("long-term API keys"),
}


class BroadGrantsCheck(Check):
    name = "broad-grants"
    scope = Scope.ROLE
    gate = Gate.PERMISSIONS
    title = _("No more than needed")
    is_about_models = False
    needs = ("role-policies",)
    is_vital = False
    REASONS = {
        "narrow": Reason(
            _("No more than needed"),
            _("The policies of %(role)s grant Claude Code's actions, on the plan's kind of models and Regions."),
        ),
        "broad": Reason(
            _("%(role)s may do more than Claude Code needs"),
            _("The policies of %(role)s also allow %(grounds)s. You can work; a narrower policy would do."),
            Remedy(
                _("You need not do anything. An admin narrows the policy."),
                _("Give %(role)s the policy below in the place of %(where)s."),
                pastes=(
                    Paste(_("Least-privilege policy for this plan"), "policy.json", least_privilege),
                    Paste(_("Policy that denies long-term API keys"), "policy.json", deny_long_term_keys),
                ),
                link=links.ROLE,
            ),
        ),
    }

    def subject(self, about: str, case: Case) -> str:
        role, routes = case.facts("role-policies"), routed_profiles(case)
        needed = fingerprint(arn for profile in routes for arn in [profile["arn"], *profile["models"]])
        return f"{role['role_arn']}|{role['fingerprint']}|{case.revision.region}|{needed}"

    def answer(self, about: str, case: Case) -> Answer:
        role = case.facts("role-policies")
        grants = [policy for policy in role["policies"] if policy["kind"] != "boundary"]
        broad = [row._asdict() for policy in grants for row in broad_grants(policy["name"], policy["document"])]
        facts: dict[str, Any] = {
            "role": role["role"],
            "role_arn": role["role_arn"],
            "region": case.revision.region,
            "broad": broad,
            "profiles": routed_profiles(case),
        }
        if broad:
            return Answer(Outcome.WARNING, "broad", facts, Layer.IDENTITY_POLICY)
        return Answer(Outcome.PASSED, "narrow", facts)

    def words(self, facts: Facts) -> dict[str, str]:
        found = facts.get("broad", [])
        grounds = dict.fromkeys(str(_GROUNDS.get(row["ground"], row["ground"])) for row in found)
        return super().words(facts) | {
            "grounds": ", ".join(grounds),
            "where": ", ".join(dict.fromkeys(row["policy"] for row in found)),
        }

    def evidence(self, facts: Facts) -> list[tuple[Text, str]]:
        return [
            (_GROUNDS.get(row["ground"], row["ground"]), f"{row['policy']}, {row['statement']}")
            for row in facts.get("broad", [])
        ]
