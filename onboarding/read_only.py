"""While an admin views as somebody, only what is marked for it opens: pages that show, and the ways to end it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import render

from onboarding.viewing import viewing_of

_SAFE = ("GET", "HEAD", "OPTIONS")


class ReadOnlyWhileViewing:
    """Middleware. It stands before every view, also those of Django's admin, which wear none of our rules."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        return self.get_response(request)

    def process_view(
        self, request: HttpRequest, view: Callable[..., Any], args: list[Any], kwargs: dict[str, Any]
    ) -> HttpResponse | None:
        if _opens(view, request.method) or viewing_of(request) is None:
            return None
        return render(request, "errors/viewing.html", status=403)


def _opens(view: Callable[..., Any], method: str | None) -> bool:
    """The ways to end it; a person's own page that shows; and what is shown to anybody, signed in or not."""
    if getattr(view, "ends_viewing", False):
        return True
    shows = getattr(view, "is_viewable", False) or getattr(view, "rule", "") == "public"
    return bool(shows) and method in _SAFE
