"""The way in for an emergency. Opening the link changes nothing: mail and chat programs open links to preview them."""

from __future__ import annotations

import structlog
from django.conf import settings
from django.contrib.auth import login
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from onboarding.break_glass import BadLink, is_open, redeem
from onboarding.sessions import begin_break_glass
from onboarding.views.limits import limited_by_address, page
from onboarding.views.rules import public

log = structlog.get_logger(__name__)


@public
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
@limited_by_address(page)
def break_glass(request: HttpRequest) -> HttpResponse:
    """A page with one button; pressed, it signs the admin in whose link it is. The identity provider is not asked."""
    if request.method == "POST":
        return _use(request)
    token = request.GET.get("token", "")
    return _page(request, token=token if is_open(token) else "")


def _use(request: HttpRequest) -> HttpResponse:
    try:
        person = redeem(request.POST.get("token", ""))
    except BadLink:
        log.warning("break_glass_refused")
        return _page(request, token="")
    login(request, person.user, backend=settings.AUTHENTICATION_BACKENDS[0])
    begin_break_glass(request)
    log.warning("break_glass_used", person=person.pk)
    return redirect("setup")


def _page(request: HttpRequest, *, token: str) -> HttpResponse:
    """With the button, or what became of the link: 410."""
    return render(request, "break_glass.html", {"token": token}, status=200 if token else 410)
