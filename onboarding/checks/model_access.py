"""Model access: the account has the model, in the source Region and wherever the profile routes."""

from __future__ import annotations

import datetime as dt

from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from onboarding.aws import NotConfigured, PortalDenied, refusals_expected
from onboarding.aws.bedrock import Availability
from onboarding.catalog import model_label
from onboarding.checks import links
from onboarding.checks.base import (
    AccountCheck,
    Answer,
    Case,
    Facts,
    Paste,
    Reason,
    Remedy,
    Text,
    fingerprint,
    region_labels,
)
from onboarding.checks.commands import accept_agreement
from onboarding.checks.readings import availability
from onboarding.enums import Actor, Layer, Outcome

# The order in which the four gates stand behind one another.
# gate of GetFoundationModelAvailability -> (its good answer, reason, layer)
_GATES = (
    ("region", "AVAILABLE", "not-in-region", Layer.REGION_AVAILABILITY),
    ("authorization", "AUTHORIZED", "not-authorized", Layer.AUTHORIZATION),
    ("agreement", "AVAILABLE", "no-agreement", Layer.AGREEMENT),
    ("entitlement", "AVAILABLE", "not-entitled", Layer.ENTITLEMENT),
)
# How long a subscription may take to be complete. Meanwhile calls may succeed that fail later, so a yes proves little.
# https://docs.aws.amazon.com/bedrock/latest/userguide/model-access.html
_SETTLING = dt.timedelta(minutes=15)


class ModelAccessCheck(AccountCheck):
    name = "model-access"
    title = _("Model access")
    needs = ("inference-profile",)
    REASONS = {
        "available": Reason(
            _("%(model)s"),
            _("Account %(account)s has the model, agreed and authorized, in %(count)s."),
        ),
        "provisional": Reason(
            _("The account has just subscribed to %(model)s"),
            _(
                "AWS says yes since a few minutes. Until a subscription is 15 minutes old, calls may succeed that "
                "fail later, so this answer is provisional."
            ),
            Remedy(_("You need not do anything: Onramp asks again by itself."), actor=Actor.NOBODY),
        ),
        "not-in-region": Reason(
            _("%(model)s is not offered in %(regions)s"),
            _("Bedrock does not offer %(model)s to account %(account)s in %(regions)s, where the profile routes."),
            Remedy(
                _("An admin puts a profile into the plan that routes only where the model is offered."),
                _("Put a profile into the plan that routes only where the model is offered to account %(account)s."),
                link=links.MODEL_CATALOG,
            ),
        ),
        "not-authorized": Reason(
            _("The account is not authorized for %(model)s"),
            _("AWS does not authorize account %(account)s for %(model)s in %(regions)s."),
            Remedy(
                _("An admin sends the use-case form, if that was not done, or else asks AWS Support why."),
                _("Send Anthropic's use-case form from account %(account)s; if that was done, ask AWS Support why."),
                link=links.MODEL_CATALOG,
            ),
        ),
        "no-agreement": Reason(
            _("The agreement for %(model)s is not in place"),
            _("The account's agreement for %(model)s is %(agreement)s in %(regions)s."),
            Remedy(
                _(
                    "An admin with AWS Marketplace rights invokes the model once, or accepts its offer, and waits up "
                    "to 15 minutes."
                ),
                _("Accept the offer of %(model)s in account %(account)s, and wait up to 15 minutes."),
                pastes=(Paste(_("Commands that accept the offer"), "command.sh", accept_agreement),),
                link=links.MODEL_CATALOG,
            ),
        ),
        "not-entitled": Reason(
            _("The account is not entitled to %(model)s"),
            _("AWS says that account %(account)s has no entitlement for %(model)s in %(regions)s."),
            Remedy(
                _("An admin checks the model's subscription in AWS Marketplace."),
                _("Check the subscription to %(model)s in AWS Marketplace, in account %(account)s."),
                link=links.MODEL_CATALOG,
            ),
        ),
    }

    def can_ask(self, about: str, case: Case) -> bool:
        """Without the use-case form no model is authorized: that is one thing to fix, and it is said once."""
        form = case.standing("use-case-form")
        return super().can_ask(about, case) and (form is None or form.outcome != Outcome.FAILED)

    def subject(self, about: str, case: Case) -> str:
        routed = case.facts("inference-profile", about)["destinations"]
        return f"{super().subject(about, case)}|{fingerprint(row['arn'] for row in routed)}"

    def answer(self, about: str, case: Case) -> Answer:
        source = case.revision.region
        routed = [row for row in case.facts("inference-profile", about)["destinations"] if row["region"]]
        answers: dict[str, Availability] = {}
        unasked: list[str] = []
        for row in sorted(routed, key=lambda row: (row["region"] != source, row["region"])):
            answer = _availability(row["model_id"], row["region"], case)
            if answer is None:
                unasked.append(row["region"])
            else:
                answers[row["region"]] = answer
        facts = {
            "profile": about,
            "model_id": routed[0]["model_id"],
            "account": case.revision.account.account_id,
            "region": source,
            "asked": list(answers),
            "unasked": unasked,
        }
        judged = _judge(facts, answers)
        return _provisional(judged, case) if judged.outcome == Outcome.PASSED else judged

    def words(self, facts: Facts) -> dict[str, str]:
        count = len(facts.get("asked", []))
        return super().words(facts) | {
            "model": model_label(facts.get("model_id", "")),
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


def _availability(model_id: str, region: str, case: Case) -> Availability | None:
    """The answer of one Region; None for a destination the account has not enabled, which routing does not need."""
    if region == case.revision.region:
        return availability(model_id, region, case)
    try:
        with refusals_expected():
            return availability(model_id, region, case)
    except (NotConfigured, PortalDenied):
        return None


def _judge(facts: Facts, answers: dict[str, Availability]) -> Answer:
    """The first gate that is shut somewhere."""
    for gate, good, reason, layer in _GATES:
        shut = [region for region, answer in answers.items() if getattr(answer, gate) != good]
        if shut:
            first = answers[shut[0]]
            told = {"regions": shut, "agreement": first.agreement, "agreement_error": first.agreement_error}
            return Answer(Outcome.FAILED, reason, {**facts, **told}, layer)
    return Answer(Outcome.PASSED, "available", facts)


def _provisional(passed: Answer, case: Case) -> Answer:
    """A pass that follows upon a missing agreement by less than what a subscription may take.

    When the account subscribed is not told; the earliest it can have been is when Onramp last saw it missing, and the
    latest is now. It counts as now.
    """
    before, now = case.before, timezone.now()
    if before is None:
        return passed
    settles_at = now + _SETTLING if before.reason == "no-agreement" else before.settles_at
    if settles_at is None or settles_at <= now:
        return passed
    return Answer(Outcome.WARNING, "provisional", passed.facts, settles_at=settles_at)
