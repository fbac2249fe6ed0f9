"""Who asked too often is told so: 429, and when to come again.

People's forms share one bucket a person, which `rules` takes from. What is open to everybody has one for each client
address, from which only requests that fail take: an office has one address, and its people's good codes are no
guesses.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Callable
from functools import wraps
from typing import Concatenate, ParamSpec

from allauth.account.adapter import get_adapter
from django.conf import settings
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseBase, JsonResponse
from django.shortcuts import render
from django.utils.translation import gettext as _

from onboarding import limits

# A conflict is none: what was shown is good, and something else is in the way.
_GUESSES = (400, 401, 403, 404, 410, 413)

P = ParamSpec("P")
View = Callable[Concatenate[HttpRequest, P], HttpResponseBase]
Refusal = Callable[[HttpRequest], HttpResponse]


def client_address(request: HttpRequest) -> str:
    """Who asks. Of IPv6 the network: one customer has all of a /64."""
    try:
        told = get_adapter(request).get_client_ip(request)
    except PermissionDenied:
        told = ""
    try:
        address = ipaddress.ip_address(told)
    except ValueError:
        return "unknown"
    if isinstance(address, ipaddress.IPv6Address):
        mapped = address.ipv4_mapped
        return str(mapped or ipaddress.ip_network((int(address), 64), strict=False).network_address)
    return str(address)


def too_many_of_address(request: HttpRequest) -> int:
    """Count a request that failed: 0, or the seconds to wait where too many of its address did."""
    return limits.take(_key(request), settings.ONRAMP_ADDRESS_RATE)


def too_many_of_person(user_id: object) -> int:
    """Count a form that somebody sent: 0, or the seconds to wait."""
    return limits.take(f"person:{user_id}", settings.ONRAMP_PERSON_RATE)


def too_many_of_token(token_id: int) -> int:
    """Count a request of a program: 0, or the seconds to wait."""
    return limits.take(f"token:{token_id}", settings.ONRAMP_TOKEN_RATE)


def page(request: HttpRequest) -> HttpResponse:
    return render(request, "errors/429.html")


def sentence(request: HttpRequest) -> HttpResponse:
    """For scripts, which show it."""
    told = _("Too many requests failed from your address. Try again in a minute.")
    return HttpResponse(f"{told}\n", content_type="text/plain; charset=utf-8")


def oauth_error(request: HttpRequest) -> HttpResponse:
    return JsonResponse({"error": "temporarily_unavailable"})


def refuse(response: HttpResponse, wait: int) -> HttpResponse:
    """`response` as what is said to whoever asked too often."""
    response.status_code = 429
    response["Retry-After"] = str(wait)
    response["Cache-Control"] = "no-store"
    return response


def limited_by_address(said: Refusal) -> Callable[[View[P]], View[P]]:
    """A public view: where too many requests of an address fail, none of its requests gets to the view.

    A token is taken before the view, so that guesses that come all at once are counted, too; and given back where it
    was no guess.
    """

    def limited(view: View[P]) -> View[P]:
        @wraps(view)
        def answered(request: HttpRequest, *args: P.args, **kwargs: P.kwargs) -> HttpResponseBase:
            if wait := too_many_of_address(request):
                return refuse(said(request), wait)
            response = view(request, *args, **kwargs)
            if response.status_code not in _GUESSES:
                limits.give_back(_key(request), settings.ONRAMP_ADDRESS_RATE)
            return response

        answered.is_limited_by_address = True  # type: ignore[attr-defined]  # a mark on a function, for the tests
        return answered  # type: ignore[return-value]  # wraps() remembers the inner signature, too

    return limited


def _key(request: HttpRequest) -> str:
    return f"address:{client_address(request)}"
