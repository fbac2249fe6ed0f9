"""Marketplace: the role may subscribe to a model, as the first call in an account does in the background."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.utils.translation import gettext_lazy as _

from onboarding.checks import links
from onboarding.checks.base import Answer, Case, Check, Facts, Paste, Reason, Remedy, Text
from onboarding.checks.simulation import NEEDS_CONTEXT, judged, person_context, role_subject, simulated
from onboarding.enums import Gate, Layer, Scope
from onboarding.policies import CALLED_VIA, SUBSCRIBE, document, subscribe


def _statement(findings: Sequence[Facts]) -> str:
    return document([subscribe()])


class MarketplaceCheck(Check):
    """A warning at most: once somebody in the account has subscribed, nobody else needs the actions."""

    name = "marketplace"
    scope = Scope.ROLE
    gate = Gate.PERMISSIONS
    title = _("Subscribe to models")
    is_about_models = False
    needs = ("role-policies",)
    is_vital = False
    REASONS = {
        "allowed": Reason(
            _("Subscribe to models"),
            _("%(role)s may subscribe to a model through Bedrock, when it is the first to call it."),
        ),
        "needs-context": NEEDS_CONTEXT,
        "denied": Reason(
            _("Your role may not subscribe to models"),
            _(
                "%(role)s lacks %(missing)s. You can work: they matter only for a model that nobody in account "
                "%(account)s has called before."
            ),
            Remedy(
                _("You need not do anything. An admin calls each new model once, or adds the statement."),
                _("Call each new model of the plan once yourself, or grant %(role)s this statement (%(layer)s)."),
                pastes=(Paste(_("Statement the policy lacks"), "policy.json", _statement),),
                link=links.ROLE,
            ),
        ),
    }

    def subject(self, about: str, case: Case) -> str:
        return role_subject(case)

    def answer(self, about: str, case: Case) -> Answer:
        """Bedrock calls AWS Marketplace for the person: unless that is said, a grant made for it seems to deny."""
        context = {"aws:RequestedRegion": case.revision.region, **CALLED_VIA, **person_context(case)}
        told = simulated(SUBSCRIBE, ["*"], context, case).decisions
        role = case.facts("role-policies")
        facts: dict[str, Any] = {
            "role": role["role"],
            "role_arn": role["role_arn"],
            "account": case.revision.account.account_id,
            "region": case.revision.region,
        }
        return judged(facts, told, {action: ["*"] for action in SUBSCRIBE})

    def words(self, facts: Facts) -> dict[str, str]:
        layer = Layer(facts["layer"]).label if "layer" in facts else ""
        return super().words(facts) | {"missing": ", ".join(facts.get("missing", [])), "layer": str(layer)}

    def evidence(self, facts: Facts) -> list[tuple[Text, str]]:
        via = ", ".join(f"{key}={value}" for key, value in CALLED_VIA.items())
        return [
            (_("Asked"), "iam:SimulatePrincipalPolicy, " + ", ".join(SUBSCRIBE)),
            (_("Role"), facts.get("role_arn", "")),
            (_("Condition keys"), via),
        ]
