"""Discovery: the role may list inference profiles and look them up, as Claude Code does at every start."""

from __future__ import annotations

from collections.abc import Sequence
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
from onboarding.checks.simulation import NEEDS_CONTEXT, judged, person_context, role_subject, simulated
from onboarding.enums import Gate, Layer, Scope
from onboarding.policies import DISCOVER, discover, document


def _statements(findings: Sequence[Facts]) -> str:
    """Only what is missing."""
    missing = {action for facts in findings for action in facts["missing"]}
    arns = {arn for facts in findings for arn in facts["profiles"]}
    return document(statement for statement in discover(arns) if statement["Action"] in missing)


class DiscoveryCheck(Check):
    """A warning at most: the plan pins every model, so Claude Code works without; it guesses where it cannot ask."""

    name = "discovery"
    scope = Scope.ROLE
    gate = Gate.PERMISSIONS
    title = _("Look up inference profiles")
    is_about_models = False
    needs = ("role-policies",)
    is_vital = False
    REASONS = {
        "allowed": Reason(
            _("Look up inference profiles"),
            _("%(role)s may list inference profiles and look them up."),
        ),
        "needs-context": NEEDS_CONTEXT,
        "denied": Reason(
            _("Your role may not look up inference profiles"),
            _("%(role)s lacks %(missing)s. You can work; Claude Code then guesses a model's name, limits and price."),
            Remedy(
                _("You need not do anything. An admin adds these statements to the policy."),
                _("Grant %(role)s these statements (%(layer)s). Listing has to be granted on every resource."),
                pastes=(Paste(_("Statements the policy lacks"), "policy.json", _statements),),
                link=links.ROLE,
            ),
        ),
    }

    def can_ask(self, about: str, case: Case) -> bool:
        return super().can_ask(about, case) and bool(routed_profiles(case))

    def subject(self, about: str, case: Case) -> str:
        return f"{role_subject(case)}|{fingerprint(profile['arn'] for profile in routed_profiles(case))}"

    def answer(self, about: str, case: Case) -> Answer:
        arns = [profile["arn"] for profile in routed_profiles(case)]
        context = {"aws:RequestedRegion": case.revision.region, **person_context(case)}
        told = simulated(DISCOVER, ["*", *arns], context, case).decisions
        role = case.facts("role-policies")
        facts: dict[str, Any] = {
            "role": role["role"],
            "role_arn": role["role_arn"],
            "region": case.revision.region,
            "profiles": arns,
        }
        return judged(facts, told, {DISCOVER[0]: ["*"], DISCOVER[1]: arns})

    def words(self, facts: Facts) -> dict[str, str]:
        layer = Layer(facts["layer"]).label if "layer" in facts else ""
        return super().words(facts) | {"missing": ", ".join(facts.get("missing", [])), "layer": str(layer)}

    def evidence(self, facts: Facts) -> list[tuple[Text, str]]:
        return [
            (_("Asked"), "iam:SimulatePrincipalPolicy, " + ", ".join(DISCOVER)),
            (_("Role"), facts.get("role_arn", "")),
        ]
