"""Reading a whole directory in pages, so that a sweep over everybody costs a hundredth of asking one by one."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from django.db import transaction
from django.db.models.functions import Upper

from onboarding.aws import identity
from onboarding.aws.identity import DirectoryUser, Instance
from onboarding.models import DirectoryEntry, IdentityCenter, Person, Sweep

_COLUMNS = ["user_id", "user_name", "email", "is_active", "groups", "sweep"]


def read_directory(
    center: IdentityCenter, instance: Instance, groups: Iterable[str], sweep: Sweep, *, after_page: Callable[[], None]
) -> None:
    """Keep an entry for each person of ours in the directory, with those of `groups` that they are in.

    One call a hundred users and one a hundred members of each group; nothing is held in memory but a page. Entries
    that carry an earlier sweep are of people who are gone from the directory. May raise AwsError.
    """
    for users in identity.user_pages(instance):
        _keep_users(center, users, sweep)
        after_page()
    for group in sorted(groups):
        for members in identity.member_pages(instance, group):
            _keep_members(center, group, members, sweep)
            after_page()


@transaction.atomic
def _keep_users(center: IdentityCenter, users: Sequence[DirectoryUser], sweep: Sweep) -> None:
    """The e-mail counts before the user name, as it does when one person is looked up."""
    by_email = _people({user.email: user for user in users if user.email})
    _upsert(center, by_email, sweep)
    by_name = _people({user.user_name: user for user in users})
    known = set(
        DirectoryEntry.objects.filter(identity_center=center, sweep=sweep, person__in=[pk for pk, _ in by_name])
        .values_list("person", flat=True)
    )  # fmt: skip
    _upsert(center, [(pk, user) for pk, user in by_name if pk not in known], sweep)


def _people(users: dict[str, DirectoryUser]) -> list[tuple[int, DirectoryUser]]:
    """The people whose e-mail is one of these, in any case, each with the user it names."""
    named = {name.upper(): user for name, user in users.items()}
    found = Person.objects.annotate(upper=Upper("email")).filter(upper__in=list(named))
    return [(pk, named[upper]) for pk, upper in found.values_list("pk", "upper")]


def _upsert(center: IdentityCenter, found: Sequence[tuple[int, DirectoryUser]], sweep: Sweep) -> None:
    DirectoryEntry.objects.bulk_create(
        [
            DirectoryEntry(
                person_id=pk,
                identity_center=center,
                user_id=user.user_id,
                user_name=user.user_name,
                email=user.email,
                is_active=user.is_active,
                groups=[],
                sweep=sweep,
            )
            for pk, user in found
        ],
        update_conflicts=True,
        unique_fields=["person", "identity_center"],
        update_fields=_COLUMNS,
    )


@transaction.atomic
def _keep_members(center: IdentityCenter, group: str, members: Sequence[str], sweep: Sweep) -> None:
    entries = list(DirectoryEntry.objects.filter(identity_center=center, sweep=sweep, user_id__in=members))
    for entry in entries:
        entry.groups = sorted({*entry.groups, group})
    DirectoryEntry.objects.bulk_update(entries, ["groups"])
