"""Teams: made, changed and deleted by an admin, each with its record.

The monthly budget of a team that is there has a way of its own, with a reason: `costs.raising`.
"""

from __future__ import annotations

from typing import Any

from django.db import transaction

from onboarding.enums import Trigger
from onboarding.models import AuditEvent, Person, Plan, Sweep, Team
from onboarding.models.people import PersonQuerySet

# What `change` may change; the record has each, before and after.
FIELDS = ("name", "group", "plan", "cost_centre")


class HasPeople(Exception):
    """A team with people in it, also deactivated ones, is not deleted: their usage counts for it."""


@transaction.atomic
def create(team: Team, *, actor: str) -> None:
    """Save a new team. Raises ValidationError."""
    team.full_clean()
    team.save()
    budget = {} if team.monthly_budget is None else {"monthly_budget": str(team.monthly_budget)}
    details = {name: _plain(getattr(team, name)) for name in FIELDS[1:]}
    AuditEvent.objects.record(actor=actor, action="team.created", target=team.name, **details, **budget)


@transaction.atomic
def change(team: Team, *, actor: str) -> Sweep | None:
    """Save the `FIELDS` of a team that is there; nothing is recorded where none of them changed.

    Another plan, if one is published, opens a sweep over the people of that plan, which is returned: who is on it
    already is passed over quickly. Raises ValidationError.
    """
    before = Team.objects.select_for_update(of=("self",)).select_related("plan").get(pk=team.pk)
    team.full_clean()
    changed = [name for name in FIELDS if getattr(team, name) != getattr(before, name)]
    if not changed:
        return None
    team.save(update_fields=changed)
    details = {name: [_plain(getattr(before, name)), _plain(getattr(team, name))] for name in changed}
    AuditEvent.objects.record(actor=actor, action="team.changed", target=team.name, **details)
    return _verify_again(team) if "plan" in changed else None


def _verify_again(team: Team) -> Sweep | None:
    plan = team.plan
    if plan is None or not plan.revisions.filter(is_current=True).exists() or not affected(team).exists():
        return None
    return Sweep.objects.open(trigger=Trigger.PLAN_PUBLISHED, plan=plan)


@transaction.atomic
def delete(team: Team, *, actor: str) -> None:
    """Raises HasPeople."""
    row = Team.objects.select_for_update().get(pk=team.pk)
    if row.people.exists():
        raise HasPeople
    AuditEvent.objects.record(actor=actor, action="team.deleted", target=row.name, group=row.group)
    row.delete()


def affected(team: Team) -> PersonQuerySet:
    """Whom another plan of the team concerns: everybody active in it."""
    return Person.objects.filter(team=team, is_active=True)


def _plain(value: Any) -> str:
    return value.slug if isinstance(value, Plan) else str(value or "")
