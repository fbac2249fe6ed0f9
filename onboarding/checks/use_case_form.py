"""Use-case form: Anthropic's models ask each account, or its organization, once what they are used for."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from onboarding.aws import bedrock
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
    models_of,
)
from onboarding.checks.commands import submit_use_case_form
from onboarding.checks.readings import availability
from onboarding.enums import Layer, Outcome


class UseCaseFormCheck(AccountCheck):
    name = "use-case-form"
    title = _("Anthropic's use-case form")
    is_about_models = False
    # What a missing form means shows in the model's authorization, too.
    is_vital = False
    REASONS = {
        "sent": Reason(
            _("The use-case form was sent"),
            _("Anthropic's use-case form was sent from account %(account)s."),
        ),
        "inherited": Reason(
            _("The use-case form was sent"),
            _(
                "No form was sent from account %(account)s itself, but AWS authorizes it: the organization's "
                "management account has sent one."
            ),
        ),
        "missing": Reason(
            _("Anthropic's use-case form has not been sent"),
            _("Account %(account)s may not use Anthropic's models yet, and no use-case form was sent from it."),
            Remedy(
                _("An admin opens any Anthropic model in the Bedrock console's model catalog and sends the form."),
                _("Send the form once for account %(account)s, or for everybody from the management account."),
                pastes=(Paste(_("Command that sends it, with your own answers"), "command.sh", submit_use_case_form),),
                link=links.MODEL_CATALOG,
            ),
        ),
        "not-told": Reason(
            _("Nobody can tell whether the form was sent"),
            _(
                "No form was sent from account %(account)s, and none of the plan's models is there to tell whether "
                "the organization has sent one."
            ),
            Remedy(
                _("An admin puts inference profiles into the plan that exist in its Region."),
                _("Put inference profiles into the plan that exist in its Region."),
            ),
        ),
    }

    def subject(self, about: str, case: Case) -> str:
        """With the models that can tell: another plan's may be authorized where these are not."""
        return f"{super().subject(about, case)}|{fingerprint(_models(case))}"

    def answer(self, about: str, case: Case) -> Answer:
        region, access = case.revision.region, case.account_access
        facts: Facts = {"account": case.revision.account.account_id, "region": region}
        sent = case.once(("form", region, access), lambda: bedrock.has_use_case_form(region=region, access=access))
        if sent:
            return Answer(Outcome.PASSED, "sent", facts)
        models = _models(case)
        if not models:
            return Answer(Outcome.UNKNOWN, "not-told", facts, Layer.USE_CASE_FORM)
        # How the form's own question answers in a member account, when the management account has sent one, is not
        # documented. A model's authorization tells either way.
        if any(_is_authorized(model, case) for model in models):
            return Answer(Outcome.PASSED, "inherited", facts)
        return Answer(Outcome.FAILED, "missing", facts, Layer.USE_CASE_FORM)

    def evidence(self, facts: Facts) -> list[tuple[Text, str]]:
        return [(_("Asked"), f"bedrock:GetUseCaseForModelAccess, {facts.get('region', '')}")]


def _models(case: Case) -> list[str]:
    return sorted({model for profile in case.revision.profiles.values() for model in models_of(profile, case)})


def _is_authorized(model_id: str, case: Case) -> bool:
    return availability(model_id, case.revision.region, case).authorization == "AUTHORIZED"
