"""Users who sign in, the people they are, their teams, and the AWS identities behind them."""

from __future__ import annotations

from django.conf import settings
from django.contrib.auth.models import AbstractUser
from django.db import models
from django.db.models import Q
from django.db.models.functions import Upper
from django.utils.translation import gettext_lazy as _

from onboarding.enums import Role


class User(AbstractUser):
    """A sign-in. allauth keys it on the identity provider's `sub`, never on the e-mail."""


class Team(models.Model):
    """A group of people, from one of the identity provider's groups."""

    name = models.CharField(max_length=100, unique=True)
    group = models.CharField(
        max_length=200, unique=True, help_text=_("The identity provider's group, exactly as its claim spells it.")
    )
    plan = models.ForeignKey("onboarding.Plan", on_delete=models.PROTECT, null=True, blank=True, related_name="teams")
    cost_centre = models.CharField(max_length=50, blank=True)
    monthly_budget = models.DecimalField(
        _("monthly budget in USD"), max_digits=12, decimal_places=2, null=True, blank=True
    )

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(monthly_budget__isnull=True) | Q(monthly_budget__gte=0), name="team_budget_not_negative"
            ),
        ]

    def __str__(self) -> str:
        return self.name


class PersonQuerySet(models.QuerySet["Person"]):
    def for_email(self, email: str) -> PersonQuerySet:
        """People with this e-mail, in any case."""
        return self.filter(email__iexact=email)

    def active_admins(self) -> PersonQuerySet:
        """Admins who may sign in: neither the person nor the sign-in behind it is switched off."""
        return self.filter(role=Role.ADMIN, is_active=True, user__is_active=True)


class Person(models.Model):
    """Someone who signed in through the company's SSO, or was found in the directory, and is to use Claude Code."""

    user = models.OneToOneField(User, on_delete=models.SET_NULL, null=True, blank=True, related_name="person")
    email = models.EmailField(help_text=_("As the identity provider spells it."))
    name = models.CharField(max_length=200, blank=True)
    team = models.ForeignKey(Team, on_delete=models.SET_NULL, null=True, blank=True, related_name="people")
    role = models.CharField(max_length=10, choices=Role.choices, default=Role.PERSON)
    is_active = models.BooleanField(default=True)
    monthly_budget = models.DecimalField(
        _("monthly budget in USD"),
        max_digits=12,
        decimal_places=2,
        null=True,
        blank=True,
        help_text=_("Empty: as the plan says."),
    )
    language = models.CharField(
        max_length=10, choices=settings.LANGUAGES, blank=True, help_text=_("The language of the portal's mails.")
    )
    created_at = models.DateTimeField(auto_now_add=True)
    seen_at = models.DateTimeField(_("last signed in at"), null=True, blank=True)

    objects = PersonQuerySet.as_manager()

    class Meta:
        verbose_name = _("person")
        verbose_name_plural = _("people")
        indexes = [
            # PersonQuerySet.for_email: the commands, and the first sign-in of somebody known before.
            models.Index(Upper("email"), name="person_email_upper"),
        ]
        constraints = [
            models.CheckConstraint(
                condition=Q(monthly_budget__isnull=True) | Q(monthly_budget__gte=0), name="person_budget_not_negative"
            ),
        ]

    def __str__(self) -> str:
        return self.email

    @property
    def display_name(self) -> str:
        return self.name or self.email

    @property
    def audit_name(self) -> str:
        """What the audit trail calls somebody: by the e-mail, or by the user's name where no provider tells one."""
        return self.email or (self.user.get_username() if self.user else "")

    @property
    def initials(self) -> str:
        """Two letters for the avatar, from the name or else the e-mail."""
        words = [word for word in self.display_name.split() if word[0].isalpha()]
        letters = [word[0] for word in words[:2]] or list(self.email[:2])
        return "".join(letters).upper()

    @property
    def is_admin(self) -> bool:
        return self.role == Role.ADMIN

    @property
    def may_read_all(self) -> bool:
        """Auditors read what admins read, and write nothing."""
        return self.role in (Role.AUDITOR, Role.ADMIN)


class Principal(models.Model):
    """The AWS identity behind a person, in one account, and how it was found.

    `role_arn` is the role's ARN, or the IAM user's; `permission_set` is what people call it: the permission set's
    name, or the role's or user's own.
    """

    person = models.ForeignKey(Person, on_delete=models.CASCADE, related_name="principals")
    account = models.ForeignKey("onboarding.Account", on_delete=models.CASCADE, related_name="principals")
    role_arn = models.CharField(max_length=300)
    permission_set = models.CharField(max_length=64)
    session_name = models.CharField(
        max_length=128, help_text=_("Ends the assumed role's ARN: the directory's user name.")
    )
    found_via = models.CharField(
        max_length=1024, blank=True, help_text=_("The group that carries the assignment; empty: assigned directly.")
    )
    is_chosen = models.BooleanField(default=False, help_text=_("The role this person's bundle signs in to."))
    seen_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["person", "role_arn"], name="principal_once_per_person"),
            # A bundle signs in to one role an account.
            models.UniqueConstraint(
                fields=["person", "account"], condition=models.Q(is_chosen=True), name="principal_one_chosen"
            ),
        ]

    def __str__(self) -> str:
        return self.role_arn


class DirectoryEntry(models.Model):
    """What the directory said of a person when it was last read as a whole: kept so that a sweep asks it in pages.

    `groups` are the ids of those of the person's groups that an account's assignments name.
    """

    person = models.ForeignKey(Person, on_delete=models.CASCADE, related_name="directory_entries")
    identity_center = models.ForeignKey("onboarding.IdentityCenter", on_delete=models.CASCADE, related_name="entries")
    user_id = models.CharField(max_length=50)
    user_name = models.CharField(max_length=128)
    email = models.CharField(max_length=254, blank=True)
    is_active = models.BooleanField(default=True)
    groups = models.JSONField(default=list, blank=True)
    sweep = models.ForeignKey("onboarding.Sweep", on_delete=models.CASCADE, related_name="directory_entries")

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["person", "identity_center"], name="directory_entry_once"),
        ]
        indexes = [
            # Reading a group's members: which of these user ids are people of ours.
            models.Index(fields=["identity_center", "user_id"], name="directory_entry_user"),
        ]

    def __str__(self) -> str:
        return self.user_name
