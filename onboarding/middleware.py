"""What is asked of every request beside its view."""

from __future__ import annotations

from collections.abc import Callable

from django.conf import settings
from django.http import HttpRequest, HttpResponseBase

from onboarding import sessions
from onboarding.instruments import REQUESTS, timed

_METHODS = frozenset(("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"))


class Measured:
    """Counts requests by the name of their URL, which the code knows; never by what somebody wrote into one."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        method = request.method if request.method and request.method in _METHODS else "other"
        with timed(REQUESTS, view="none", method=method, status="5xx") as labels:
            response = self.get_response(request)
            # Files, and addresses that are none, reach no view.
            if request.resolver_match is not None:
                labels["view"] = request.resolver_match.view_name or "unnamed"
            labels["status"] = f"{response.status_code // 100}xx"
            return response


class SessionLimits:
    """Holds sessions to their limits. It looks at requests with a cookie only: machines and probes have none."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        if settings.SESSION_COOKIE_NAME in request.COOKIES:
            sessions.keep(request)
        return self.get_response(request)
