"""What bounds a request from outside all else that is asked of it, and what the log says of it."""

from __future__ import annotations

from collections.abc import Callable

import structlog
from allauth.account.adapter import get_adapter
from django.core.exceptions import PermissionDenied
from django.http import FileResponse, HttpRequest, HttpResponseBase, StreamingHttpResponse
from django_structlog.middlewares import RequestMiddleware

from portal.postgresql.base import impatient, impatiently


class Impatience:
    """No page waits for a database that stands still; what it says then, `server_error` does."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        with impatient():
            response = self.get_response(request)
        # A file is sent as it is, and asks no database.
        if isinstance(response, StreamingHttpResponse) and not isinstance(response, FileResponse):
            response.streaming_content = impatiently(iter(response))
        return response


class LoggedRequests(RequestMiddleware):
    """Logs requests without what was asked for, and with the address that the trusted proxies saw."""

    @staticmethod
    def format_request(request: HttpRequest) -> str:
        """Names, and codes of sign-in, stand in queries."""
        return f"{request.method} {request.path}"

    @classmethod
    def bind_ip(cls, request: HttpRequest) -> None:
        """django-structlog's own answer is whatever X-Forwarded-For begins with, which anybody may write."""
        try:
            ip = str(get_adapter(request).get_client_ip(request))
        except PermissionDenied:
            ip = "unknown"
        structlog.contextvars.bind_contextvars(ip=ip)
