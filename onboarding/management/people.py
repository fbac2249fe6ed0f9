"""What the commands about one person share: finding them by e-mail."""

from __future__ import annotations

from django.core.management.base import CommandError
from django.db.models import F

from onboarding.access import Access, access_of
from onboarding.models import Person


def access_for_email(email: str) -> Access:
    """The access of the one active person with this e-mail. Raises CommandError with the reason there is none."""
    found = Person.objects.for_email(email).select_related("team").filter(is_active=True)
    # The identity provider may have given one e-mail to two accounts, one after the other: the one in use counts.
    person = found.order_by(F("seen_at").desc(nulls_last=True), "-pk").first()
    if person is None:
        raise CommandError(f"No active person has the e-mail {email}. People appear when they sign in or are seeded.")
    return access_of(person)
