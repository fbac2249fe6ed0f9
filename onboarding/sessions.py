"""The sessions that people have in the portal: which, and their end. Rows of allauth's, which knows each sign-in."""

from __future__ import annotations

from collections.abc import Sequence

from allauth.usersessions.models import UserSession
from django.contrib.sessions.models import Session
from django.db import transaction
from django.utils import timezone

from onboarding.models import AuditEvent, Person, User


def sessions_of(user: User) -> list[UserSession]:
    """Those that are open, the newest first; what has expired is forgotten."""
    found: list[UserSession] = UserSession.objects.purge_and_list(user)
    return sorted(found, key=lambda session: session.created_at, reverse=True)


def open_sessions(user: User) -> Sequence[UserSession]:
    """The same without forgetting anything, for pages that write nothing: one query, at any number of sessions."""
    alive = Session.objects.filter(expire_date__gt=timezone.now()).values("session_key")
    rows: Sequence[UserSession] = UserSession.objects.filter(user=user, session_key__in=alive).order_by("-created_at")
    return rows


@transaction.atomic
def end_session(session: UserSession, *, person: Person, actor: str) -> None:
    """End one session of a person's; the next request of that browser has to sign in."""
    session.end()
    AuditEvent.objects.record(actor=actor, action="session.ended", target=person.email, sessions=1)


@transaction.atomic
def end_all(person: Person, *, actor: str, reason: str = "") -> int:
    """End every session of a person; how many there were. Writes an audit event where there was one."""
    if person.user is None:
        return 0
    open_sessions = sessions_of(person.user)
    for session in open_sessions:
        session.end()
    if open_sessions:
        AuditEvent.objects.record(
            actor=actor, action="session.ended", target=person.email, sessions=len(open_sessions), reason=reason
        )
    return len(open_sessions)
