"""People: who they are to the portal, and whether Claude Code works for them."""

from __future__ import annotations

import datetime as dt
from typing import Annotated

from django.http import Http404, HttpRequest
from ninja import Query, Router, Schema
from pydantic import Field

from onboarding.access import Access, access_of, accesses_of
from onboarding.enums import ApiScope, Readiness, Role
from onboarding.models import Person
from onboarding.views.api.door import Token
from onboarding.views.api.pages import LARGEST, PROBLEMS, PROBLEMS_OF_ONE, Cursor, Id, Limit, Page, page_of
from onboarding.views.api.plans import TeamRef

# PostgreSQL has no NUL in its texts.
Email = Annotated[
    str | None, Query(max_length=254, pattern=r"^[^\x00]*$", description="Exactly this e-mail, in any case.")
]
TeamId = Annotated[int | None, Query(ge=1, le=LARGEST, description="The id of a team.")]

router = Router(auth=Token(ApiScope.PEOPLE), tags=["people"])


class Status(Schema):
    """What the newest verification that ended says, and whether that counts still.

    `is_ready`: a bundle can be made now. `is_due`: the plan changed since, or the answer is over a day old.
    `models` are the inference profiles that were seen to work, by tier; empty unless ready.
    """

    is_ready: bool
    is_due: bool
    is_running: bool
    outcome: Readiness | None
    verified_at: dt.datetime | None
    plan: str | None = Field(description="The slug of the plan of the person's team.")
    revision: int | None = Field(description="The number of its current revision.")
    role_arn: str | None = Field(description="The AWS role it was verified for.")
    models: dict[str, str]


class PersonOut(Schema):
    id: int
    email: str
    name: str
    role: Role
    is_active: bool
    team: TeamRef | None
    created_at: dt.datetime
    seen_at: dt.datetime | None = Field(description="When they last signed in.")
    status: Status


@router.get("", response={200: Page[PersonOut], **PROBLEMS}, operation_id="list_people")
def people(
    request: HttpRequest,
    cursor: Cursor = None,
    limit: Limit = 50,
    email: Email = None,
    team: TeamId = None,
    is_active: bool | None = None,
) -> dict[str, object]:
    """Everybody the portal knows, in the order in which it got to know them."""
    rows = Person.objects.select_related("team")
    if email is not None:
        rows = rows.for_email(email)
    if team is not None:
        rows = rows.filter(team=team)
    if is_active is not None:
        rows = rows.filter(is_active=is_active)
    found, next_cursor = page_of(rows, cursor, limit)
    accesses = accesses_of(found)
    return {"items": [_told(person, accesses[person.pk]) for person in found], "next_cursor": next_cursor}


@router.get("/{id}", response={200: PersonOut, **PROBLEMS_OF_ONE}, operation_id="get_person")
def person(request: HttpRequest, id: Id) -> dict[str, object]:
    """One person."""
    found = Person.objects.select_related("team").filter(pk=id).first()
    if found is None:
        raise Http404
    return _told(found, access_of(found))


def _told(person: Person, access: Access) -> dict[str, object]:
    fields = ("id", "email", "name", "role", "is_active", "team", "created_at", "seen_at")
    return {**{name: getattr(person, name) for name in fields}, "status": _status(access)}


def _status(access: Access) -> dict[str, object]:
    verified, revision, principal = access.verified, access.revision, access.principal
    return {
        "is_ready": access.is_ready,
        "is_due": access.is_due,
        "is_running": access.verification is not None and access.verification.is_live,
        "outcome": verified.outcome if verified else None,
        "verified_at": verified.finished_at if verified else None,
        "plan": revision.plan.slug if revision else None,
        "revision": revision.number if revision else None,
        "role_arn": principal.role_arn if principal else None,
        "models": {tier.value: profile for tier, profile in access.usable.items()},
    }
