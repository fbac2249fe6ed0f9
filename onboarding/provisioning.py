"""Provisioning: people, their teams and their roles as the company's directory has them, without a sign-in.

What speaks SCIM is onboarding/views/scim; here is what it means. A user with an e-mail is a person; one that the
directory switches off or deletes is deactivated, and their sessions end at once. A group that the directory sent
decides about whoever is, or was, in it; about other groups only a sign-in tells, and at a sign-in its groups win.
"""

from __future__ import annotations

import secrets
import uuid
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import F
from django.utils import timezone
from django.utils.crypto import constant_time_compare

from onboarding import statuses
from onboarding.enums import Role
from onboarding.models import AuditEvent, Person, ProvisionedGroup, ProvisionedUser, ProvisioningToken, Team
from onboarding.models.tokens import is_stale, token_digest
from onboarding.people import grant_admin, let_in, may_sign_in, role_for, shut_out
from onboarding.sessions import end_all

ACTOR = "provisioning"
TOKEN_PREFIX = "onramp_scim_"  # noqa: S105  # what one begins with
_TOKEN_BYTES = 32
# The one in use, and the one that takes its place.
_TOKENS_KEPT = 2


class Taken(Exception):
    """Another user of the directory has this user name, or this e-mail."""


@dataclass(frozen=True, slots=True)
class UserData:
    """A user as the directory sends it. `email` may be empty; `document` is the resource as it is shown again."""

    user_name: str
    external_id: str
    email: str
    name: str
    is_active: bool
    document: dict[str, Any]


# --- Users


@transaction.atomic
def save_user(data: UserData, row: ProvisionedUser | None = None) -> ProvisionedUser:
    """Make a user what the directory says, and the person behind them too. Raises Taken. Idempotent."""
    before = (row.document, row.is_active) if row else None
    _refuse_taken(data, row)
    now = timezone.now()
    user = row or ProvisionedUser(created_at=now)
    user.user_name, user.external_id = data.user_name.lower(), data.external_id
    user.email, user.is_active, user.document = data.email.lower(), data.is_active, data.document
    if before != (user.document, user.is_active):
        user.changed_at = now
        _follow(user, data, was_active=before[1] if before else None)
        user.save()
        action = "changed" if row else "created"
        AuditEvent.objects.record(actor=ACTOR, action=f"directory-user.{action}", target=data.user_name)
        _apply_groups([user], _known_groups())
    return user


def _refuse_taken(data: UserData, row: ProvisionedUser | None) -> None:
    others = ProvisionedUser.objects.exclude(pk=row.pk) if row else ProvisionedUser.objects.all()
    if others.filter(user_name=data.user_name.lower()).exists():
        raise Taken("Another user has this userName.")
    if data.email and others.filter(email=data.email.lower()).exists():
        raise Taken("Another user has this e-mail.")


def _follow(user: ProvisionedUser, data: UserData, *, was_active: bool | None) -> None:
    """The person behind a user: found, made, renamed, deactivated or let in again. A new user was neither."""
    if user.person is None and data.email:
        user.person = _find_person(data.email) or _make_person(data)
    person = user.person
    if person is None:
        return
    if not data.is_active:
        shut_out(person, actor=ACTOR, reason="The directory has switched them off.")
    elif was_active is False or (was_active is None and _was_shut_out_here(person)):
        let_in(person, actor=ACTOR, reason="The directory has switched them on.")
    if data.email and (person.email, person.name) != (data.email, data.name or person.name):
        person.email, person.name = data.email, data.name or person.name
        person.save(update_fields=["email", "name"])
    statuses.refresh([person.pk])


def _find_person(email: str) -> Person | None:
    """Whoever has this e-mail: rather somebody who signed in than somebody who was only named."""
    mine = Person.objects.for_email(email).filter(provisioned=None).select_related("team", "user")
    return mine.order_by(F("user").asc(nulls_last=True), "pk").first()


def _was_shut_out_here(person: Person) -> bool:
    """Whether the directory deactivated them last. Whom an admin deactivated, an admin lets in."""
    events = AuditEvent.objects.filter(action="person.deactivated", target=person.email).order_by("-at", "-pk")
    return events.values_list("actor", flat=True).first() == ACTOR


def _make_person(data: UserData) -> Person:
    person = Person.objects.create(email=data.email, name=data.name)
    AuditEvent.objects.record(actor=ACTOR, action="person.created", target=person.email)
    return person


@transaction.atomic
def delete_user(user: ProvisionedUser) -> None:
    """The directory forgets a user; the portal keeps the person, with all they used, deactivated."""
    if user.person is not None:
        shut_out(user.person, actor=ACTOR, reason="The directory has deleted them.")
    AuditEvent.objects.record(actor=ACTOR, action="directory-user.deleted", target=user.user_name)
    user.delete()


# --- Groups


@transaction.atomic
def save_group(
    *, display_name: str, external_id: str, members: Collection[uuid.UUID], row: ProvisionedGroup | None = None
) -> ProvisionedGroup:
    """Make a group, and who is in it, what the directory says. Members that are no users of ours are left out."""
    now, known = timezone.now(), _known_groups()
    group = row or ProvisionedGroup(created_at=now, changed_at=now)
    is_renamed = row is not None and (row.display_name, row.external_id) != (display_name, external_id)
    group.display_name, group.external_id = display_name, external_id
    if row is None:
        group.save()
    before, wanted = set(group.members.values_list("pk", flat=True)), set(members)
    # Of thousands of members mostly one or two are new.
    new = ProvisionedUser.objects.filter(pk__in=wanted - before).values_list("pk", flat=True)
    after = (wanted & before) | set(new)
    if row is None or is_renamed or before != after:
        group.changed_at = now
        group.save()
        group.members.remove(*before - after)  # type: ignore[arg-type]  # the stubs know whole numbers only
        group.members.add(*after - before)  # type: ignore[arg-type]  # as above
        action = "changed" if row else "created"
        counts = {"added": len(after - before), "removed": len(before - after)}
        AuditEvent.objects.record(actor=ACTOR, action=f"directory-group.{action}", target=display_name, **counts)
        concerned = before | after if row is None or is_renamed else before ^ after
        _apply_groups(_users(concerned), known | group.names)
    return group


