"""Alerts on budgets: raised once a threshold a month, and sent.

A row of BudgetAlert is both the record that something was told and the job of telling it. Raising compares sums that
the database made with limits, so it is a handful of queries at any number of people; two that raise at once insert
the same rows, of which the database keeps one. Nobody who is deactivated is told anything, and no past month is.

Who passes several thresholds at once is told of the highest; the lower ones are recorded as passed. What the forecast
says is told while less than the budget is used, and with a threshold's alert where both come at once.
"""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping
from decimal import Decimal
from functools import partial
from typing import Any

import structlog
from django.conf import settings
from django.db import transaction
from django.utils import timezone, translation

from onboarding import webhooks
from onboarding.channels import MAIL_ERRORS, Post, has_mail, has_slack, post_to_slack
from onboarding.costs import alert_words
from onboarding.costs.alert_mail import send_mails
from onboarding.costs.budgets import Budget, limited_people, month_of, team_budgets
from onboarding.costs.money import cents
from onboarding.enums import AlertKind, Channel, RunState
from onboarding.models import AlertMail, BudgetAlert, Person, Team
from onboarding.models.deliveries import LEASE, TRIES, Undelivered
from onboarding.models.jobs import LostLease

log = structlog.get_logger(__name__)

_Told = Collection[tuple[str, int]]


# --- Raising


def raise_due(now: dt.datetime) -> list[BudgetAlert]:
    """Record every alert that is due in the month of `now`; the ones that wait to be sent and were not published yet.

    Raises nothing in a month that is over. Idempotent, also while somebody else does the same.
    """
    month = month_of(now.date())
    if month != month_of(timezone.now().date()):
        return []
    told = _told(month)
    teams: list[Budget[Team] | Budget[Person]] = [*team_budgets(month), *limited_people(month)]
    due = [alert for budget in teams for alert in _due(budget, told[_key(budget.subject)], month, now)]
    BudgetAlert.objects.bulk_create(due, batch_size=500, ignore_conflicts=True)
    return list(BudgetAlert.objects.live().filter(month=month, published_at=None).order_by("pk"))


def _key(subject: Team | Person) -> tuple[str, int]:
    return type(subject).__name__, subject.pk


def _told(month: dt.date) -> Mapping[tuple[str, int], set[tuple[str, int]]]:
    """Which kinds and percents were recorded this month, by team and person."""
    told: Mapping[tuple[str, int], set[tuple[str, int]]] = defaultdict(set)
    rows = BudgetAlert.objects.filter(month=month).values_list("team_id", "person_id", "kind", "percent")
    for team, person, kind, percent in rows:
        told["Team" if team else "Person", team or person].add((kind, percent))
    return told


def _due(
    budget: Budget[Team] | Budget[Person], told: _Told, month: dt.date, now: dt.datetime
) -> Iterator[BudgetAlert]:
    """What is due about one budget: at most one of them is to be sent, and it comes last."""
    if budget.limit is None:
        return
    highest = max((percent for kind, percent in told if kind == AlertKind.THRESHOLD), default=0)
    reached = [
        percent
        for percent in settings.ONRAMP_BUDGET_THRESHOLDS
        if budget.reached(percent) and (AlertKind.THRESHOLD, percent) not in told
    ]
    due = [(AlertKind.THRESHOLD, percent) for percent in reached]
    if budget.is_forecast_over and not budget.reached(100) and (AlertKind.FORECAST, 100) not in told:
        due.insert(0, (AlertKind.FORECAST, 100))
    for kind, percent in due:
        is_passed = (kind, percent) != due[-1] or (kind == AlertKind.THRESHOLD and percent < highest)
        yield _alert(budget, budget.limit, kind, percent, month=month, now=now, is_passed=is_passed)


def _alert(
    budget: Budget[Team] | Budget[Person],
    limit: Decimal,
    kind: AlertKind,
    percent: int,
    *,
    month: dt.date,
    now: dt.datetime,
    is_passed: bool,
) -> BudgetAlert:
    subject = budget.subject
    return BudgetAlert(
        month=month,
        team_id=subject.pk if isinstance(subject, Team) else None,
        person_id=subject.pk if isinstance(subject, Person) else None,
        kind=kind,
        percent=percent,
        budget=limit,
        spent=cents(budget.spent),
        forecast=cents(budget.forecast.total) if budget.forecast else None,
        is_passed=is_passed,
        queued_at=now,
        state=RunState.DONE if is_passed else RunState.QUEUED,
        finished_at=now if is_passed else None,
    )


# --- Sending


def send(alert_id: int, *, post: Post = webhooks.post) -> None:
    """Tell an alert by mail, and a team's in Slack, as far as both are configured and have not been done yet.

    Does nothing when it was sent or somebody else holds it. What fails is tried again for a day and at most TRIES
    times, then stands as a problem of the row. Never raises for anything a mail server or Slack does.
    """
    fence = BudgetAlert.objects.claim(alert_id, lease=LEASE)
    if fence is None:
        return
    alert = BudgetAlert.objects.select_related("team", "person").get(pk=alert_id)
    try:
        if fence > TRIES:
            _conclude(alert, fence, [(_left(alert), "tries")], is_last=True)
            return
        problems = list(_deliver(alert, fence, post)) if _still_concerns(alert) else []
        _conclude(alert, fence, problems)
    except LostLease:
        log.warning("alert.lost_lease", alert_id=alert_id, fence=fence)


def _still_concerns(alert: BudgetAlert) -> bool:
    """Not where its month ended while a mail server or Slack was down, nor where its person left."""
    is_over = alert.month < month_of(timezone.now().date())
    return not is_over and (alert.person is None or alert.person.is_active)


def _deliver(alert: BudgetAlert, fence: int, post: Post) -> Iterator[Undelivered]:
    """By each channel that is left; what one of them says does not keep it from the other."""
    if has_mail() and alert.mailed_at is None:
        try:
            if send_mails(alert, partial(_note, alert, fence)):
                _hold(alert, fence, mailed_at=timezone.now())
        except MAIL_ERRORS as error:
            yield Channel.MAIL, type(error).__name__
    if has_slack() and alert.team is not None and alert.posted_at is None:
        try:
            with translation.override(settings.LANGUAGE_CODE):
                text = alert_words.slack_text(alert)
            post_to_slack(text, post=post)
            _hold(alert, fence, posted_at=timezone.now())
        except webhooks.WebhookError as error:
            yield Channel.SLACK, str(error)


@transaction.atomic
def _note(alert: BudgetAlert, fence: int, person: Person) -> None:
    """Write down who has the mail, so that whoever goes on with this alert does not begin with the first again."""
    _hold(alert, fence)
    AlertMail.objects.create(alert=alert, person=person)


def _left(alert: BudgetAlert) -> Channel:
    """What a try that was ended did not come to."""
    return Channel.MAIL if has_mail() and alert.mailed_at is None else Channel.SLACK


def _conclude(alert: BudgetAlert, fence: int, problems: list[Undelivered], *, is_last: bool = False) -> None:
    for channel, detail in problems[:1]:
        log.warning("alert.not_delivered", alert_id=alert.pk, channel=str(channel), reason=detail)
    BudgetAlert.objects.conclude(alert, fence, problems[0] if problems else None, is_last=is_last)


def _hold(alert: BudgetAlert, fence: int, **changes: Any) -> None:
    """Write to the alert if this worker still holds it; raises LostLease otherwise."""
    BudgetAlert.objects.hold(alert.pk, fence, lease=LEASE, **changes)
