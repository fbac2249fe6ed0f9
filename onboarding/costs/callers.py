"""Whose an AWS identity in a log or a bill is: the same map of people that verification draws, read from its rows.

A session of a role belongs to whoever verification saw sign in under that session's name, or whose user in the
directory, whose e-mail, or whose e-mail's digest it is; an IAM user to whoever verification found it for. Names count
in any case. What two people could be is nobody's until an admin says so.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from django.db import transaction
from django.utils.functional import cached_property

from onboarding import statuses
from onboarding.catalog import session_name
from onboarding.models import AuditEvent, Caller, DirectoryEntry, Person, Principal

# https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_identifiers.html
_SESSION = re.compile(r"arn:aws[a-z-]*:sts::(?P<account>\d{12}):assumed-role/(?P<role>[^/]+)/(?P<session>.+)")
_USER = re.compile(r"arn:aws[a-z-]*:iam::(?P<account>\d{12}):user/(?:.*/)?(?P<name>[^/]+)")

_BATCH = 500


@dataclass
class _Names:
    """People by a name of theirs, in any case; a name of two people is nobody's. Whoever is here goes before whoever
    left: companies use names again.
    """

    here: dict[str, set[int]] = field(default_factory=lambda: defaultdict(set))
    gone: dict[str, set[int]] = field(default_factory=lambda: defaultdict(set))

    def add(self, name: str, person: int, *, is_active: bool) -> None:
        (self.here if is_active else self.gone)[name.lower()].add(person)

    def whose(self, name: str) -> int | None:
        found = self.here.get(name.lower()) or self.gone.get(name.lower(), set())
        return next(iter(found)) if len(found) == 1 else None


class IdentityMap:
    """The map at one moment, as primary keys of people. Three queries, each when it is first needed."""

    @cached_property
    def _principals(self) -> tuple[_Names, _Names]:
        """By role and session's name, and by the ARN of an IAM user."""
        sessions, users = _Names(), _Names()
        columns = ("person", "person__is_active", "account__account_id", "role_arn", "session_name")
        for person, is_active, account, arn, session in Principal.objects.values_list(*columns).iterator():
            if ":user/" in arn:
                users.add(arn, person, is_active=is_active)
            else:
                sessions.add(f"{account}/{arn.rpartition('/')[2]}/{session}", person, is_active=is_active)
        return sessions, users

    @cached_property
    def _directory(self) -> _Names:
        names = _Names()
        rows = DirectoryEntry.objects.values_list("person", "person__is_active", "user_name")
        for person, is_active, name in rows.iterator():
            names.add(name, person, is_active=is_active)
        return names

    @cached_property
    def _emails(self) -> _Names:
        """E-mails, and what stands for them where STS refuses them as a session's name."""
        names = _Names()
        for person, is_active, email in Person.objects.values_list("pk", "is_active", "email").iterator():
            for name in {email, session_name(email)}:
                names.add(name, person, is_active=is_active)
        return names

    def named(self, name: str) -> int | None:
        """Whose a user name, an e-mail or a session's name is."""
        return self._directory.whose(name) or self._emails.whose(name)

    def whose(self, arn: str) -> int | None:
        """Whose an ARN is; an account's root, a service, or a role of a machine is nobody's.

        What stands in the place of an ARN is the value of a tag in a bill: whose name it is.
        """
        if arn and not arn.startswith("arn:"):
            return self.named(arn)
        sessions, users = self._principals
        if match := _SESSION.fullmatch(arn):
            seen = sessions.whose(f"{match['account']}/{match['role']}/{match['session']}")
            return seen or self.named(match["session"])
        if match := _USER.fullmatch(arn):
            return users.whose(arn) or self._emails.whose(match["name"])
        return None


def callers_for(arns: Iterable[str]) -> dict[str, Caller]:
    """The rows of these ARNs, made where there are none, each mapped to a person where the map tells."""
    wanted = set(arns)
    found = {caller.arn: caller for caller in Caller.objects.filter(arn__in=wanted)}
    missing = sorted(wanted - found.keys())
    if missing:
        identities = IdentityMap()
        Caller.objects.bulk_create(
            [Caller(arn=arn, person_id=identities.whose(arn)) for arn in missing],
            batch_size=_BATCH,
            ignore_conflicts=True,
        )
        found |= {caller.arn: caller for caller in Caller.objects.filter(arn__in=missing)}
    return found


def caller_for(arn: str) -> Caller:
    return callers_for([arn])[arn]


def person_named(name: str) -> Person | None:
    """The person whose user name, e-mail or session's name this is, in any case."""
    pk = IdentityMap().named(name)
    return Person.objects.get(pk=pk) if pk else None


def map_callers() -> int:
    """Look again whose the callers are that nobody has; how many were found. People come, and are verified, later."""
    identities, found = IdentityMap(), []
    for caller in Caller.objects.filter(person=None, claimed_by="").exclude(arn="").iterator():
        caller.person_id = identities.whose(caller.arn)
        if caller.person_id:
            found.append(caller)
    return keep_mapped(found)


def keep_mapped(found: Sequence[Caller]) -> int:
    """Write whose these callers were found to be, but of those that an admin spoke of meanwhile; how many."""
    count = Caller.objects.filter(person=None, claimed_by="").bulk_update(found, ["person"], batch_size=_BATCH)
    statuses.refresh(caller.person_id for caller in found if caller.person_id)
    return count


@transaction.atomic
def claim(caller: Caller, person: Person, *, actor: str) -> None:
    """Say whose a caller is; all its usage, past and coming, counts as theirs."""
    Caller.objects.filter(pk=caller.pk).update(person=person, claimed_by=actor)
    AuditEvent.objects.record(actor=actor, action="caller.claimed", target=caller.arn[:254], person=person.email)
    statuses.refresh(each for each in (caller.person_id, person.pk) if each)


@transaction.atomic
def release(caller: Caller, *, actor: str) -> None:
    """Take back what somebody claimed; the map decides again, at once."""
    person_id = IdentityMap().whose(caller.arn)
    Caller.objects.filter(pk=caller.pk).update(person=person_id, claimed_by="")
    AuditEvent.objects.record(actor=actor, action="caller.released", target=caller.arn[:254])
    statuses.refresh(each for each in (caller.person_id, person_id) if each)