@transaction.atomic
def delete_group(group: ProvisionedGroup) -> None:
    """The directory forgets a group. A team that goes by it stays, with its plan and budget, and nobody in it."""
    known, members = _known_groups(), [user.pk for user in group.members.all()]
    AuditEvent.objects.record(actor=ACTOR, action="directory-group.deleted", target=group.display_name)
    group.delete()
    _apply_groups(_users(members), known)


def _users(ids: Iterable[uuid.UUID]) -> list[ProvisionedUser]:
    return list(ProvisionedUser.objects.filter(pk__in=list(ids)))


def _known_groups() -> frozenset[str]:
    """Every name of every group that the directory has sent."""
    rows = ProvisionedGroup.objects.values_list("display_name", "external_id")
    return frozenset(name for names in rows for name in names if name)


def _apply_groups(users: Collection[ProvisionedUser], known: frozenset[str]) -> None:
    """Team and role of everybody among `users`, where a group that the directory sends decides about them.

    Four queries, and what changes. Of two groups that change at once, the second to lock a person sees the first's.
    """
    people = list(
        Person.objects.select_for_update(of=("self",))
        .filter(pk__in=[user.person_id for user in users])
        .select_related("team", "user")
        .order_by("pk")
    )
    known |= _known_groups()
    names = ProvisionedUser.objects.group_names([person.pk for person in people])
    teams = list(Team.objects.filter(group__in=frozenset().union(*names.values())).order_by("name"))
    for person in people:
        groups = names.get(person.pk, frozenset())
        team, role = _team(person, groups, known, teams), _role(person, groups, known)
        if (team, role) != (person.team, person.role):
            _move(person, team, role)
        if _is_outside(groups, known):
            end_all(person, actor=ACTOR, reason="in none of the required groups")
    statuses.refresh([person.pk for person in people])


def _is_outside(groups: frozenset[str], known: frozenset[str]) -> bool:
    """Whether no sign-in lets them in any more; nobody can tell while the directory sends some of those groups."""
    required: frozenset[str] = settings.ONRAMP_REQUIRED_GROUPS
    return required <= known and not may_sign_in(groups)


def _team(person: Person, groups: frozenset[str], known: frozenset[str], teams: Sequence[Team]) -> Team | None:
    """As `people.team_for` chooses; but a team whose group the directory does not send is a sign-in's."""
    present = person.team
    if present is not None and (present.group not in known or present.group in groups):
        return present
    return next((team for team in teams if team.group in groups), None)


def _role(person: Person, groups: frozenset[str], known: frozenset[str]) -> Role:
    """So is a role: it is lowered only where the directory sends a group that gives it."""
    found, present = role_for(groups), Role(person.role)
    giving = {Role.ADMIN: settings.ONRAMP_ADMIN_GROUPS, Role.AUDITOR: settings.ONRAMP_AUDITOR_GROUPS}
    is_lowered = list(Role).index(found) < list(Role).index(present)
    return present if is_lowered and not known & giving[present] else found


def _move(person: Person, team: Team | None, role: Role) -> None:
    person.team, person.role = team, role
    person.save(update_fields=["team", "role"])
    if person.user is not None:
        grant_admin(person.user, is_admin=person.is_admin and person.is_active)
    details = {"team": team.name if team else "", "role": str(role)}
    AuditEvent.objects.record(actor=ACTOR, action="person.changed", target=person.email, **details)


# --- Tokens


@transaction.atomic
def issue_token(*, actor: str, ends_others: bool = False) -> str:
    """A new token, which is nowhere but in the answer; of those before it the newest still holds, or none."""
    token = f"{TOKEN_PREFIX}{secrets.token_urlsafe(_TOKEN_BYTES)}"
    ProvisioningToken.objects.create(digest=token_digest(token))
    kept = ProvisioningToken.objects.order_by("-pk")[: 1 if ends_others else _TOKENS_KEPT].values_list("pk", flat=True)
    ended, _ = ProvisioningToken.objects.exclude(pk__in=list(kept)).delete()
    AuditEvent.objects.record(actor=actor, action="scim-token.issued", target=ACTOR, ended=ended)
    return token


@transaction.atomic
def end_tokens(*, actor: str) -> int:
    """End every token: nothing is provisioned from now on. How many there were."""
    ended, _ = ProvisioningToken.objects.all().delete()
    if ended:
        AuditEvent.objects.record(actor=actor, action="scim-token.ended", target=ACTOR, ended=ended)
    return ended


def token_holds(secret: str) -> bool:
    """Whether `secret` is a token that holds. Its use is noted to the minute."""
    digest, now = token_digest(secret), timezone.now()
    for token in ProvisioningToken.objects.all():
        if constant_time_compare(token.digest, digest):
            if is_stale(token.last_used_at, now):
                ProvisioningToken.objects.filter(pk=token.pk).update(last_used_at=now)
            return True
    return False
