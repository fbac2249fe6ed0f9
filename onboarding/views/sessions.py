"""Where somebody is signed in, and the end of it. People see and end their own sessions only."""

from __future__ import annotations

from dataclasses import dataclass

from allauth.usersessions.models import UserSession
from django.conf import settings
from django.contrib.auth import logout
from django.http import HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from onboarding.sessions import BREAK_GLASS, end_all, end_session, sessions_of
from onboarding.views.rules import PersonRequest, for_people

# What a browser calls itself, and its name. Most call themselves others as well, so the first that fits counts.
_BROWSERS = (
    ("Edg", "Edge"),
    ("OPR/", "Opera"),
    ("Firefox/", "Firefox"),
    ("FxiOS/", "Firefox"),
    ("Chrome/", "Chrome"),
    ("CriOS/", "Chrome"),
    ("Safari/", "Safari"),
)
_SYSTEMS = (
    ("Windows", "Windows"),
    ("iPhone", "iPhone"),
    ("iPad", "iPad"),
    ("Android", "Android"),
    ("CrOS", "ChromeOS"),
    ("Mac OS X", "macOS"),
    ("Linux", "Linux"),
)


@dataclass(frozen=True, slots=True)
class Row:
    """One session, in words."""

    session: UserSession
    browser: str
    is_this: bool

    @property
    def is_break_glass(self) -> bool:
        return bool(self.session.data.get("via") == BREAK_GLASS["via"])


def browser_of(user_agent: str) -> str:
    """A browser and its system, as far as what it sent says."""
    browser = next((name for mark, name in _BROWSERS if mark in user_agent), "")
    system = next((name for mark, name in _SYSTEMS if mark in user_agent), "")
    if browser and system:
        return _("%(browser)s on %(system)s") % {"browser": browser, "system": system}
    return browser or system or _("A browser that Onramp does not know")


@for_people
@never_cache
@require_safe
def sessions(request: PersonRequest) -> HttpResponseBase:
    """The open ones, this one first. A constant number of queries."""
    rows = [
        Row(each, browser_of(each.user_agent), is_this=each.session_key == request.session.session_key)
        for each in sessions_of(request.user)
    ]
    context = {
        "rows": sorted(rows, key=lambda row: not row.is_this),
        "others": sum(not row.is_this for row in rows),
        "hours": settings.SESSION_COOKIE_AGE // 3600,
        "idle_hours": settings.ONRAMP_SESSION_IDLE_HOURS,
    }
    return render(request, "sessions.html", context)


@for_people
@require_POST
def session_end(request: PersonRequest, pk: int) -> HttpResponseBase:
    """End one. Of this browser's own, nothing is left to write to."""
    session = get_object_or_404(UserSession, pk=pk, user=request.user)
    is_this = session.session_key == request.session.session_key
    end_session(session, person=request.person, actor=request.person.audit_name)
    if is_this:
        logout(request)
    return redirect("sessions")


@for_people
@require_POST
def sessions_end_others(request: PersonRequest) -> HttpResponseBase:
    end_all(request.person, actor=request.person.audit_name, but=request.session.session_key)
    return redirect("sessions")
