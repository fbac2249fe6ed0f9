"""Paste an error, read what it means. Nothing is kept unless the person hands it to the admins."""

from __future__ import annotations

from django.http import HttpResponseBase
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST

from onboarding.checks.errors import LIMIT
from onboarding.checks.errors import diagnose as diagnosis_of
from onboarding.forms.asking import ErrorForm
from onboarding.masking import mask
from onboarding.requests import ask_about_error
from onboarding.views.rules import PersonRequest, for_people, viewable


@viewable
@for_people
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def diagnose(request: PersonRequest) -> HttpResponseBase:
    """The box, and after a POST the diagnosis of what was in it. What the page shows of it has its secrets masked."""
    return _page(request, ErrorForm(request.POST if request.method == "POST" else None))


def _page(request: PersonRequest, form: ErrorForm, status: int = 200) -> HttpResponseBase:
    note = mask(request.POST.get("note", ""))
    context = {"form": form, "limit": LIMIT, "diagnosis": None, "text": "", "note": note}
    context |= {"was_asked": "asked" in request.GET}
    if request.method == "POST" and (form.is_valid() or "text" in form.cleaned_data):
        text = form.cleaned_data["text"]
        context |= {"diagnosis": diagnosis_of(text), "text": text}
    return render(request, "diagnose.html", context, status=status)


@for_people
@require_POST
def diagnose_ask(request: PersonRequest) -> HttpResponseBase:
    """Hand the text to the admins, masked: the person chose to."""
    form = ErrorForm(request.POST)
    if not form.is_valid():
        return _page(request, form, status=422) if "text" in form.cleaned_data else redirect("diagnose")
    text = form.cleaned_data["text"]
    ask_about_error(
        person=request.person, diagnosis=diagnosis_of(text).key, masked=text, note=form.cleaned_data["note"]
    )
    response = redirect("diagnose")
    response["Location"] += "?asked"
    return response
