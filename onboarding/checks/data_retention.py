"""Data retention: some models refuse accounts that do not let AWS, or the provider, keep data for a while."""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext_lazy as _

from onboarding.aws import bedrock
from onboarding.catalog import APPLICATION_PROFILE_ARN, model_label, retention_modes
from onboarding.checks import links
from onboarding.checks.base import AccountCheck, Answer, Case, Facts, Paste, Reason, Remedy, Text, models_of
from onboarding.checks.commands import change_retention
from onboarding.enums import Layer, Outcome
from onboarding.models import PlanRevision


class DataRetentionCheck(AccountCheck):
    """Asked where a model needs retention, and of application profiles, whose model their ARN does not tell."""

    name = "data-retention"
    title = _("Data retention")
    needs = ("inference-profile",)
    REASONS = {
        "not-needed": Reason(_("%(model)s"), _("%(model)s does not depend on the account's data-retention mode.")),
        "kept": Reason(_("%(model)s"), _("The data-retention mode of account %(account)s is %(mode)s.")),
        "mode-refused": Reason(
            _("%(model)s refuses the account's data-retention mode"),
            _(
                "The data-retention mode of account %(account)s in %(region)s is %(mode)s, and %(model)s answers only "
                "in the mode %(accepted)s."
            ),
            Remedy(
                _("An admin puts a model into the plan that does not need it, or has the mode changed."),
                _(
                    "Put a model into the plan that does not need data retention, or change the mode of account "
                    "%(account)s in %(region)s, if your company's rules allow that: it holds for every model there."
                ),
                pastes=(Paste(_("Command that changes the mode"), "command.sh", change_retention),),
                link=links.BEDROCK_SETTINGS,
            ),
        ),
    }

    def questions(self, revision: PlanRevision) -> tuple[str, ...]:
        named = super().questions(revision)
        return tuple(name for name in named if retention_modes(name) or APPLICATION_PROFILE_ARN.fullmatch(name))

    def answer(self, about: str, case: Case) -> Answer:
        region, access = case.revision.region, case.account_access
        model_id = models_of(about, case)[0]
        account = case.revision.account.account_id
        facts: dict[str, Any] = {"model_id": model_id, "account": account, "region": region}
        accepted = retention_modes(model_id)
        if not accepted:
            return Answer(Outcome.PASSED, "not-needed", facts)
        mode = case.once(
            ("retention", region, access), lambda: bedrock.data_retention_mode(region=region, access=access)
        )
        facts |= {"mode": mode, "modes": sorted(accepted)}
        # An account that inherits has the model's own default, which these models do not answer in.
        if mode not in accepted:
            return Answer(Outcome.FAILED, "mode-refused", facts, Layer.DATA_RETENTION)
        return Answer(Outcome.PASSED, "kept", facts)

    def words(self, facts: Facts) -> dict[str, str]:
        accepted = str(_(" or ")).join(facts.get("modes", []))
        return super().words(facts) | {"model": model_label(facts.get("model_id", "")), "accepted": accepted}

    def evidence(self, facts: Facts) -> list[tuple[Text, str]]:
        return [
            (_("Asked"), f"bedrock:GetAccountDataRetention, {facts.get('region', '')}"),
            (_("Mode"), facts.get("mode", "")),
        ]
