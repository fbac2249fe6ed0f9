"""Teams: which group of the identity provider leads to which plan, who is in them, and what they cost. For admins."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.db import transaction
from django.http import HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from onboarding import teams as domain
from onboarding.costs import coverage
from onboarding.costs.budgets import Budget, month_of, team_budgets
from onboarding.costs.raising import set_team_budget
from onboarding.enums import Installed
from onboarding.forms.teams import TeamForm
from onboarding.installed import with_installed
from onboarding.models import Person, Team
from onboarding.readiness import NOBODY, Counts, counts_by_team
from onboarding.tasks import enqueue_refresh_of_team
from onboarding.views.rules import PersonRequest, for_admins, for_auditors


@dataclass(frozen=True, slots=True)
class Move:
    """What another plan would mean for the people of a team; `before` and `after` are plans, or None."""

    before: Any
    after: Any
    people: int
    again: int  # how many have a bundle, and would have to install another

    @property
    def seen(self) -> str:
        """What a form says that was sent after the page had told all this."""
        return f"{getattr(self.before, 'pk', '')}:{getattr(self.after, 'pk', '')}"


@for_auditors
@never_cache
@require_safe
def teams(request: PersonRequest) -> HttpResponseBase:
    """A constant number of queries, one of which adds up the month's usage."""
    now = timezone.now()
    counts = counts_by_team()
    month = month_of(now.date())
    found: Sequence[tuple[Budget[Team], Counts]] = [
        (budget, counts.get(budget.subject.pk, NOBODY)) for budget in team_budgets(month)
    ]
    context = {
        "teams": found,
        "without": Person.objects.filter(is_active=True, team=None).count(),
        "month": month,
        "warnings": coverage.warnings(now),
        "as_of": coverage.as_of(),
    }
    return render(request, "teams.html", context)


@for_admins
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def team_new(request: PersonRequest) -> HttpResponseBase:
    form = TeamForm(request.POST if request.method == "POST" else None)
    if form.is_bound and form.is_valid():
        domain.create(form.instance, actor=request.person.email)
        return redirect("teams")
    return render(request, "team.html", {"form": form, "team": None, "lints": ()})


@for_admins
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def team(request: PersonRequest, pk: int) -> HttpResponseBase:
    """Another plan is saved only once the page has told whom it concerns."""
    before = get_object_or_404(Team.objects.select_related("plan"), pk=pk)
    row = Team.objects.select_related("plan").get(pk=pk)
    form = TeamForm(request.POST if request.method == "POST" else None, instance=row)
    is_fine = form.is_bound and form.is_valid()
    move = _move(before, row) if is_fine else None
    if is_fine and (move is None or request.POST.get("seen") == move.seen):
        _save(form, actor=request.person.email)
        return redirect("teams")
    context = {"form": form, "team": before, "move": move, "people": before.people.count(), "lints": ()}
    return render(request, "team.html", context)


@for_admins
@require_POST
def team_delete(request: PersonRequest, pk: int) -> HttpResponseBase:
    """A team that has people stays, and its page says why."""
    row = get_object_or_404(Team, pk=pk)
    try:
        domain.delete(row, actor=request.person.email)
    except domain.HasPeople:
        return redirect("team", pk)
    return redirect("teams")


def _move(before: Team, after: Team) -> Move | None:
    """None where the plan stays, or nobody is in the team."""
    people = domain.affected(before)
    number = people.count() if before.plan_id != after.plan_id else 0
    if not number:
        return None
    have = with_installed(people).exclude(installed=Installed.NONE)
    return Move(before.plan, after.plan, number, have.count())


@transaction.atomic
def _save(form: TeamForm, *, actor: str) -> None:
    """What changed of the team, and its budget with the reason: each leaves its own record."""
    if form.changes_budget:
        said = form.cleaned_data
        set_team_budget(form.instance, said["monthly_budget"], actor=actor, reason=said["reason"])
    is_other = not {"name", "plan"}.isdisjoint(form.changed_data)
    sweep = domain.change(form.instance, actor=actor)
    if sweep is not None:
        enqueue_refresh_of_team(form.instance, sweep)
    elif is_other:
        enqueue_refresh_of_team(form.instance)
