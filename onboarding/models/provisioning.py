"""What the company's directory sent through SCIM: users, groups, and the tokens it shows."""

from __future__ import annotations

import uuid
from collections.abc import Collection

from django.db import models
from django.utils.translation import gettext_lazy as _

from onboarding.models.people import Person


class ProvisioningToken(models.Model):
    """What the directory shows. Two may hold at a time, so that one can take the other's place."""

    digest = models.CharField(max_length=64, unique=True, help_text=_("SHA-256 of the token."))
    created_at = models.DateTimeField(auto_now_add=True)
    last_used_at = models.DateTimeField(null=True, blank=True, help_text=_("To the minute."))

    def __str__(self) -> str:
        return f"{self.created_at:%Y-%m-%d %H:%M} UTC"


class ProvisionedUserQuerySet(models.QuerySet["ProvisionedUser"]):
    def groups_of(self, person: Person) -> frozenset[str]:
        """What the provisioned groups of a person are called: each by its name, and by the directory's own id."""
        return self.group_names([person.pk]).get(person.pk, frozenset())

    def group_names(self, people: Collection[int]) -> dict[int, frozenset[str]]:
        """The same of many, by primary key of the person; one query."""
        rows = self.filter(person__in=people).values_list("person", "groups__display_name", "groups__external_id")
        found: dict[int, set[str]] = {}
        for person, *names in rows:
            found.setdefault(person, set()).update(name for name in names if name)
        return {person: frozenset(names) for person, names in found.items()}


class ProvisionedUser(models.Model):
    """A user as the directory sent it last. `document` is the SCIM resource; the columns are what is looked for.

    It is nobody's until it has an e-mail.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    person = models.OneToOneField(Person, on_delete=models.SET_NULL, null=True, blank=True, related_name="provisioned")
    user_name = models.CharField(max_length=254, unique=True, help_text=_("In small letters."))
    external_id = models.CharField(max_length=254, blank=True, help_text=_("The directory's own id."))
    email = models.CharField(max_length=254, blank=True, help_text=_("In small letters."))
    is_active = models.BooleanField(default=True)
    document = models.JSONField(default=dict)
    created_at = models.DateTimeField()
    changed_at = models.DateTimeField()

    objects = ProvisionedUserQuerySet.as_manager()

    class Meta:
        indexes = [
            # Directories look for a user before they make one; userName has its own index.
            models.Index(fields=["external_id"], name="provisioned_user_external"),
            models.Index(fields=["email"], name="provisioned_user_email"),
            # Lists come in the order in which users were made.
            models.Index(fields=["created_at", "id"], name="provisioned_user_order"),
        ]

    def __str__(self) -> str:
        return self.user_name


class ProvisionedGroup(models.Model):
    """A group of the directory, and who of its users is in it. A team takes its people by either of its names."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    display_name = models.CharField(max_length=254)
    external_id = models.CharField(max_length=254, blank=True, help_text=_("The directory's own id."))
    members = models.ManyToManyField(ProvisionedUser, related_name="groups")
    created_at = models.DateTimeField()
    changed_at = models.DateTimeField()

    class Meta:
        indexes = [
            # Directories look for a group before they make one.
            models.Index(fields=["display_name"], name="provisioned_group_name"),
            models.Index(fields=["external_id"], name="provisioned_group_external"),
            models.Index(fields=["created_at", "id"], name="provisioned_group_order"),
        ]

    def __str__(self) -> str:
        return self.display_name

    @property
    def names(self) -> frozenset[str]:
        """What a team's group, or a role's, may be to mean this one."""
        return frozenset(name for name in (self.display_name, self.external_id) if name)
