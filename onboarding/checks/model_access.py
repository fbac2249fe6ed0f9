"""Model access: the account has the model, in the source Region and wherever the profile routes."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from onboarding.aws import NotConfigured, PortalDenied, bedrock
from onboarding.aws.bedrock import Availability
from onboarding.aws.session import Access
from onboarding.catalog import model_label
from onboarding.checks.base import Answer, Case, Check, Facts, Reason, Text, fingerprint, region_labels
from onboarding.enums import Actor, Layer, Outcome, Scope

# The order in which the four gates stand behind one another.
# gate of GetFoundationModelAvailability -> (its good answer, reason, layer)
_GATES = (
    ("region", "AVAILABLE", "not-in-region", Layer.REGION_AVAILABILITY),
    ("authorization", "AUTHORIZED", "not-authorized", Layer.AUTHORIZATION),
    ("agreement", "AVAILABLE", "no-agreement", Layer.AGREEMENT),
    ("entitlement", "AVAILABLE", "not-entitled", Layer.ENTITLEMENT),
)


class ModelAccessCheck(Check):
    name = "model-access"
    scope = Scope.ACCOUNT
    title = _("Model access")
    needs = ("inference-profile",)
    REASONS = {
        "available": Reason(
            _("%(model)s"),
            _("Account %(account)s has the model, agreed and authorized, in %(count)s."),
        ),
        "not-in-region": Reason(
            _("%(model)s is not offered in %(regions)s"),
            _("Bedrock does not offer %(model)s to account %(account)s in %(regions)s, where the profile routes."),
            _("An admin puts a profile into the plan that routes only where the model is offered."),
            Actor.ADMIN,
        ),
        "form-missing": Reason(
            _("Anthropic's use-case form has not been sent"),
            _("Account %(account)s may not use Anthropic's models yet, and no use-case form was sent from it."),
            _("An admin opens any Anthropic model in the Bedrock console's model catalog and sends the form."),
            Actor.ADMIN,
        ),
        "not-authorized": Reason(
            _("The account is not authorized for %(model)s"),
            _("AWS does not authorize account %(account)s for %(model)s in %(regions)s."),
            _("An admin asks AWS Support why; the use-case form has been sent."),
            Actor.ADMIN,
        ),
        "no-agreement": Reason(
            _("The agreement for %(model)s is not in place"),
            _("The account's agreement for %(model)s is %(agreement)s in %(regions)s."),
            _(
                "An admin with AWS Marketplace rights invokes the model once, or accepts its offer, and waits up to "
                "15 minutes."
            ),
            Actor.ADMIN,
        ),
        "not-entitled": Reason(
            _("The account is not entitled to %(model)s"),
            _("AWS says that account %(account)s has no entitlement for %(model)s in %(regions)s."),
            _("An admin checks the model's subscription in AWS Marketplace."),
            Actor.ADMIN,
        ),
    }

    def subject(self, about: str, case: Case) -> str:
        routed = case.facts("inference-profile", about)["destinations"]
        account, region = case.revision.account.account_id, case.revision.region
        return f"{account}|{region}|{about}|{fingerprint(row['arn'] for row in routed)}"

    def answer(self, about: str, case: Case) -> Answer:
        source = case.revision.region
        routed = [row for row in case.facts("inference-profile", about)["destinations"] if row["region"]]
        answers: dict[str, Availability] = {}
        unasked: list[str] = []
        for row in sorted(routed, key=lambda row: (row["region"] != source, row["region"])):
            answer = _availability(row["model_id"], row["region"], source, case.account_access)
            if answer is None:
                unasked.append(row["region"])
            else:
                answers[row["region"]] = answer
        facts = {
            "profile": about,
            "model_id": routed[0]["model_id"],
            "account": case.revision.account.account_id,
            "asked": list(answers),
            "unasked": unasked,
        }
        return _judge(facts, answers) or self._form_or_authorization(facts, answers, case)

    def _form_or_authorization(self, facts: Facts, answers: dict[str, Availability], case: Case) -> Answer:
        """NOT_AUTHORIZED usually means that the use-case form is missing; ask, so as to name the right one."""
        regions = [region for region, answer in answers.items() if answer.authorization != "AUTHORIZED"]
        facts = {**facts, "regions": regions}
        if bedrock.has_use_case_form(region=case.revision.region, access=case.account_access):
            return Answer(Outcome.FAILED, "not-authorized", facts, Layer.AUTHORIZATION)
        return Answer(Outcome.FAILED, "form-missing", facts, Layer.USE_CASE_FORM)

    def words(self, facts: Facts) -> dict[str, str]:
        count = len(facts.get("asked", []))
        return super().words(facts) | {
            "model": model_label(facts.get("profile", "")),
            "regions": region_labels(facts.get("regions", [])),
            "count": ngettext("%(count)s Region", "%(count)s Regions", count) % {"count": count},
        }

    def evidence(self, facts: Facts) -> list[tuple[Text, str]]:
        rows: list[tuple[Text, str]] = [
            (_("Asked"), f"bedrock:GetFoundationModelAvailability, {facts.get('model_id', '')}"),
            (_("Regions"), region_labels(facts.get("asked", []))),
        ]
        if facts.get("unasked"):
            rows.append((_("AWS would not answer Onramp in"), region_labels(facts["unasked"])))
        if facts.get("agreement_error"):
            rows.append((_("AWS said"), facts["agreement_error"]))
        return rows


def _availability(model_id: str, region: str, source: str, access: Access) -> Availability | None:
    """The answer of one Region; None for a destination the account has not enabled, which routing does not need."""
    try:
        return bedrock.availability(model_id, region=region, access=access)
    except (NotConfigured, PortalDenied):
        if region == source:
            raise
        return None


def _judge(facts: Facts, answers: dict[str, Availability]) -> Answer | None:
    """The first gate that is shut somewhere; None when that is the authorization, which needs another question."""
    for gate, good, reason, layer in _GATES:
        shut = [region for region, answer in answers.items() if getattr(answer, gate) != good]
        if not shut:
            continue
        if gate == "authorization":
            return None
        first = answers[shut[0]]
        told = {"regions": shut, "agreement": first.agreement, "agreement_error": first.agreement_error}
        return Answer(Outcome.FAILED, reason, {**facts, **told}, layer)
    return Answer(Outcome.PASSED, "available", facts)
