"""Where the AWS identity behind a person is found: one seam, three sources. The plan says which.

A source answers for the identity check: who the person is in AWS, which principal they work as, and how it was found.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any

from onboarding.aws import identity
from onboarding.aws.iam import PrincipalDetails
from onboarding.aws.identity import Assignment, DirectoryUser, Grant, Instance
from onboarding.catalog import session_name
from onboarding.checks.base import Answer, Case, Facts, fingerprint
from onboarding.checks.readings import principals
from onboarding.enums import IdentitySource, Layer, Outcome


class Source(ABC):
    @abstractmethod
    def subject(self, case: Case) -> str:
        """What the answer depends on, besides the person."""

    @abstractmethod
    def find(self, case: Case) -> Answer:
        """The answer of the identity check. May raise AwsError."""


class IdentityCenterSource(Source):
    """Permission sets that reach the person, directly or through a group.

    One person costs three calls (GetUserId, DescribeUser, IsMemberInGroups), since who is assigned what is asked once
    for the account; in a sweep, which reads the directory in pages, nobody costs any.
    """

    def subject(self, case: Case) -> str:
        account, center = case.facts("permission-sets"), case.revision.center
        found = fingerprint([*("|".join(row) for row in account["assignments"]), *account["roles"].values()])
        return f"{center.pk}|{case.revision.account.account_id}|{case.revision.permission_set}|{found}"

    def find(self, case: Case) -> Answer:
        account = case.facts("permission-sets")
        facts: dict[str, Any] = {
            "email": case.person.email,
            "account": account["account"],
            "region": account["region"],
            "instance": account["instance"],
            "permission_sets": account["permission_sets"],
        }
        center = Instance(account["instance"], account["identity_store"], account["region"], case.directory_access)
        user = _user(case, center)
        if user is None:
            return Answer(Outcome.FAILED, "not-in-directory", facts, Layer.DIRECTORY)
        facts |= {"user_name": user.user_name, "user_id": user.user_id, "directory_email": user.email}
        if not user.is_active:
            return Answer(Outcome.FAILED, "disabled", facts, Layer.DIRECTORY)
        assigned = [Assignment(*row) for row in account["assignments"]]
        held = identity.grants(assigned, user.user_id, _joined(case, center, user, account["groups"]))
        return _choose(case.revision.permission_set, facts, held, account)


def _user(case: Case, center: Instance) -> DirectoryUser | None:
    if case.reading is None:
        return identity.find_user(center, case.person.email)
    entry = case.reading.found()
    return DirectoryUser(entry.user_id, entry.user_name, entry.email, entry.is_active) if entry else None


def _joined(case: Case, center: Instance, user: DirectoryUser, groups: Mapping[str, str]) -> set[str]:
    if case.reading is None:
        return identity.memberships(center, user.user_id, sorted(groups))
    entry = case.reading.found()
    return set(entry.groups) if entry else set()


def _choose(wanted: str, facts: dict[str, Any], held: list[Grant], account: Facts) -> Answer:
    """Which of the permission sets the bundle uses: the plan's, or the only one, or the first by name."""
    by_name = {grant.permission_set: grant for grant in held}
    facts |= {"others": ", ".join(by_name), "wanted": wanted}
    if not held:
        return Answer(Outcome.FAILED, "no-assignment", facts, Layer.ASSIGNMENT)
    if wanted and wanted not in by_name:
        return Answer(Outcome.FAILED, "not-the-plans", facts, Layer.ASSIGNMENT)
    chosen = by_name[wanted] if wanted else held[0]
    via_group = account["groups"].get(chosen.via_group, chosen.via_group)
    facts |= {"permission_set": chosen.permission_set, "via_group": via_group, "session_name": facts["user_name"]}
    role_arn = account["roles"].get(chosen.permission_set)
    if role_arn is None:
        return Answer(Outcome.FAILED, "role-missing", facts, Layer.ASSIGNMENT)
    facts["role_arn"] = role_arn
    if len(held) > 1:
        return Answer(*((Outcome.PASSED, "role-of-the-plan") if wanted else (Outcome.WARNING, "role-chosen")), facts)
    return Answer(Outcome.PASSED, "role-found", facts)


class FederatedRoleSource(Source):
    """The plan's one role, which people assume through federation; the session's name tells them apart."""

    def subject(self, case: Case) -> str:
        return case.revision.role_arn

    def find(self, case: Case) -> Answer:
        facts = _plain_facts(case) | {"role_arn": case.revision.role_arn}
        details = principals(case).get(case.revision.role_arn)
        if details is None:
            return Answer(Outcome.FAILED, "federated-role-missing", facts, Layer.ASSIGNMENT)
        return Answer(Outcome.PASSED, "federated-role", _known(facts, details, session_name(case.person.email)))


class IamUserSource(Source):
    """The IAM user that carries the person's e-mail as a tag, or as its name."""

    def subject(self, case: Case) -> str:
        return f"{case.revision.account.account_id}|user|{case.revision.user_tag}"

    def find(self, case: Case) -> Answer:
        tag, wanted = case.revision.user_tag, case.person.email.lower()
        facts = _plain_facts(case) | {"tag": tag}
        users = [details for details in principals(case).values() if ":user/" in details.arn]
        named = (details.tags.get(tag, "") if tag else details.name for details in users)
        found = [details for details, name in zip(users, named, strict=True) if name.lower() == wanted]
        if not found:
            return Answer(Outcome.FAILED, "no-iam-user-tag" if tag else "no-iam-user", facts, Layer.DIRECTORY)
        chosen = min(found, key=lambda details: details.name)
        facts = _known(facts, chosen, chosen.name) | {"others": ", ".join(sorted(details.name for details in found))}
        return Answer(*((Outcome.PASSED, "iam-user") if len(found) == 1 else (Outcome.WARNING, "iam-users")), facts)


def _plain_facts(case: Case) -> dict[str, Any]:
    account = case.revision.account.account_id
    return {"email": case.person.email, "account": account, "region": case.revision.region, "via_group": ""}


def _known(facts: dict[str, Any], details: PrincipalDetails, session: str) -> dict[str, Any]:
    name = {"permission_set": details.name, "user_name": session, "session_name": session}
    return facts | name | {"role_arn": details.arn}


SOURCES: Mapping[str, Source] = {
    IdentitySource.IDENTITY_CENTER: IdentityCenterSource(),
    IdentitySource.FEDERATED_ROLE: FederatedRoleSource(),
    IdentitySource.IAM_USER: IamUserSource(),
}
