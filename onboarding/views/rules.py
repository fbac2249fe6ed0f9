"""Who may open a page. Every view of the product wears exactly one of these; a test walks the URLs and says so."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any, Concatenate, ParamSpec, TypeVar

from django.contrib.auth.decorators import login_not_required
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponseBase
from django.views.decorators.csrf import csrf_exempt
from django_htmx.middleware import HtmxDetails

from onboarding.models import Person, User

P = ParamSpec("P")
View = TypeVar("View", bound=Callable[..., Any])


class Request(HttpRequest):
    """A request as our middleware leaves it."""

    htmx: HtmxDetails


class PersonRequest(Request):
    """A request of somebody who is signed in, active, and known as a person."""

    user: User
    person: Person


def public(view: View) -> View:
    """Anybody, signed in or not."""
    view.rule = "public"  # type: ignore[attr-defined]  # a mark on a function, for the rule test
    return login_not_required(view)


def for_tokens(view: View) -> View:
    """Programs that show a token in the Authorization header, and no browser: the view asks for the token itself, and
    looks at no cookie. So nothing that another site sends in somebody's name reaches it, and it needs no CSRF token.
    """
    view.rule = "token"  # type: ignore[attr-defined]  # as above
    return csrf_exempt(login_not_required(view))


def signed_in(view: View) -> View:
    """Anybody who is signed in, even somebody the portal does not know as a person: the way out is open to all."""
    view.rule = "signed-in"  # type: ignore[attr-defined]  # as above
    return view


def for_people(
    view: Callable[Concatenate[PersonRequest, P], HttpResponseBase],
) -> Callable[Concatenate[HttpRequest, P], HttpResponseBase]:
    """People, whatever their role; the request gets their `person`. A user without one is nobody here: 403."""
    return _for(view, "person", lambda person: True)


def for_auditors(
    view: Callable[Concatenate[PersonRequest, P], HttpResponseBase],
) -> Callable[Concatenate[HttpRequest, P], HttpResponseBase]:
    """Whoever may read everything: auditors, and admins. For views that write nothing; everybody else gets 403."""
    return _for(view, "auditor", lambda person: person.may_read_all)


def for_admins(
    view: Callable[Concatenate[PersonRequest, P], HttpResponseBase],
) -> Callable[Concatenate[HttpRequest, P], HttpResponseBase]:
    """Admins of the portal, asked anew at each request; everybody else gets 403."""
    return _for(view, "admin", lambda person: person.is_admin)


def _for(
    view: Callable[Concatenate[PersonRequest, P], HttpResponseBase], rule: str, may: Callable[[Person], bool]
) -> Callable[Concatenate[HttpRequest, P], HttpResponseBase]:
    """The middleware has already sent anonymous visitors to sign in."""

    @wraps(view)
    def checked(request: HttpRequest, *args: P.args, **kwargs: P.kwargs) -> HttpResponseBase:
        person = Person.objects.select_related("team").filter(user=request.user.pk, is_active=True).first()
        if person is None or not may(person):
            raise PermissionDenied
        request.person = person  # type: ignore[attr-defined]  # what PersonRequest declares
        return view(request, *args, **kwargs)  # type: ignore[arg-type]  # it is one now

    checked.rule = rule  # type: ignore[attr-defined]  # as above
    return checked  # type: ignore[return-value]  # wraps() remembers the inner signature, too
