"""What is asked of every request beside its view."""

from __future__ import annotations

from collections.abc import Callable

from django.conf import settings
from django.http import HttpRequest, HttpResponseBase

from onboarding import sessions


class SessionLimits:
    """Holds sessions to their limits. It looks at requests with a cookie only: machines and probes have none."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        if settings.SESSION_COOKIE_NAME in request.COOKIES:
            sessions.keep(request)
        return self.get_response(request)
