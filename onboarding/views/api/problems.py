"""What goes wrong, in one shape: RFC 9457's problem details, for whatever the API cannot answer."""

from __future__ import annotations

from typing import Any

from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from ninja import NinjaAPI, Schema
from ninja.errors import HttpError, ValidationError

MEDIA_TYPE = "application/problem+json"
_TITLES = {
    401: "No valid token",
    403: "The token may not read this",
    404: "Not found",
    405: "Only GET",
    422: "A parameter does not fit",
    429: "Too many requests",
}
_DETAILS = {
    401: "Send a token that holds, as `Authorization: Bearer onramp_api_…`. Admins make them at /tokens/.",
    403: "The token lacks the scope that this needs.",
    404: "There is nothing under this address.",
    405: "The API is read-only.",
    422: "See `errors`.",
    429: "Ask again after as many seconds as `Retry-After` says.",
}


class Misfit(Schema):
    """A parameter that does not fit, by its name, and why."""

    parameter: str
    message: str


class Problem(Schema):
    """What went wrong: `status` as in the answer itself, `detail` for people."""

    type: str
    title: str
    status: int
    detail: str
    errors: list[Misfit]


class Refused(Exception):
    """Answered with a problem of this status; `wait` is for how many seconds."""

    def __init__(
        self, status: int, detail: str = "", errors: list[dict[str, str]] | None = None, *, wait: int = 0
    ) -> None:
        super().__init__(status, detail)
        self.status, self.detail, self.errors, self.wait = status, detail, errors, wait


def problem(status: int, detail: str = "", errors: list[dict[str, str]] | None = None) -> HttpResponse:
    told = {
        "type": "about:blank",
        "title": _TITLES[status],
        "status": status,
        "detail": detail or _DETAILS[status],
        "errors": errors or [],
    }
    response = JsonResponse(told, status=status, content_type=MEDIA_TYPE)
    if status == 401:
        response["WWW-Authenticate"] = 'Bearer realm="onramp"'
    response["Cache-Control"] = "no-store"
    return response


def answer_in_problems(api: NinjaAPI) -> None:
    """Whatever keeps an operation from answering becomes a problem; what is our own fault stays a 500 of Django's."""
    api.add_exception_handler(Refused, _refused)
    api.add_exception_handler(Http404, _not_found)
    api.add_exception_handler(HttpError, _http_error)
    api.add_exception_handler(ValidationError, _misfits)


def _refused(request: HttpRequest, error: Any) -> HttpResponse:
    response = problem(error.status, error.detail, error.errors)
    if error.wait:
        response["Retry-After"] = str(error.wait)
    return response


def _not_found(request: HttpRequest, error: Any) -> HttpResponse:
    return problem(404)


def _http_error(request: HttpRequest, error: Any) -> HttpResponse:
    return problem(error.status_code)


def _misfits(request: HttpRequest, error: Any) -> HttpResponse:
    """What came is not said again: it may be anything."""
    told = [{"parameter": str(each["loc"][-1]), "message": str(each["msg"])} for each in error.errors]
    return problem(422, errors=told)
