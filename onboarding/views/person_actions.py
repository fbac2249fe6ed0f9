"""What admins do to one person, from that person's page."""

from __future__ import annotations

from collections.abc import Callable

from django.db import transaction
from django.http import HttpResponseBase
from django.shortcuts import get_object_or_404, redirect
from django.views.decorators.http import require_POST

from onboarding import people
from onboarding.access import current_revision
from onboarding.checks.run import open_verification
from onboarding.enums import Trigger
from onboarding.forms.people import ReasonForm, TeamOfPersonForm
from onboarding.models import Person
from onboarding.sessions import end_all
from onboarding.tasks import enqueue_verification
from onboarding.views.person import page
from onboarding.views.rules import PersonRequest, for_admins


def _person(pk: int) -> Person:
    return get_object_or_404(Person.objects.select_related("team__plan", "user"), pk=pk)


@for_admins
@require_POST
def person_verify(request: PersonRequest, pk: int) -> HttpResponseBase:
    """Verify somebody who is active and has a plan. Joins the verification under way, if there is one."""
    person = _person(pk)
    revision = current_revision(person)
    if revision is not None and person.is_active:
        with transaction.atomic():
            verification = open_verification(
                person=person, revision=revision, trigger=Trigger.ADMIN, actor=request.person.email
            )
            enqueue_verification(verification)
    return redirect("person", pk=pk)


@for_admins
@require_POST
def person_team(request: PersonRequest, pk: int) -> HttpResponseBase:
    """Put somebody into another team, or into none. Their groups decide again at the next sign-in."""
    person, form = _person(pk), TeamOfPersonForm(request.POST)
    if form.is_valid():
        people.change_team(person, form.cleaned_data["team"], actor=request.person)
    return redirect("person", pk=pk)


@for_admins
@require_POST
def person_sessions_end(request: PersonRequest, pk: int) -> HttpResponseBase:
    """Sign somebody out of every browser; they may sign in again."""
    end_all(_person(pk), actor=request.person.email)
    return redirect("person", pk=pk)


@for_admins
@require_POST
def person_deactivate(request: PersonRequest, pk: int) -> HttpResponseBase:
    return _with_reason(request, _person(pk), people.deactivate)


@for_admins
@require_POST
def person_reactivate(request: PersonRequest, pk: int) -> HttpResponseBase:
    return _with_reason(request, _person(pk), people.reactivate)


def _with_reason(request: PersonRequest, person: Person, act: Callable[..., bool]) -> HttpResponseBase:
    """Do it for a reason; without one, or where it may not be, the page comes again and says so."""
    form = ReasonForm(request.POST)
    if not form.is_valid():
        return page(request, person, form=form)
    try:
        act(person, actor=request.person, reason=form.cleaned_data["reason"])
    except people.MayNotDeactivate:
        return page(request, person, form=form, is_refused=True)
    return redirect("person", pk=person.pk)
