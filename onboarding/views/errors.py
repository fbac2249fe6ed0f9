"""Pages for what went wrong, in the portal's own frame."""

from __future__ import annotations

import sys

from django import forms
from django.db import InterfaceError, OperationalError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.template.loader import render_to_string
from django.urls import reverse

from onboarding.masking import mask
from onboarding.views.rules import public

# Seconds after which it is worth asking a database again that did not answer.
RETRY_AFTER = 10


@public
def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    return render(request, "errors/400.html", status=400)


@public
def permission_denied(request: HttpRequest, exception: Exception) -> HttpResponse:
    return render(request, "errors/403.html", status=403)


@public
def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    return render(request, "errors/404.html", status=404)


@public
def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    """A form from a page that was open too long, or from another site."""
    return render(request, "errors/csrf.html", status=403)


def refused(request: HttpRequest, form: forms.Form, *, back: str) -> HttpResponse:
    """A form of a few words that cannot be taken, where its own page has no place to say so: what is wrong with each
    field, and what was written there, with its secrets masked, to be copied.
    """
    wrong = [(form[name].label, errors, mask(str(form[name].value() or ""))) for name, errors in form.errors.items()]
    return render(request, "errors/refused.html", {"wrong": wrong, "back": back}, status=422)


@public
def server_error(request: HttpRequest) -> HttpResponse:
    """Uses no context processor: the database may be what failed. Then it is a 503, and worth a retry."""
    if not isinstance(sys.exception(), OperationalError | InterfaceError):
        return HttpResponse(render_to_string("errors/500.html"), status=500)
    retry = request.get_full_path() if request.method in ("GET", "HEAD") else reverse("setup")
    response = HttpResponse(render_to_string("errors/database_down.html", {"retry_url": retry}), status=503)
    response["Retry-After"] = str(RETRY_AFTER)
    return response
