"""People: who signed in, which team and role their groups give them."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from onboarding.enums import Role
from onboarding.models import AuditEvent, Person, ProvisionedUser, Team, User


@dataclass(frozen=True, slots=True)
class Claims:
    """What the identity provider said about somebody at sign-in."""

    subject: str
    email: str
    name: str
    groups: frozenset[str]
    email_verified: bool
    # Whether the provider said anything of groups: no groups are not the same as no word of them.
    tells_groups: bool = True

    @classmethod
    def from_userinfo(cls, claims: Mapping[str, Any]) -> Claims:
        """Read the claims of an ID token or userinfo answer (OpenID Connect Core 5.1, plus the groups claim)."""
        groups = claims.get(settings.ONRAMP_OIDC_GROUPS_CLAIM) or []
        return cls(
            subject=str(claims["sub"]),
            # Cut to what the columns hold: an overlong claim is no reason to keep somebody out.
            email=str(claims.get("email") or "")[:254],
            name=str(claims.get("name") or "")[:200],
            groups=frozenset([groups] if isinstance(groups, str) else map(str, groups)),
            # Corporate providers often leave the claim out; only a plain "no" is a no.
            email_verified=claims.get("email_verified") is not False,
            tells_groups=settings.ONRAMP_OIDC_GROUPS_CLAIM in claims,
        )


@transaction.atomic
def sync_from_claims(*, user: User, claims: Claims) -> Person:
    """Make the person behind `user` what the identity provider says now. Runs at every sign-in.

    Team and role are taken from the groups each time, so that a group lost is a right lost. Idempotent.
    """
    person = _find(user, claims) or Person(user=user)
    is_new, before = person.pk is None, (person.team, person.role)
    person.user = user
    person.email = claims.email
    person.name = claims.name
    groups = _groups(person, claims)
    person.team = team_for(groups, current=person.team)
    person.role = role_for(groups)
    person.seen_at = timezone.now()
    person.save()
    grant_admin(user, is_admin=person.is_admin)
    if is_new:
        AuditEvent.objects.record(actor=person.email, action="person.created", target=person.email)
    elif before != (person.team, person.role):
        team = person.team.name if person.team else ""
        details = {"team": team, "role": str(person.role)}
        AuditEvent.objects.record(actor="identity provider", action="person.changed", target=person.email, **details)
    return person


def _find(user: User, claims: Claims) -> Person | None:
    """The person of this sign-in, or one known beforehand under the e-mail who never signed in."""
    if person := Person.objects.select_related("team").filter(user=user).first():
        return person
    if not claims.email_verified:
        return None
    return Person.objects.select_related("team").filter(user=None, email__iexact=claims.email).first()


def _groups(person: Person, claims: Claims) -> frozenset[str]:
    """Those of the sign-in; where it says no word of groups, those that the directory has provisioned."""
    if claims.tells_groups or person.pk is None:
        return claims.groups
    return ProvisionedUser.objects.groups_of(person)


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
    if user.is_staff != is_admin or user.is_superuser != is_admin:
        user.is_staff = user.is_superuser = is_admin
        user.save(update_fields=["is_staff", "is_superuser"])
