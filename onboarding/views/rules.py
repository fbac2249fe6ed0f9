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
from onboarding.viewing import viewing_of
from onboarding.views import limits

P = ParamSpec("P")
View = TypeVar("View", bound=Callable[..., Any])

# Methods that change nothing. https://www.rfc-editor.org/rfc/rfc9110#section-9.2.1
_READING = frozenset(("GET", "HEAD"))


class Request(HttpRequest):
    """A request as our middleware leaves it."""

    htmx: HtmxDetails


class PersonRequest(Request):
    """A request of somebody who is signed in, active, and known as a person.

    `viewed_by` is the admin who sees this person's page as they do; nearly always None, and `person` who is signed in.
    """

    user: User
    person: Person
    viewed_by: Person | None


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
    return _for(view, "person", lambda person, is_read: True)


def for_auditors(
    view: Callable[Concatenate[PersonRequest, P], HttpResponseBase],
) -> Callable[Concatenate[HttpRequest, P], HttpResponseBase]:
    """Whoever may read everything: auditors, and admins. What is not only read, is sent by admins alone, so a page may
    stand here with the forms it shows to admins; everybody else gets 403."""
    return _for(view, "auditor", lambda person, is_read: person.is_admin or (is_read and person.may_read_all))


def for_admins(
    view: Callable[Concatenate[PersonRequest, P], HttpResponseBase],
) -> Callable[Concatenate[HttpRequest, P], HttpResponseBase]:
    """Admins of the portal, asked anew at each request; everybody else gets 403."""
    return _for(view, "admin", lambda person, is_read: person.is_admin)


def viewable(view: View) -> View:
    """A page `for_people` that an admin may see as its person does: the request's `person` is whose page it is.

    For GET pages that show, and write nothing. Everything that is not marked is closed while viewing as.
    """
    view.is_viewable = True  # type: ignore[attr-defined]  # a mark on a function, for onboarding.read_only
    return view


def ends_viewing(view: View) -> View:
    """Stays open while viewing as: it ends it."""
    view.ends_viewing = True  # type: ignore[attr-defined]  # as above
    return view


def _for(
    view: Callable[Concatenate[PersonRequest, P], HttpResponseBase], rule: str, may: Callable[[Person, bool], bool]
) -> Callable[Concatenate[HttpRequest, P], HttpResponseBase]:
    """The middleware has already sent anonymous visitors to sign in."""

    @wraps(view)
    def checked(request: HttpRequest, *args: P.args, **kwargs: P.kwargs) -> HttpResponseBase:
        person: Person | None = getattr(request.user, "person", None)  # read with the user, in this request
        if person is None or not person.is_active or not may(person, request.method in _READING):
            raise PermissionDenied
        if request.method not in _READING and (wait := limits.too_many_of_person(request.user.pk)):
            return limits.refuse(limits.page(request), wait)
        viewing = viewing_of(request) if getattr(checked, "is_viewable", False) else None
        request.person = viewing.person if viewing else person  # type: ignore[attr-defined]  # PersonRequest's
        request.viewed_by = viewing.viewer if viewing else None  # type: ignore[attr-defined]  # as above
        return view(request, *args, **kwargs)  # type: ignore[arg-type]  # it is one now

    checked.rule = rule  # type: ignore[attr-defined]  # as above
    return checked  # type: ignore[return-value]  # wraps() remembers the inner signature, too
