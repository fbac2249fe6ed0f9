"""One person, for admins: what they may use and why not, what happened, what it costs; and what can be done."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.http import HttpResponseBase
from django.shortcuts import get_object_or_404, render
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from onboarding.access import Access, current_revision
from onboarding.costs import budgets, coverage, report
from onboarding.costs.filter import Filter, next_month
from onboarding.costs.forecast import HOW
from onboarding.enums import Readiness
from onboarding.forms.people import ReasonForm, TeamOfPersonForm
from onboarding.models import AdminRequest, AuditEvent, Bundle, Person, Principal, Verification
from onboarding.sessions import sessions_of
from onboarding.views.audit_words import action_word, details_of
from onboarding.views.cost_charts import days_of, spark
from onboarding.views.findings import Board, board_of
from onboarding.views.machines import machines_of
from onboarding.views.person_history import steps_of, verifications_of
from onboarding.views.person_matrix import matrix_of
from onboarding.views.requests import title_of
from onboarding.views.rules import PersonRequest, for_auditors
from onboarding.views.sessions import browser_of
from onboarding.views.usage import billed_for, warnings_for

_REQUESTS_SHOWN = 20
_BUNDLES_SHOWN = 10
_EVENTS_SHOWN = 20


@for_auditors
@never_cache
@require_safe
def person(request: PersonRequest, pk: int) -> HttpResponseBase:
    """Anybody the portal knows, active or not. A constant number of queries."""
    return page(request, get_object_or_404(Person.objects.select_related("team__plan", "user"), pk=pk))


def page(
    request: PersonRequest, whose: Person, *, form: ReasonForm | None = None, is_refused: bool = False
) -> HttpResponseBase:
    """The page about a person; with a form that was not accepted, or a deed that was refused, as 422."""
    verifications = verifications_of(whose)
    access = _access(whose, verifications)
    board = _board(access)
    context = {
        "person": whose,
        "access": access,
        "state": _state(access),
        "board": board,
        "matrix": matrix_of(board) if board else [],
        "steps": steps_of(verifications),
        "principals": Principal.objects.filter(person=whose).select_related("account").order_by("-is_chosen", "pk"),
        "machines": machines_of(access),
        "bundles": _bundles(whose),
        "requests": _requests(whose),
        "sessions": [(each, browser_of(each.user_agent)) for each in sessions_of(whose.user)] if whose.user else [],
        "events": _events(whose),
        "is_me": whose.pk == request.person.pk,
        "form": form or ReasonForm(),
        "team_form": TeamOfPersonForm(initial={"team": whose.team_id}),
        "is_refused": is_refused,
        **_spend(whose),
    }
    return render(request, "person.html", context, status=200 if form is None else 422)


def _access(whose: Person, verifications: Sequence[Verification]) -> Access:
    """As `access_of` reads it, from what was read already: one query."""
    ended = (run for run in verifications if not run.is_live)
    return Access(whose, current_revision(whose), next(iter(verifications), None), next(ended, None))


def _board(access: Access) -> Board | None:
    """Of the newest verification that ended."""
    if access.verified is None:
        return None
    access.verified.person = access.person  # read already
    return board_of(access.verified)


def _state(access: Access) -> str:
    """Which one state heads the page: `deactivated`, `no-plan`, `never`, `running`, or a readiness."""
    if not access.person.is_active:
        return "deactivated"
    if access.revision is None:
        return "no-plan"
    if access.verification is None:
        return "never"
    if access.verification.is_live:
        return "running"
    if access.is_ready:
        return Readiness.READY
    # An answer that no longer counts, such as one against another plan, is not known to hold.
    return Readiness.BLOCKED if access.is_blocked else Readiness.UNKNOWN


def _bundles(whose: Person) -> Any:
    rows = Bundle.objects.filter(person=whose).select_related("revision__plan")
    return rows.order_by("-created_at")[:_BUNDLES_SHOWN]


def _requests(whose: Person) -> list[tuple[str, AdminRequest]]:
    """What they asked, each with its title, the newest first."""
    rows = AdminRequest.objects.filter(person=whose).select_related("finding").order_by("-created_at")
    return [(title_of(row), row) for row in rows[:_REQUESTS_SHOWN]]


def _events(whose: Person) -> list[tuple[AuditEvent, str, Sequence[tuple[str, str]]]]:
    """What was done to them or by them on themselves, the newest first, with the words of the audit's page."""
    events = AuditEvent.objects.filter(target=whose.audit_name).order_by("-at", "-pk")[:_EVENTS_SHOWN]
    return [(event, action_word(event.action), details_of(event)) for event in events]


def _spend(whose: Person) -> dict[str, Any]:
    """This month's estimate, budget and forecast; and beside it, never added, what AWS billed."""
    now = timezone.now()
    today = now.date()
    month = budgets.month_of(today)
    chosen = Filter(month, next_month(month), person_id=whose.pk)
    return {
        "month": month,
        "today": today,
        "spark": spark(days_of(chosen.since, chosen.until, today), report.slices(chosen)),
        "budget": budgets.person_budget(whose, month),
        "billed": billed_for(whose, chosen),
        "how": HOW,
        "as_of": coverage.as_of(),
        "warnings": warnings_for(whose, now, chosen),
    }
