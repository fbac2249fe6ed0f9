"""Viewing as: an admin sees a person's own pages as the person does. Meanwhile everything else is closed to them."""

from __future__ import annotations

from django.http import HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST

from onboarding import viewing
from onboarding.forms.people import ReasonForm
from onboarding.models import Person
from onboarding.viewing import viewing_of
from onboarding.views.rules import PersonRequest, ends_viewing, for_admins


@for_admins
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def person_view_as(request: PersonRequest, pk: int) -> HttpResponseBase:
    """Ask for the reason; with one, the person's setup page is next. Nobody views as themselves."""
    person = get_object_or_404(Person.objects.exclude(pk=request.person.pk), pk=pk)
    form = ReasonForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        viewing.begin(request.session, viewer=request.person, person=person, reason=form.cleaned_data["reason"])
        return redirect("setup")
    minutes = int(viewing.HOLDS.total_seconds()) // 60
    status = 422 if form.errors else 200
    return render(request, "person_view_as.html", {"person": person, "form": form, "minutes": minutes}, status=status)


@ends_viewing
@for_admins
@require_POST
def view_as_end(request: PersonRequest) -> HttpResponseBase:
    """Back to the page about the person; or where it ended by itself meanwhile, to one's own."""
    current = viewing_of(request)
    if current is None:
        return redirect("setup")
    viewing.end(request.session, current)
    return redirect("person", pk=current.person.pk)
