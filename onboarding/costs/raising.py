"""Changing a budget: with a reason, audited, and answering whoever asked for more."""

from __future__ import annotations

from decimal import Decimal

from django.conf import settings
from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone, translation
from django.utils.translation import gettext as _

from onboarding.costs.budgets import LIMIT
from onboarding.costs.money import written
from onboarding.enums import NotificationKind, RequestState
from onboarding.models import AdminRequest, AuditEvent, Notification, Person, Plan, Team
from onboarding.models.requests import HIGHER_BUDGET


@transaction.atomic
def set_team_budget(team: Team, amount: Decimal | None, *, actor: str, reason: str) -> None:
    """What the team may use in a month, in US dollars; None for no limit.

    A raise answers the members who asked for more and have no limit but their team's. ValueError without a reason.
    """
    _refuse_silence(reason)
    row = Team.objects.select_for_update().get(pk=team.pk)
    before, row.monthly_budget = row.monthly_budget, amount
    row.save(update_fields=["monthly_budget"])
    _record(row, "team", before, amount, actor=actor, reason=reason)
    if _is_raise(before, amount):
        members = Person.objects.filter(team=row).alias(limit=LIMIT).filter(limit__isnull=True)
        _answer(members, amount, actor=actor, reason=reason)


@transaction.atomic
def set_plan_budget(plan: Plan, amount: Decimal | None, *, actor: str, reason: str) -> None:
    """What everybody on the plan may use in a month who has no budget of their own; None for no limit.

    A raise answers those of them who asked for more. ValueError without a reason.
    """
    _refuse_silence(reason)
    row = Plan.objects.select_for_update().get(pk=plan.pk)
    before, row.person_budget = row.person_budget, amount
    row.save(update_fields=["person_budget"])
    _record(row, "plan", before, amount, actor=actor, reason=reason)
    if _is_raise(before, amount):
        concerned = Person.objects.filter(team__plan=row, monthly_budget__isnull=True)
        _answer(concerned, amount, actor=actor, reason=reason)


@transaction.atomic
def set_person_budget(person: Person, amount: Decimal | None, *, actor: str, reason: str) -> None:
    """What the person may use in a month; None for what their plan gives everybody.

    A raise answers them if they asked for more. ValueError without a reason.
    """
    _refuse_silence(reason)
    row = Person.objects.select_for_update().get(pk=person.pk)
    limit_before = _limit_of(row)
    before, row.monthly_budget = row.monthly_budget, amount
    row.save(update_fields=["monthly_budget"])
    _record(row, "person", before, amount, actor=actor, reason=reason)
    limit = _limit_of(row)
    if _is_raise(limit_before, limit):
        _answer(Person.objects.filter(pk=row.pk), limit, actor=actor, reason=reason)


def _limit_of(person: Person) -> Decimal | None:
    limit: Decimal | None = Person.objects.values_list(LIMIT, flat=True).get(pk=person.pk)
    return limit


def _refuse_silence(reason: str) -> None:
    if not reason.strip():
        raise ValueError("A budget is changed with a reason.")


def _is_raise(before: Decimal | None, after: Decimal | None) -> bool:
    """Without a limit there is nothing left to raise."""
    return before is not None and (after is None or after > before)


def _record(
    row: Team | Plan | Person, kind: str, before: Decimal | None, after: Decimal | None, *, actor: str, reason: str
) -> None:
    AuditEvent.objects.record(
        actor=actor,
        action="budget.changed",
        target=str(row)[:254],
        kind=kind,
        before=None if before is None else str(before),
        after=None if after is None else str(after),
        reason=reason,
    )


def _answer(people: QuerySet[Person], limit: Decimal | None, *, actor: str, reason: str) -> None:
    """Close the open requests of these people about their budget; each is answered in their own language."""
    waiting = AdminRequest.objects.select_for_update(of=("self",)).filter(
        person__in=people, check_name="", reason=HIGHER_BUDGET, state=RequestState.OPEN
    )
    told, answered = NotificationKind.REQUEST_ANSWERED, list[Notification]()
    for request in waiting.select_related("person"):
        with translation.override(request.person.language or settings.LANGUAGE_CODE):
            if limit is None:
                answer = _("There is no limit any more. %(reason)s") % {"reason": reason}
            else:
                words = _("The budget is now %(amount)s a month. %(reason)s")
                answer = words % {"amount": written(limit), "reason": reason}
        request.state, request.closed_at, request.closed_by = RequestState.CLOSED, timezone.now(), actor
        request.answer = answer[:1000]
        request.save(update_fields=["state", "closed_at", "closed_by", "answer"])
        AuditEvent.objects.record(
            actor=actor, action="request.closed", target=request.person.email, reason=request.reason
        )
        answered.append(Notification(kind=told, person=request.person, request=request))
    Notification.objects.record(answered)
