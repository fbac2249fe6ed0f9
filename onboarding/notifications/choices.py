"""What somebody wants to be told, and an admin's test of whether anything arrives."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from django.db import transaction

from onboarding.enums import Channel, NotificationKind
from onboarding.models import AuditEvent, Notification, OptOut, Person


def kinds_for(person: Person) -> Sequence[NotificationKind]:
    """What may be told to somebody; nobody chooses about tests, which they ask for."""
    every = (kind for kind in NotificationKind if kind != NotificationKind.TEST)
    return [kind for kind in every if person.is_admin or not kind.is_for_admins]


def refused_by(person: Person) -> set[str]:
    return set(OptOut.objects.filter(person=person).values_list("kind", flat=True))


@transaction.atomic
def choose(person: Person, wanted: Collection[str]) -> None:
    """Keep which kinds somebody wants, of those that are for them; the others they refuse from now on."""
    offered = kinds_for(person)
    refused = [kind for kind in offered if kind not in wanted]
    OptOut.objects.filter(person=person, kind__in=[kind for kind in offered if kind in wanted]).delete()
    OptOut.objects.bulk_create([OptOut(person=person, kind=kind) for kind in refused], ignore_conflicts=True)
    AuditEvent.objects.record(
        actor=person.email,
        action="notifications.chosen",
        target=person.email,
        refused=[str(kind) for kind in refused],
    )


@transaction.atomic
def open_test(admin: Person, channel: Channel) -> Notification:
    """A test of one channel, to be sent: a mail to the admin, or a post in Slack."""
    person = admin if channel == Channel.MAIL else None
    row = Notification.objects.create(kind=NotificationKind.TEST, person=person)
    AuditEvent.objects.record(
        actor=admin.email, action="notification.tested", target=admin.email, channel=str(channel)
    )
    return row
