"""Pages for what went wrong, in the portal's own frame."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.template.loader import render_to_string

from onboarding.views.rules import public


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


@public
def server_error(request: HttpRequest) -> HttpResponse:
    """Uses no context processor: the database may be what failed."""
    return HttpResponse(render_to_string("errors/500.html"), status=500)
