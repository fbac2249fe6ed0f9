"""Model lifecycle: the model is not about to go, nor gone."""

from __future__ import annotations

import datetime as dt
from typing import Any

from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext_lazy as _

from onboarding.aws import bedrock
from onboarding.aws.bedrock import Lifecycle
from onboarding.catalog import model_label
from onboarding.checks import links
from onboarding.checks.base import AccountCheck, Answer, Case, Facts, Reason, Remedy, Text, models_of
from onboarding.enums import Actor, Layer, Outcome

# How long before a model's end of life admins hear of it: time to try another one and publish a plan.
_NOTICE = dt.timedelta(days=90)
_MOVE_ON = Remedy(
    _("An admin puts a newer model into the plan, before this one goes."),
    _("Put a newer model into the plan; everybody on it gets a new bundle."),
    link=links.MODEL_CATALOG,
)


class ModelLifecycleCheck(AccountCheck):
    name = "model-lifecycle"
    title = _("Model lifecycle")
    needs = ("inference-profile",)
    is_vital = False
    REASONS = {
        "active": Reason(_("%(model)s"), _("AWS lists %(model)s as active, with no end in sight.")),
        "not-listed": Reason(
            _("AWS does not list %(model)s"),
            _("Bedrock lists no model %(model_id)s in %(region)s, so nobody can tell how long it stays."),
            Remedy(_("You need not do anything."), actor=Actor.NOBODY),
        ),
        "legacy": Reason(
            _("%(model)s is marked as legacy"),
            _("AWS marks %(model)s as legacy: accounts that have not used it lately are refused."),
            _MOVE_ON,
        ),
        "ending": Reason(
            _("%(model)s ends on %(end)s"),
            _("AWS stops answering calls of %(model)s on %(end)s."),
            _MOVE_ON,
        ),
        "ended": Reason(
            _("%(model)s has ended"),
            _("AWS stopped answering calls of %(model)s on %(end)s."),
            Remedy(
                _("An admin puts a newer model into the plan."),
                _("Put a newer model into the plan; everybody on it gets a new bundle."),
                link=links.MODEL_CATALOG,
            ),
        ),
    }

    def answer(self, about: str, case: Case) -> Answer:
        region, access = case.revision.region, case.account_access
        found = case.once(("lifecycles", region, access), lambda: bedrock.lifecycles(region=region, access=access))
        model_id = models_of(about, case)[0]
        facts: dict[str, Any] = {"profile": about, "model_id": model_id, "region": region}
        if model_id not in found:
            return Answer(Outcome.UNKNOWN, "not-listed", facts, Layer.MODEL_LIFECYCLE)
        return _judge(facts, found[model_id])

    def words(self, facts: Facts) -> dict[str, str]:
        end = dt.date.fromisoformat(facts["end"]) if "end" in facts else None
        return super().words(facts) | {
            "model": model_label(facts.get("model_id", "")),
            "end": date_format(end, "DATE_FORMAT") if end else "?",
        }

    def evidence(self, facts: Facts) -> list[tuple[Text, str]]:
        return [
            (_("Asked"), f"bedrock:ListFoundationModels, {facts.get('region', '')}"),
            (_("Status"), facts.get("status", "")),
            (_("End of life"), facts.get("end", "")),
        ]


def _judge(facts: dict[str, Any], found: Lifecycle) -> Answer:
    end, now = found.end_of_life_at, timezone.now()
    facts |= {"status": found.status} | ({"end": end.date().isoformat()} if end else {})
    if end and end <= now:
        return Answer(Outcome.FAILED, "ended", facts, Layer.MODEL_LIFECYCLE)
    if end and end <= now + _NOTICE:
        return Answer(Outcome.WARNING, "ending", facts, Layer.MODEL_LIFECYCLE)
    if found.status == "LEGACY":
        return Answer(Outcome.WARNING, "legacy", facts, Layer.MODEL_LIFECYCLE)
    return Answer(Outcome.PASSED, "active", facts)
