"""Service quota: the account may use the model at all, and often enough for everybody on the plan.

Bedrock takes input + max_tokens off the quota when a request starts, and settles at its end with input + 5 x output.
https://docs.aws.amazon.com/bedrock/latest/userguide/quotas-token-burndown.html
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable
from typing import Any

from django.utils.translation import gettext_lazy as _

from onboarding.aws import quotas
from onboarding.aws.quotas import Quota
from onboarding.catalog import model_label, region_label
from onboarding.checks import links
from onboarding.checks.base import AccountCheck, Answer, Case, Facts, Paste, Reason, Remedy, Text, models_of
from onboarding.checks.commands import request_quota_increase
from onboarding.enums import Actor, Layer, Outcome
from onboarding.models import Person

# Assumptions about how people work; the page shows them in the arithmetic.
PEOPLE_PER_ACTIVE = 5  # one in five works at the same time
REQUESTS_PER_MINUTE = 3  # of one who works
INPUT_TOKENS = 10_000  # new input of a request; what comes from the cache does not count
OUTPUT_TOKENS = 1_000
OUTPUT_BURNDOWN = 5  # what a token of output takes off the quota
# What Claude Code asks for when the plan sets no limit; newer models up to four times as much.
MAX_TOKENS = 32_000

_NAME = re.compile(
    r"(?P<kind>On-demand|Cross-region|Global cross-region) model inference (?P<unit>tokens|requests) per minute "
    r"for Anthropic (?P<model>Claude .+?)(?: V\d+)?",
    re.IGNORECASE,
)
_INCREASE = (Paste(_("Command that asks AWS for more"), "command.sh", request_quota_increase),)


class ServiceQuotaCheck(AccountCheck):
    name = "service-quota"
    title = _("Service quota")
    needs = ("inference-profile",)
    is_vital = False
    REASONS = {
        "enough": Reason(
            _("%(model)s"),
            _("The account's quota, %(tokens)s tokens per minute, is enough for the plan: %(people)s."),
        ),
        "not-listed": Reason(
            _("AWS lists no quota for %(model)s"),
            _("Service Quotas has no entry for %(model)s in %(region)s that Onramp recognizes, so nobody can tell."),
            Remedy(_("You need not do anything."), actor=Actor.NOBODY),
        ),
        "zero": Reason(
            _("The account's quota for %(model)s is zero"),
            _("Service Quotas allows account %(account)s no %(zero)s of %(model)s per minute in %(region)s."),
            Remedy(
                _("An admin asks AWS for a quota."),
                _("Ask AWS for a quota of %(model)s in account %(account)s, %(region)s. New accounts may have none."),
                pastes=_INCREASE,
                link=links.SERVICE_QUOTAS,
            ),
        ),
        "low": Reason(
            _("The quota for %(model)s is low for the plan"),
            _("%(people)s, and the account's quota will not do: %(arithmetic)s. When it is used up, AWS answers 429."),
            Remedy(
                _("An admin asks AWS for more, or lowers the plan's limit of output tokens."),
                _("Ask AWS for more, or lower the plan's max_tokens: Bedrock sets it aside for every request."),
                pastes=_INCREASE,
                link=links.SERVICE_QUOTAS,
            ),
        ),
    }

    def subject(self, about: str, case: Case) -> str:
        """With the plan: its people and its limit are half of the arithmetic."""
        return f"{super().subject(about, case)}|plan {case.revision.plan_id}|{case.revision.max_output_tokens or ''}"

    def answer(self, about: str, case: Case) -> Answer:
        region, access = case.revision.region, case.account_access
        found = case.once(("quotas", region, access), lambda: quotas.bedrock_quotas(region=region, access=access))
        model_id = models_of(about, case)[0]
        is_global = any(not row["region"] for row in case.facts("inference-profile", about)["destinations"])
        facts: dict[str, Any] = {
            "profile": about,
            "model_id": model_id,
            "account": case.revision.account.account_id,
            "region": region,
        }
        mine = _of_model(found, model_label(model_id), "Global cross-region" if is_global else "Cross-region")
        if not mine:
            return Answer(Outcome.UNKNOWN, "not-listed", facts, Layer.SERVICE_QUOTA)
        return _judge(facts | _need(case), mine)

    def words(self, facts: Facts) -> dict[str, str]:
        zero = [row["unit"] for row in facts.get("short", []) if row["value"] == 0]
        return super().words(facts) | {
            "model": model_label(facts.get("model_id", "")),
            "region": region_label(facts.get("region", "")),
            "tokens": _number(facts.get("tokens", 0)),
            "people": str(_("%(count)d on the plan")) % {"count": facts.get("people", 0)},
            "zero": str(_(" and no ")).join(str(_UNITS[unit]) for unit in zero),
            "arithmetic": "; ".join(_arithmetic(facts, row) for row in facts.get("short", [])),
        }

    def evidence(self, facts: Facts) -> list[tuple[Text, str]]:
        rows: list[tuple[Text, str]] = [(_("Asked"), f"servicequotas:ListServiceQuotas, {facts.get('region', '')}")]
        rows += [(row["name"], _number(row["value"])) for row in facts.get("quotas", [])]
        rows += [(_("Arithmetic"), _arithmetic(facts, row)) for row in facts.get("quotas", [])]
        return rows


_UNITS = {"tokens": _("tokens"), "requests": _("requests")}


def _of_model(found: Iterable[Quota], label: str, kind: str) -> dict[str, Quota]:
    """The quotas of one model by unit; AWS names a model in its quotas much as in its console."""
    mine: dict[str, Quota] = {}
    for quota in found:
        match = _NAME.fullmatch(quota.name)
        if match and match["kind"].lower() == kind.lower() and match["model"].lower() == label.lower():
            mine[match["unit"].lower()] = quota
    return mine


def _need(case: Case) -> dict[str, int]:
    """How many people there are, and what one who works takes; the figures that the arithmetic shows."""
    people = Person.objects.filter(team__plan=case.revision.plan_id, is_active=True).count()
    max_tokens = case.revision.max_output_tokens or MAX_TOKENS
    return {
        "people": people,
        "active": max(1, math.ceil(people / PEOPLE_PER_ACTIVE)),
        "max_tokens": max_tokens,
        "reserved": INPUT_TOKENS + max_tokens,
        "settled": INPUT_TOKENS + OUTPUT_BURNDOWN * OUTPUT_TOKENS,
    }


def _judge(facts: dict[str, Any], mine: dict[str, Quota]) -> Answer:
    active = facts["active"]
    needed = {
        "tokens": active * (facts["reserved"] + REQUESTS_PER_MINUTE * facts["settled"]),
        "requests": active * REQUESTS_PER_MINUTE,
    }
    rows = [
        {"unit": unit, "name": quota.name, "code": quota.code, "value": int(quota.value), "needed": needed[unit]}
        for unit, quota in sorted(mine.items())
    ]
    short = [row for row in rows if row["value"] < row["needed"]]
    facts |= {"quotas": rows, "short": short, "tokens": int(mine["tokens"].value) if "tokens" in mine else 0}
    if any(row["value"] == 0 for row in rows):
        return Answer(Outcome.FAILED, "zero", facts, Layer.SERVICE_QUOTA)
    if short:
        return Answer(Outcome.WARNING, "low", facts, Layer.SERVICE_QUOTA)
    return Answer(Outcome.PASSED, "enough", facts)


def _arithmetic(facts: Facts, row: Facts) -> str:
    """`4 at work x (42,000 + 3 x 15,000) = 348,000 tokens per minute needed, 2,000,000 allowed`"""
    figures = {
        "active": _number(facts["active"]),
        "people": _number(facts["people"]),
        "needed": _number(row["needed"]),
        "value": _number(row["value"]),
        "each": REQUESTS_PER_MINUTE,
    }
    if row["unit"] == "requests":
        return (
            str(_("%(active)s of %(people)s at work × %(each)d = %(needed)s requests per minute, %(value)s allowed"))
            % figures
        )
    figures |= {
        "input": _number(INPUT_TOKENS),
        "max_tokens": _number(facts["max_tokens"]),
        "output": _number(OUTPUT_TOKENS),
        "burndown": OUTPUT_BURNDOWN,
    }
    return (
        str(
            _(
                "%(active)s of %(people)s at work × (%(input)s input + %(max_tokens)s max_tokens held for a request "
                "under way + %(each)d × (%(input)s input + %(burndown)d × %(output)s output) settled) = %(needed)s "
                "tokens per minute, %(value)s allowed"
            )
        )
        % figures
    )


def _number(value: float) -> str:
    """`2,000,000`, with the narrow space that reads alike in both languages."""
    return f"{int(value):,}".replace(",", "\u202f")
