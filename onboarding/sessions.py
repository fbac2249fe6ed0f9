"""The sessions that people have in the portal: how long they last, which there are, and their end.

Django's store decides whether a session lives. The row of each ends at the earlier of two moments, which are in the
session itself: `until` (absolute), and the idle time after it was last `seen`. allauth's rows say whose sessions they
are, and from where; `data` of one says what the identity provider calls it.
"""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Iterable
from typing import Any

from allauth.usersessions.models import UserSession
from django.conf import settings
from django.contrib.auth import SESSION_KEY, logout, user_logged_in
from django.contrib.sessions.backends.base import SessionBase
from django.contrib.sessions.models import Session
from django.db import transaction
from django.dispatch import receiver
from django.http import HttpRequest
from django.utils import timezone

from onboarding.models import AuditEvent, Person, User

# That a session was seen is written this often at most.
SEEN_EVERY = dt.timedelta(minutes=1)

# Of a session that a link for an emergency made: how long it lasts, and the mark in the row's `data`.
BREAK_GLASS_LASTS = dt.timedelta(hours=1)
BREAK_GLASS = {"via": "break-glass"}


# --- How long


@receiver(user_logged_in)
def _begin(sender: type[User], request: HttpRequest, **_: Any) -> None:
    """Whichever way somebody came in, the session has an end."""
    _limit(request.session, dt.timedelta(seconds=settings.SESSION_COOKIE_AGE))


def _limit(session: SessionBase, lasts: dt.timedelta) -> None:
    session["until"] = (timezone.now() + lasts).timestamp()
    _see(session)


def _see(session: SessionBase) -> None:
    """Seen now. The row in the store ends with what is over first."""
    now = timezone.now()
    idle = now + dt.timedelta(hours=settings.ONRAMP_SESSION_IDLE_HOURS)
    session["seen"] = now.timestamp()
    session.set_expiry(min(idle, dt.datetime.fromtimestamp(session["until"], dt.UTC)))


def keep(request: HttpRequest) -> None:
    """Note that a session is in use. One without an end, from before there were limits, ends here."""
    session = request.session
    if settings.SECRET_KEY_FALLBACKS:
        _follow(request)
    if SESSION_KEY not in session:
        return
    if "until" not in session:
        logout(request)
        return
    now = timezone.now()
    if now.timestamp() - session["seen"] >= SEEN_EVERY.total_seconds():
        _see(session)
        UserSession.objects.filter(session_key=session.session_key).update(last_seen_at=now)


def _follow(request: HttpRequest) -> None:
    """After the portal's secret was replaced, Django gives each session a new key as soon as it looks who has it.

    The row goes along. Without one, which happens to the later of two requests that come at once, the session ends: in
    no list, nobody could end it.
    """
    before = request.session.session_key
    if not request.user.is_authenticated or request.session.session_key == before:
        return
    if not UserSession.objects.filter(session_key=before).update(session_key=request.session.session_key):
        logout(request)


def begin_break_glass(request: HttpRequest) -> None:
    """Make the session that somebody just signed in to a short one, and mark it."""
    _limit(request.session, BREAK_GLASS_LASTS)
    UserSession.objects.create_from_request(request)
    note(request, **BREAK_GLASS)


def note(request: HttpRequest, **data: str) -> None:
    """Keep with this session's row what others call it."""
    UserSession.objects.filter(session_key=request.session.session_key).update(data=data)


# --- Which


def sessions_of(user: User) -> list[UserSession]:
    """Those that are open, the newest first. One query."""
    rows = _open(UserSession.objects.filter(user=user)).select_related("user__person")
    return list(rows.order_by("-created_at", "-pk"))


def _open(rows: Any) -> Any:
    """Those of allauth's rows whose session is in the store and not over."""
    living = Session.objects.filter(expire_date__gt=timezone.now()).values("session_key")
    return rows.filter(session_key__in=living)


# --- Their end


@transaction.atomic
def sign_out(request: HttpRequest) -> None:
    """End the session of this request, as its owner asks."""
    UserSession.objects.filter(session_key=request.session.session_key).delete()
    person = Person.objects.filter(user=request.user.pk).first()
    if person is not None:
        AuditEvent.objects.record(actor=person.audit_name, action="person.signed_out", target=person.audit_name)
    logout(request)


@transaction.atomic
def end_session(session: UserSession, *, person: Person, actor: str) -> None:
    """End one session of a person's; the next request of that browser has to sign in."""
    session.end()
    AuditEvent.objects.record(actor=actor, action="session.ended", target=person.audit_name, sessions=1)


@transaction.atomic
def end_all(person: Person, *, actor: str, reason: str = "", but: str | None = None) -> int:
    """End every session of a person, `but` the one with this key; how many there were.

    Writes an audit event where there was one.
    """
    if person.user is None:
        return 0
    return _end([row for row in sessions_of(person.user) if row.session_key != but], actor=actor, reason=reason)


@transaction.atomic
def end_at_provider(*, provider: str, subject: str, sid: str) -> int:
    """End the sessions that the identity provider ended: that with this `sid`, or without one, all of the subject's.

    How many there were. Writes an audit event for each person concerned.
    """
    rows = UserSession.objects.filter(data__provider=provider)
    if subject:
        rows = rows.filter(data__sub=subject, user__socialaccount__provider=provider, user__socialaccount__uid=subject)
    if sid:
        rows = rows.filter(data__sid=sid)
    found = list(_open(rows).select_related("user__person"))
    return _end(found, actor="identity provider", reason="signed out at the provider")


def _end(rows: Iterable[UserSession], *, actor: str, reason: str) -> int:
    ended: Counter[str] = Counter()
    for row in rows:
        row.end()
        ended[row.user.person.audit_name if hasattr(row.user, "person") else row.user.username] += 1
    for target, count in ended.items():
        AuditEvent.objects.record(actor=actor, action="session.ended", target=target, sessions=count, reason=reason)
    return ended.total()
