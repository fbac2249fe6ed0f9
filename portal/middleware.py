"""What bounds a request from outside all else that is asked of it."""

from __future__ import annotations

from collections.abc import Callable

from django.http import HttpRequest, HttpResponseBase

from portal.postgresql.base import impatient


class Impatience:
    """No page waits for a database that stands still; what it says then, `server_error` does."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        with impatient():
            return self.get_response(request)
