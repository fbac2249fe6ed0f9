"""Invocation logging: without it nobody can tell what a person's use costs."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from onboarding.aws import bedrock
from onboarding.catalog import region_label
from onboarding.checks import links
from onboarding.checks.base import AccountCheck, Answer, Case, Facts, Paste, Reason, Remedy, Text
from onboarding.checks.commands import enable_logging
from onboarding.enums import Outcome


class InvocationLoggingCheck(AccountCheck):
    name = "invocation-logging"
    title = _("Invocation logging")
    is_about_models = False
    is_vital = False
    REASONS = {
        "on": Reason(_("Invocation logging is on"), _("Calls in %(region)s are logged to %(destinations)s.")),
        "off": Reason(
            _("Invocation logging is off in %(region)s"),
            _("Calls in %(region)s leave no record, so nobody can tell who spent what. They work all the same."),
            Remedy(
                _("You need not do anything. An admin switches logging on."),
                _("Switch invocation logging on for account %(account)s in %(region)s. Counts suffice."),
                pastes=(Paste(_("Command that switches it on, with your own bucket"), "command.sh", enable_logging),),
                link=links.BEDROCK_SETTINGS,
            ),
        ),
    }

    def answer(self, about: str, case: Case) -> Answer:
        region, access = case.revision.region, case.account_access
        found = bedrock.logging_destinations(region=region, access=access)
        facts = {"account": case.revision.account.account_id, "region": region, "destinations": ", ".join(found)}
        return Answer(Outcome.PASSED, "on", facts) if found else Answer(Outcome.WARNING, "off", facts)

    def words(self, facts: Facts) -> dict[str, str]:
        return super().words(facts) | {"region": region_label(facts.get("region", ""))}

    def evidence(self, facts: Facts) -> list[tuple[Text, str]]:
        asked = f"bedrock:GetModelInvocationLoggingConfiguration, {facts.get('region', '')}"
        return [(_("Asked"), asked), (_("Logged to"), facts.get("destinations", ""))]
