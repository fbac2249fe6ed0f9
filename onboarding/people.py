"""People: who signed in, which team and role their groups give them."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.contrib.auth.base_user import AbstractBaseUser
from django.db import transaction
from django.utils import timezone

from onboarding import statuses
from onboarding.enums import Role
from onboarding.models import AuditEvent, Person, ProvisionedUser, Team, User
from onboarding.sessions import end_all


class GroupsOverage(Exception):
    """The provider left the groups out because there are too many of them. Which they are, nobody knows."""


@dataclass(frozen=True, slots=True)
class Claims:
    """What the identity provider said about somebody at sign-in. App roles are among the groups."""

    subject: str
    email: str
    name: str
    groups: frozenset[str]
    email_verified: bool
    # Whether the provider said anything of groups: no groups are not the same as no word of them.
    tells_groups: bool = True

    @classmethod
    def from_userinfo(cls, claims: Mapping[str, Any]) -> Claims:
        """Read the claims of an ID token or userinfo answer (OpenID Connect Core 5.1, plus groups and app roles).

        Raises GroupsOverage.
        """
        names = [name for name in (settings.ONRAMP_OIDC_GROUPS_CLAIM, settings.ONRAMP_OIDC_ROLES_CLAIM) if name]
        if any(_is_left_out(name, claims) for name in names):
            raise GroupsOverage
        return cls(
            subject=str(claims["sub"]),
            # Cut to what the columns hold: an overlong claim is no reason to keep somebody out.
            email=str(claims.get("email") or "")[:254],
            name=str(claims.get("name") or "")[:200],
            groups=frozenset(group for name in names for group in _texts(claims.get(name))),
            # Corporate providers often leave the claim out, and some say it as a text; only a plain "no" is a no.
            email_verified=str(claims.get("email_verified")).lower() != "false",
            tells_groups=settings.ONRAMP_OIDC_GROUPS_CLAIM in claims,
        )

    @classmethod
    def from_assertion(cls, facts: Mapping[str, Any]) -> Claims:
        """Take what `onboarding.saml` read out of an assertion: each but `email_verified`, by its name."""
        return cls(
            subject=facts["subject"],
            email=facts["email"][:254],
            name=facts["name"][:200],
            groups=frozenset(facts["groups"]),
            # The company's own directory says so; SAML has no word for doubt.
            email_verified=True,
            tells_groups=facts["tells_groups"],
        )


def _is_left_out(name: str, claims: Mapping[str, Any]) -> bool:
    """Whether a claim is at another address instead (Core 5.6.2), as Entra ID does with more than 200 groups.

    https://learn.microsoft.com/en-us/security/zero-trust/develop/configure-tokens-group-claims-app-roles
    """
    elsewhere = claims.get("_claim_names")
    if isinstance(elsewhere, Mapping) and name in elsewhere:
        return True
    return name == "groups" and str(claims.get("hasgroups", "")).lower() == "true"


def _texts(value: Any) -> list[str]:
    """A claim's list; one text is a list of one, and anything else says nothing."""
    if isinstance(value, str):
        return [value] if value else []
    return [str(each) for each in value] if isinstance(value, list | tuple) else []


def may_sign_in(groups: Collection[str]) -> bool:
    """Whether these groups let somebody in: one of those that are required, where any is."""
    required: frozenset[str] = settings.ONRAMP_REQUIRED_GROUPS
    return not required or bool(required.intersection(groups))


@transaction.atomic
def sync_from_claims(*, user: User, claims: Claims) -> Person:
    """Make the person behind `user` what the identity provider says now. Runs at every sign-in.

    Team and role are taken from the groups each time, so that a group lost is a right lost. An e-mail that is not
    verified is nobody's, so it is not kept; what the provider leaves out stays as it was. Idempotent.
    """
    person = _find(user, claims) or Person(user=user)
    is_new, before = person.pk is None, (person.team, person.role)
    person.user = user
    person.email = (claims.email if claims.email_verified else "") or person.email
    person.name = claims.name or person.name
    groups = groups_at_sign_in(person, claims)
    person.team = team_for(groups, current=person.team)
    person.role = role_for(groups)
    person.seen_at = timezone.now()
    # Of somebody known only what a sign-in tells: what else changes meanwhile is somebody else's to say.
    told = ["user", "email", "name", "team", "role", "seen_at"]
    person.save(update_fields=None if is_new else told)
    grant_admin(user, is_admin=person.is_admin and person.is_active)
    statuses.refresh([person.pk])
    if is_new:
        AuditEvent.objects.record(actor=person.audit_name, action="person.created", target=person.audit_name)
    elif before != (person.team, person.role):
        team = person.team.name if person.team else ""
        details = {"team": team, "role": str(person.role)}
        AuditEvent.objects.record(
            actor="identity provider", action="person.changed", target=person.audit_name, **details
        )
    return person


