"""Live probe: the model answers the role. Only where an admin turned it on for the plan, and never the first call.

The first call of a model in an account accepts its agreement, so it is made only where that is in place; and only as
a role that trusts the portal, which a permission set's role never does.
"""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Any

from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from onboarding.aws import runtime
from onboarding.catalog import model_label, parse_profile_id
from onboarding.checks.base import Answer, Case, Check, Facts, Reason, Remedy, Text
from onboarding.checks.errors import diagnose
from onboarding.checks.simulation import role_subject
from onboarding.enums import Actor, EndpointKind, Gate, Layer, Outcome, Scope, TokenClass
from onboarding.models import PlanRevision, Price


class LiveProbeCheck(Check):
    name = "live-probe"
    scope = Scope.ROLE
    gate = Gate.PERMISSIONS
    title = _("Live probe")
    needs = ("model-access", "permissions")
    is_vital = False
    tolerance = dt.timedelta(minutes=5)
    REASONS = {
        "answered": Reason(
            _("%(model)s"),
            _("%(model)s answered %(role)s: %(input)s tokens in, %(output)s out, %(cost)s."),
        ),
        "not-trusted": Reason(
            _("Onramp may not try the model as %(role)s"),
            _("%(role)s does not trust Onramp's role, so no model was called. This says nothing about your access."),
            Remedy(
                _("You need not do anything."),
                _(
                    "Let %(role)s trust Onramp's role with sts:AssumeRole, and with sts:TagSession where Onramp runs "
                    "with EKS Pod Identity, or switch the live probe off in the plan."
                ),
            ),
        ),
        "model-refused": Reason(
            _("%(model)s refused a call"),
            _("%(role)s called %(profile)s and was refused. AWS said: %(error)s"),
            Remedy(
                _("An admin looks at what AWS said; pasted into Onramp's error page, it is explained."),
                _("Paste what AWS said into Onramp's error page: it names the layer and the fix."),
            ),
        ),
        "unclear": Reason(
            _("%(model)s could not be tried"),
            _("A call of %(profile)s as %(role)s failed for another reason than access. AWS said: %(error)s"),
            Remedy(_("You need not do anything."), actor=Actor.NOBODY),
        ),
    }

    def questions(self, revision: PlanRevision) -> tuple[str, ...]:
        return super().questions(revision) if revision.live_probe else ()

    def can_ask(self, about: str, case: Case) -> bool:
        """Not while the agreement is only a few minutes old, either."""
        access = case.standing("model-access", about)
        return super().can_ask(about, case) and access is not None and access.outcome == Outcome.PASSED

    def subject(self, about: str, case: Case) -> str:
        return f"{role_subject(case)}|{about}"

    def answer(self, about: str, case: Case) -> Answer:
        role = case.facts("role-policies")
        facts: dict[str, Any] = {
            "profile": about,
            "model_id": case.facts("model-access", about)["model_id"],
            "role": role["role"],
            "role_arn": role["role_arn"],
        }
        probe = runtime.probe(
            about,
            role_arn=role["role_arn"],
            external_id=case.account_access.external_id,
            region=case.revision.region,
        )
        if probe is None:
            return Answer(Outcome.UNKNOWN, "not-trusted", facts, Layer.PORTAL)
        if probe.error:
            return _refused(facts, probe.error)
        used = {"input": probe.input_tokens, "output": probe.output_tokens}
        return Answer(Outcome.PASSED, "answered", facts | used | {"usd": _cost(about, facts["model_id"], used)})

    def words(self, facts: Facts) -> dict[str, str]:
        usd = facts.get("usd", "")
        return super().words(facts) | {
            "model": model_label(facts.get("model_id", "")),
            "cost": f"${usd}" if usd else str(_("unpriced")),
        }

    def evidence(self, facts: Facts) -> list[tuple[Text, str]]:
        usd = facts.get("usd")
        return [
            (_("Asked"), "bedrock:InvokeModel, max_tokens 1"),
            (_("Role"), facts.get("role_arn", "")),
            (_("Cost of the probe"), f"${usd}" if usd else (str(_("unpriced")) if "input" in facts else "")),
        ]


def _refused(facts: dict[str, Any], error: str) -> Answer:
    """Only a text that the catalogue knows for a denial is one."""
    found = diagnose(error)
    facts = facts | {"error": error[:1000], "diagnosis": found.key}
    if found.is_denial:
        return Answer(Outcome.FAILED, "model-refused", facts, found.layer or Layer.AWS)
    return Answer(Outcome.UNKNOWN, "unclear", facts, found.layer or Layer.AWS)


def _cost(profile: str, model_id: str, used: dict[str, int]) -> str:
    """What the probe cost in USD by the price table of today; nothing where the model has no price."""
    parsed = parse_profile_id(profile)
    kind = EndpointKind.GLOBAL if parsed and parsed.is_global else EndpointKind.GEOGRAPHIC
    total = Decimal(0)
    for token_class, count in ((TokenClass.INPUT, used["input"]), (TokenClass.OUTPUT, used["output"])):
        price = Price.objects.in_force(model_id, kind, token_class, timezone.now().date()).first()
        if price is None:
            return ""
        total += price.usd_per_million * count / 1_000_000
    return f"{total:f}"
