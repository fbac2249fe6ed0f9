"""What is asked of every request beside its view."""

from __future__ import annotations

from collections.abc import Callable

from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.urls import Resolver404, resolve

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


class NoLeadingProgramsToTls:
    """Refuses programs that came over plain HTTP, where `SecurityMiddleware` would lead them to TLS: what a program
    showed was seen on the way, and a redirect that it follows keeps that from whoever wrote it.

    What takes no token against forgery is for programs, or for browsers that a provider sends. ASVS 5.0, 4.1.2.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        response = self.get_response(request)
        is_led = response.status_code == 301 and not request.is_secure() and settings.SECURE_SSL_REDIRECT
        if is_led and _is_for_programs(request.path_info):
            # With what the redirect told browsers.
            told = {name: value for name, value in response.items() if name not in ("Content-Type", "Location")}
            return HttpResponse("Over https only.\n", "text/plain; charset=utf-8", 403, headers=told)
        return response


def _is_for_programs(path: str) -> bool:
    try:
        return getattr(resolve(path).func, "csrf_exempt", False)
    except Resolver404:
        return False


class SessionLimits:
    """Holds sessions to their limits. It looks at requests with a cookie only: machines and probes have none."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        if settings.SESSION_COOKIE_NAME in request.COOKIES:
            sessions.keep(request)
        return self.get_response(request)


class NoLargeForms:
    """Refuses forms with files in them, which would fill the disk: nothing here takes a file.

    Of every other body Django itself reads no more than `DATA_UPLOAD_MAX_MEMORY_SIZE`, and nothing of one without a
    length.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        length = request.headers.get("Content-Length", "")
        is_large = length.isdecimal() and int(length) > settings.DATA_UPLOAD_MAX_MEMORY_SIZE
        if is_large and request.content_type == "multipart/form-data":
            return HttpResponse("Too large.\n", status=413, content_type="text/plain; charset=utf-8")
        return self.get_response(request)


class BrowserPolicies:
    """What Django has no setting for: which of a browser's features our pages may use (none), who may load our answers
    (nobody else), and that nothing is kept of them.

    https://www.w3.org/TR/permissions-policy/, https://fetch.spec.whatwg.org/#cross-origin-resource-policy-header
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        response = self.get_response(request)
        response.headers.setdefault("Permissions-Policy", _NO_FEATURE)
        response.headers.setdefault("Cross-Origin-Resource-Policy", "same-origin")
        # A view, and static files, say it themselves where an answer may be kept.
        response.headers.setdefault("Cache-Control", "no-store")
        return response


_NO_FEATURE = ", ".join(
    f"{feature}=()"
    for feature in (
        "accelerometer",
        "autoplay",
        "browsing-topics",
        "camera",
        "display-capture",
        "encrypted-media",
        "fullscreen",
        "geolocation",
        "gyroscope",
        "hid",
        "idle-detection",
        "magnetometer",
        "microphone",
        "midi",
        "payment",
        "picture-in-picture",
        "publickey-credentials-create",
        "publickey-credentials-get",
        "screen-wake-lock",
        "serial",
        "usb",
        "xr-spatial-tracking",
    )
)
