"""Plan settings: the role may do what the plan's way to sign in, and its guardrail, need besides calling models.

https://docs.aws.amazon.com/bedrock/latest/userguide/api-keys.html and guardrails-permissions.html
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from django.utils.translation import gettext_lazy as _

from onboarding.catalog import guardrail_arn
from onboarding.checks import links
from onboarding.checks.base import Answer, Case, Check, Facts, Paste, Reason, Remedy, Text, fingerprint
from onboarding.checks.simulation import NEEDS_CONTEXT, judged, person_context, role_subject, simulated
from onboarding.enums import CredentialMethod, Gate, Layer, Outcome, Scope
from onboarding.models import PlanRevision
from onboarding.policies import APPLY_GUARDRAIL, CALL_WITH_KEY, apply_guardrail, call_with_short_term_keys, document

# What Bedrock says of a key that was made from a session.
_SHORT_TERM = {"bedrock:BearerTokenType": "SHORT_TERM"}


def _statements(findings: Sequence[Facts]) -> str:
    """Only what is missing."""
    missing = {action for facts in findings for action in facts["missing"]}
    statements = call_with_short_term_keys() if CALL_WITH_KEY in missing else []
    if APPLY_GUARDRAIL in missing:
        statements += [apply_guardrail(arn) for arn in sorted({facts["guardrail"] for facts in findings})]
    return document(statements)


class PlanSettingsCheck(Check):
    name = "plan-settings"
    scope = Scope.ROLE
    gate = Gate.PERMISSIONS
    title = _("What the plan's settings need")
    is_about_models = False
    needs = ("role-policies",)
    REASONS = {
        "allowed": Reason(
            _("What the plan's settings need"),
            _("%(role)s may do what the plan's settings need: %(actions)s."),
        ),
        "needs-context": NEEDS_CONTEXT,
        "denied": Reason(
            _("Your role lacks %(missing)s"),
            _("The plan's settings need %(missing)s, and %(role)s may not: every call would be refused."),
            Remedy(
                _("An admin adds these statements to the permission set's policy, or changes the plan."),
                _("Grant %(role)s these statements (%(layer)s), or take the setting out of the plan."),
                pastes=(Paste(_("Statements the policy lacks"), "policy.json", _statements),),
                link=links.ROLE,
            ),
        ),
    }

    def questions(self, revision: PlanRevision) -> tuple[str, ...]:
        """None for a plan whose settings need nothing more."""
        return ("",) if _wanted(revision) else ()

    def subject(self, about: str, case: Case) -> str:
        wanted = (f"{action} {arns}" for action, arns in _wanted(case.revision).items())
        return f"{role_subject(case)}|{fingerprint(wanted)}"

    def answer(self, about: str, case: Case) -> Answer:
        wanted, role = _wanted(case.revision), case.facts("role-policies")
        context = {"aws:RequestedRegion": case.revision.region, **_SHORT_TERM, **person_context(case)}
        resources = dict.fromkeys(arn for arns in wanted.values() for arn in arns)
        told = simulated(list(wanted), list(resources), context, case).decisions
        facts: dict[str, Any] = {
            "role": role["role"],
            "role_arn": role["role_arn"],
            "account": case.revision.account.account_id,
            "region": case.revision.region,
            "actions": ", ".join(wanted),
            "guardrail": next(iter(wanted.get(APPLY_GUARDRAIL, [])), ""),
        }
        answer = judged(facts, told, wanted)
        # Without these nobody works, unlike without the actions that others are judged for.
        return replace(answer, outcome=Outcome.FAILED) if answer.reason == "denied" else answer

    def words(self, facts: Facts) -> dict[str, str]:
        layer = Layer(facts["layer"]).label if "layer" in facts else ""
        return super().words(facts) | {"missing": ", ".join(facts.get("missing", [])), "layer": str(layer)}

    def evidence(self, facts: Facts) -> list[tuple[Text, str]]:
        return [
            (_("Asked"), f"iam:SimulatePrincipalPolicy, {facts.get('actions', '')}"),
            (_("Role"), facts.get("role_arn", "")),
            (_("Guardrail"), facts.get("guardrail", "")),
        ]


def _wanted(revision: PlanRevision) -> Mapping[str, Sequence[str]]:
    """The actions that the plan's settings need, and on what."""
    wanted: dict[str, Sequence[str]] = {}
    if revision.credential_method == CredentialMethod.BEDROCK_API_KEY:
        wanted[CALL_WITH_KEY] = ["*"]
    if revision.guardrail:
        wanted[APPLY_GUARDRAIL] = [guardrail_arn(revision.guardrail, revision.region, revision.account.account_id)]
    return wanted
