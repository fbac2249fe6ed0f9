"""How somebody reads the portal: light or dark, and in which language."""

from __future__ import annotations

from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseBadRequest
from django.shortcuts import redirect
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.http import require_POST
from django.views.i18n import LANGUAGE_QUERY_PARAMETER, set_language

from onboarding.context_processors import THEMES
from onboarding.models import Person
from onboarding.views.rules import public

_YEAR = 31_536_000


@public
@require_POST
def theme(request: HttpRequest) -> HttpResponse:
    """Keep the chosen theme in a cookie, so that the server can render it and nothing flashes."""
    chosen = request.POST.get("theme", "")
    if chosen not in THEMES:
        return HttpResponseBadRequest("Unknown theme.")
    response = redirect(_back(request))
    response.set_cookie("theme", chosen, max_age=_YEAR, samesite="Lax", secure=settings.SESSION_COOKIE_SECURE)
    return response


def _back(request: HttpRequest) -> str:
    """The page the form stood on, if it is one of ours."""
    target = request.POST.get("next", "")
    if url_has_allowed_host_and_scheme(target, allowed_hosts={request.get_host()}, require_https=request.is_secure()):
        return target
    return "sign-in"


@public
@require_POST
def language(request: HttpRequest) -> HttpResponse:
    """Keep the chosen language in a cookie, as Django does, and with whoever is signed in: mails are written in it."""
    chosen = request.POST.get(LANGUAGE_QUERY_PARAMETER, "")
    if request.user.is_authenticated and chosen in dict(settings.LANGUAGES):
        Person.objects.filter(user=request.user.pk).exclude(language=chosen).update(language=chosen)
    return set_language(request)
