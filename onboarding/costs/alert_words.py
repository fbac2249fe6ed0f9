"""What an alert says, in the active language: plain text, for a mail and for Slack.

Subjects carry no amounts: they show on locked screens and stand in the logs of mail servers.
"""

from __future__ import annotations

from collections.abc import Iterator

from django.conf import settings
from django.urls import reverse
from django.utils.formats import date_format
from django.utils.translation import gettext as _

from onboarding.costs.forecast import HOW
from onboarding.costs.money import written
from onboarding.enums import AlertKind
from onboarding.models import BudgetAlert


def subject(alert: BudgetAlert) -> str:
    """One line; whatever a team is called, there is no break in it."""
    named = {"team": str(alert.team), "percent": alert.percent}
    if alert.kind == AlertKind.FORECAST:
        words = (
            _("%(team)s is on the way to more than its budget for Claude Code")
            if alert.team
            else _("You are on the way to more than your budget for Claude Code")
        )
    else:
        words = (
            _("%(team)s has reached %(percent)s%% of its budget for Claude Code")
            if alert.team
            else _("You have reached %(percent)s%% of your budget for Claude Code")
        )
    return " ".join((words % named).split())


def body(alert: BudgetAlert) -> str:
    return "\n\n".join(_paragraphs(alert)) + "\n"


def _paragraphs(alert: BudgetAlert) -> Iterator[str]:
    facts = {
        "month": date_format(alert.month, "YEAR_MONTH_FORMAT"),
        "spent": written(alert.spent),
        "budget": written(alert.budget),
    }
    yield _("Used so far in %(month)s: %(spent)s of %(budget)s.") % facts
    if alert.forecast is not None:
        ahead = _("If it goes on as in the last two weeks, the month ends at %(forecast)s.")
        yield f"{ahead % {'forecast': written(alert.forecast)}} {HOW}"
    yield _("These are estimates from usage and prices, not what AWS billed.")
    yield f"{_where(alert)}\n{link(alert)}"
    yield _("Onramp tells this once a month.")


def _where(alert: BudgetAlert) -> str:
    if alert.team:
        return _("See all budgets, and change them with a reason:")
    return _("See what it was used on, and ask for a higher budget:")


def link(alert: BudgetAlert) -> str:
    return settings.PUBLIC_URL + reverse("budgets" if alert.team else "usage")


def slack_text(alert: BudgetAlert) -> str:
    return f"{subject(alert)}\n{body(alert)}"