def record_sign_in(user: AbstractBaseUser) -> None:
    """Record that somebody came in. Call it in the transaction that begins their session."""
    person = Person.objects.filter(user=user.pk).select_related("user").first()
    name = person.audit_name if person else user.get_username()
    AuditEvent.objects.record(actor=name, action="person.signed_in", target=name)


def _find(user: User, claims: Claims) -> Person | None:
    """The person of this sign-in, or one known beforehand under the e-mail who never signed in. Locked."""
    rows = Person.objects.select_for_update(of=("self",)).select_related("team")
    if person := rows.filter(user=user).first():
        return person
    if not claims.email or not claims.email_verified:
        return None
    return rows.filter(user=None, email__iexact=claims.email).first()


def groups_at_sign_in(person: Person, claims: Claims) -> frozenset[str]:
    """Those of the sign-in; where it says no word of groups, its app roles and what the directory has provisioned."""
    if claims.tells_groups or person.pk is None:
        return claims.groups
    return claims.groups | ProvisionedUser.objects.groups_of(person)


def team_for(groups: Collection[str], *, current: Team | None) -> Team | None:
    """The team these groups give: the present one while it still applies, else the first by name."""
    if current is not None and current.group in groups:
        return current
    return Team.objects.filter(group__in=groups).order_by("name").first()


def role_for(groups: Collection[str]) -> Role:
    if settings.ONRAMP_ADMIN_GROUPS.intersection(groups):
        return Role.ADMIN
    if settings.ONRAMP_AUDITOR_GROUPS.intersection(groups):
        return Role.AUDITOR
    return Role.PERSON


def grant_admin(user: User, *, is_admin: bool) -> None:
    """Django's own admin is for break-glass: it opens and closes with the portal's role."""
    # The row is asked, not the object: it may be older than what somebody else did meanwhile.
    rows = type(user).objects.filter(pk=user.pk).exclude(is_staff=is_admin, is_superuser=is_admin)
    rows.update(is_staff=is_admin, is_superuser=is_admin)
    user.is_staff = user.is_superuser = is_admin


# --- What admins do to somebody


class MayNotDeactivate(Exception):
    """Nobody deactivates themselves, or the last admin: somebody has to be left who can undo it."""


@transaction.atomic
def deactivate(person: Person, *, actor: Person, reason: str) -> bool:
    """Close the portal to somebody and end their sessions at once; False where that was so already.

    Raises MayNotDeactivate.
    """
    # Locked together, so that two admins who deactivate each other at once leave one.
    rows = Person.objects.select_for_update().filter(role=Role.ADMIN, is_active=True).order_by("pk")
    admins = set(rows.values_list("pk", flat=True))
    if person.pk == actor.pk or admins == {person.pk}:
        raise MayNotDeactivate
    return shut_out(person, actor=actor.email, reason=reason)


@transaction.atomic
def shut_out(person: Person, *, actor: str, reason: str) -> bool:
    """What deactivating is, whoever decided it."""
    if not Person.objects.filter(pk=person.pk, is_active=True).update(is_active=False):
        return False
    person.is_active = False
    if person.user is not None:
        grant_admin(person.user, is_admin=False)
    AuditEvent.objects.record(actor=actor, action="person.deactivated", target=person.email, reason=reason)
    end_all(person, actor=actor, reason=reason)
    statuses.refresh([person.pk])
    return True


def reactivate(person: Person, *, actor: Person, reason: str) -> bool:
    """Let somebody sign in again; False where they may already. The identity provider still has to, too."""
    return let_in(person, actor=actor.email, reason=reason)


@transaction.atomic
def let_in(person: Person, *, actor: str, reason: str) -> bool:
    """What reactivating is, whoever decided it."""
    if not Person.objects.filter(pk=person.pk, is_active=False).update(is_active=True):
        return False
    person.is_active = True
    if person.user is not None:
        grant_admin(person.user, is_admin=person.is_admin)
    AuditEvent.objects.record(actor=actor, action="person.reactivated", target=person.email, reason=reason)
    statuses.refresh([person.pk])
    return True


@transaction.atomic
def change_team(person: Person, team: Team | None, *, actor: Person) -> bool:
    """Put somebody into a team, and so on its plan; False where they are in it. At their next sign-in `team_for`
    decides again.
    """
    before = person.team
    if before == team:
        return False
    person.team = team
    person.save(update_fields=["team"])
    AuditEvent.objects.record(
        actor=actor.email,
        action="person.changed",
        target=person.email,
        team=team.name if team else "",
        team_before=before.name if before else "",
    )
    statuses.refresh([person.pk])
    return True
