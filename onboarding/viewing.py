"""Viewing as: an admin sees a person's own pages as the person does, and may write nothing meanwhile.

The admin stays signed in as themselves. What they see is an entry of their session: whose pages, why, and until when.
It counts only while whoever is signed in is an active admin, and it ends with the session.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

from django.contrib.sessions.backends.base import SessionBase
from django.db import transaction
from django.http import HttpRequest
from django.utils import timezone

from onboarding.enums import Role
from onboarding.models import AuditEvent, Person

HOLDS = dt.timedelta(minutes=15)
_KEY = "viewing_as"


@dataclass(frozen=True, slots=True)
class Viewing:
    """`viewer`, an admin, sees the pages of `person`."""

    viewer: Person
    person: Person
    reason: str
    until: dt.datetime


@transaction.atomic
def begin(session: SessionBase, *, viewer: Person, person: Person, reason: str) -> None:
    """See this person's pages from the next request on; whose pages were seen before no longer counts."""
    until = timezone.now() + HOLDS
    session[_KEY] = {"person": person.pk, "reason": reason, "until": until.isoformat()}
    AuditEvent.objects.record(
        actor=viewer.email,
        action="person.viewed-as",
        target=person.email,
        reason=reason,
        until=until.isoformat(timespec="seconds"),
    )


@transaction.atomic
def end(session: SessionBase, viewing: Viewing) -> None:
    session.pop(_KEY, None)
    AuditEvent.objects.record(
        actor=viewing.viewer.email, action="person.view-ended", target=viewing.person.email, reason=viewing.reason
    )


def viewing_of(request: HttpRequest) -> Viewing | None:
    """What the request's session says, where it still counts. Read once a request; no query where it says nothing."""
    if not hasattr(request, "viewing"):
        request.viewing = _read(request)  # type: ignore[attr-defined]  # kept for whoever asks next
    viewing: Viewing | None = request.viewing  # type: ignore[attr-defined]  # as above
    return viewing


def _read(request: HttpRequest) -> Viewing | None:
    session = getattr(request, "session", None)
    said = session.get(_KEY) if session is not None else None
    if said is None or dt.datetime.fromisoformat(said["until"]) <= timezone.now():
        return None
    people = Person.objects.select_related("team__plan")
    viewer = people.filter(user=request.user.pk, is_active=True, role=Role.ADMIN).first()
    person = people.filter(pk=said["person"]).first()
    if viewer is None or person is None:
        return None
    return Viewing(viewer, person, said["reason"], dt.datetime.fromisoformat(said["until"]))
