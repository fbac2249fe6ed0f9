"""Budgets: who may use how much in a month, how far they are, and what was told about it.

Auditors read them and admins change them. A person asks for a higher budget of their own from the page of their usage.
"""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

from django.conf import settings
from django.core.paginator import Paginator
from django.db.models import Count, Q, QuerySet
from django.http import HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from onboarding.channels import has_mail, has_slack
from onboarding.costs import budgets as read
from onboarding.costs import coverage
from onboarding.costs.budgets import Budget, month_of
from onboarding.costs.forecast import HOW
from onboarding.costs.raising import set_person_budget, set_plan_budget, set_team_budget
from onboarding.enums import Role
from onboarding.forms.asking import NoteForm
from onboarding.forms.costs import BudgetForm
from onboarding.models import BudgetAlert, Person, Plan, Team
from onboarding.requests import ask_for_budget
from onboarding.views.errors import refused
from onboarding.views.rules import PersonRequest, for_admins, for_auditors, for_people

_PEOPLE_SHOWN = 50
_ALERTS_SHOWN = 50
# Where the forms stand; one of them comes back to where it was sent from.
_PAGES = ("budgets", "requests")


@for_auditors
@never_cache
@require_safe
def budgets(request: PersonRequest) -> HttpResponseBase:
    """A constant number of queries, three of which add up a month's usage: of teams, of plans, and of people."""
    now = timezone.now()
    month = month_of(now.date())
    # PostgreSQL has no NUL in its texts.
    wanted = request.GET.get("person", "").replace("\0", "").strip()[:254]
    people = _people(wanted) if wanted else read.people_with_own_or_over(month)
    page = Paginator(people.select_related("team").order_by("name", "email", "pk"), _PEOPLE_SHOWN).get_page(
        request.GET.get("page")
    )
    by_person = read.person_budgets(page.object_list, month)
    context: dict[str, Any] = {
        "month": month,
        "teams": read.team_budgets(month),
        "plans": _plans(read.plan_budgets(month)),
        "people": page,
        "people_budgets": [by_person[person.pk] for person in page.object_list],
        "wanted": wanted,
        "how": HOW,
        "warnings": coverage.warnings(now),
        "as_of": coverage.as_of(),
        **_alerts(month),
    }
    return render(request, "budgets.html", context)


def _people(wanted: str) -> QuerySet[Person]:
    """Active people whose name or e-mail has this in it."""
    return Person.objects.filter(Q(name__icontains=wanted) | Q(email__icontains=wanted), is_active=True)


def _plans(found: list[Budget[Plan]]) -> list[tuple[Budget[Plan], int]]:
    """With how many people go by each: those who have no budget of their own."""
    without_own = Q(teams__people__is_active=True, teams__people__monthly_budget__isnull=True)
    people = Plan.objects.annotate(number=Count("teams__people", filter=without_own)).values_list("pk", "number")
    by_pk = dict(people)
    return [(budget, by_pk.get(budget.subject.pk, 0)) for budget in found]


def _alerts(month: Any) -> dict[str, Any]:
    """The newest of this month, how many there are and could not be delivered, and where alerts go."""
    told = BudgetAlert.objects.filter(month=month, is_passed=False)
    counts = told.aggregate(
        number=Count("pk"),
        failed=Count("pk", filter=~Q(problem="")),
    )
    oldest = told.exclude(problem="").order_by("problem_since").first()
    return {
        "alerts": list(told.select_related("team", "person").order_by("-queued_at", "-pk")[:_ALERTS_SHOWN]),
        "alert_counts": counts,
        "problem": oldest,
        "has_mail": has_mail(),
        "has_slack": has_slack(),
        "thresholds": settings.ONRAMP_BUDGET_THRESHOLDS,
        "admins": Person.objects.filter(role=Role.ADMIN, is_active=True).exclude(email="").count(),
    }


# --- Changing one


@for_admins
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def budget_team(request: PersonRequest, pk: int) -> HttpResponseBase:
    team = get_object_or_404(Team.objects.select_related("plan"), pk=pk)
    budget = read.team_budget(team, month_of(timezone.now().date()))

    def change(amount: Decimal | None, reason: str) -> None:
        set_team_budget(team, amount, actor=request.person.email, reason=reason)

    return _edit(request, budget, "team", team.monthly_budget, change)


@for_admins
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def budget_plan(request: PersonRequest, slug: str) -> HttpResponseBase:
    plan = get_object_or_404(Plan, slug=slug)
    budget = read.plan_budget(plan, month_of(timezone.now().date()))

    def change(amount: Decimal | None, reason: str) -> None:
        set_plan_budget(plan, amount, actor=request.person.email, reason=reason)

    return _edit(request, budget, "plan", plan.person_budget, change)


@for_admins
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def budget_person(request: PersonRequest, pk: int) -> HttpResponseBase:
    person = get_object_or_404(Person.objects.select_related("team__plan"), pk=pk)
    budget = read.person_budget(person, month_of(timezone.now().date()))

    def change(amount: Decimal | None, reason: str) -> None:
        set_person_budget(person, amount, actor=request.person.email, reason=reason)

    return _edit(request, budget, "person", person.monthly_budget, change)


def _edit(
    request: PersonRequest,
    budget: Budget[Any],
    kind: str,
    amount: Decimal | None,
    change: Callable[[Decimal | None, str], None],
) -> HttpResponseBase:
    """The form for one budget; what is sent and fits is done, and the page it was sent from comes again."""
    is_sent = request.method == "POST"
    form = BudgetForm(request.POST) if is_sent else BudgetForm(initial={"amount": amount})
    came_from = request.POST.get("next", "")
    back = came_from if came_from in _PAGES else "budgets"
    if is_sent and form.is_valid():
        change(form.cleaned_data["amount"], form.cleaned_data["reason"])
        return redirect(back)
    subject = budget.subject
    context = {
        "budget": budget,
        "kind": kind,
        "name": subject.display_name if isinstance(subject, Person) else subject.name,
        "of_plan": _of_plan(subject),
        "form": form,
        "how": HOW,
        "back": back,
        "warnings": coverage.warnings(timezone.now()),
        "as_of": coverage.as_of(),
    }
    return render(request, "budget.html", context)


def _of_plan(subject: Team | Plan | Person) -> Decimal | None:
    """What their plan gives a person who has no budget of their own."""
    plan = subject.team.plan if isinstance(subject, Person) and subject.team else None
    return plan.person_budget if plan else None


# --- Asking for more


@for_people
@require_POST
def usage_ask(request: PersonRequest) -> HttpResponseBase:
    """Hand the admins a request for a higher budget; it stands on their page with what was used."""
    form = NoteForm(request.POST)
    if not form.is_valid():
        return refused(request, form, back=reverse("usage"))
    ask_for_budget(person=request.person, note=form.cleaned_data["note"])
    return redirect("usage")
