"""Plans: what a team gets, in numbered revisions that never change."""

from __future__ import annotations

from django.core.validators import RegexValidator
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from onboarding.catalog import APPLICATION_PROFILE_ARN, PERMISSION_SET_NAME
from onboarding.enums import CredentialMethod, IdentitySource, Tier
from onboarding.models.accounts import NAME, REGION, ROLE_ARN, TAG_KEY, Account, IdentityCenter
from onboarding.models.plan_settings import PlanSettings

# A value that reaches generated shell files: nothing a shell, fish or PowerShell would read as more than a word.
# A system inference profile's id, or an application inference profile's ARN.
MODEL_ID = RegexValidator(
    r"\A(?:[a-z0-9-]+(\.[A-Za-z0-9-]+)*\.[A-Za-z0-9.:_-]+|" + APPLICATION_PROFILE_ARN.pattern + r")\Z",
    _("Enter an inference profile's id, or an application inference profile's ARN."),
)
PERMISSION_SET = RegexValidator(rf"\A(?:{PERMISSION_SET_NAME.pattern})\Z", _("Enter a permission set's name."))


# The name under which an operator allows a command (ONRAMP_CREDENTIAL_HELPERS); a plan never holds the command itself.
HELPER_NAME = RegexValidator(r"\A[a-z0-9][a-z0-9-]{0,39}\Z", _("Use small letters, digits and hyphens."))


_SIGNING_IN = [method for method in CredentialMethod if method.signs_in]
_WITH_HELPER = [method for method in CredentialMethod if method.has_helper]


class Plan(models.Model):
    name = models.CharField(max_length=100, unique=True)
    slug = models.SlugField(unique=True, validators=[NAME], help_text=_("Names the AWS profile on people's machines."))
    person_budget = models.DecimalField(
        _("monthly budget of a person in USD"),
        max_digits=12,
        decimal_places=2,
        null=True,
        blank=True,
        help_text=_("For everybody who has none of their own; empty: no budget."),
    )

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(person_budget__isnull=True) | Q(person_budget__gte=0), name="plan_budget_not_negative"
            ),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def aws_profile(self) -> str:
        """The name of the profile in people's AWS config."""
        return f"claude-code-{self.slug}"


class PlanRevisionQuerySet(models.QuerySet["PlanRevision"]):
    def with_sources(self) -> PlanRevisionQuerySet:
        """Everything a verification or a bundle reads of a revision, in one query."""
        return self.select_related("plan", "account", "identity_center")


class PlanRevision(PlanSettings):
    """One immutable state of a plan. Publishing makes a new one current; nothing edits an old one."""

    plan = models.ForeignKey(Plan, on_delete=models.CASCADE, related_name="revisions")
    number = models.PositiveIntegerField()
    is_current = models.BooleanField(default=False)
    published_at = models.DateTimeField(auto_now_add=True)
    note = models.TextField(blank=True)

    account = models.ForeignKey(Account, on_delete=models.PROTECT, related_name="plan_revisions")
    region = models.CharField(_("source Region"), max_length=25, validators=[REGION])
    opus = models.CharField(_("Opus"), max_length=200, blank=True, validators=[MODEL_ID])
    sonnet = models.CharField(_("Sonnet"), max_length=200, blank=True, validators=[MODEL_ID])
    haiku = models.CharField(_("Haiku"), max_length=200, blank=True, validators=[MODEL_ID])
    default_tier = models.CharField(max_length=10, choices=Tier.choices)

    identity_source = models.CharField(
        max_length=20, choices=IdentitySource.choices, default=IdentitySource.IDENTITY_CENTER
    )
    identity_center = models.ForeignKey(
        IdentityCenter, on_delete=models.PROTECT, null=True, blank=True, related_name="plan_revisions"
    )
    role_arn = models.CharField(
        _("federated role"),
        max_length=300,
        blank=True,
        validators=[ROLE_ARN],
        help_text=_("The role people assume through federation, with their e-mail as the session's name."),
    )
    user_tag = models.CharField(
        max_length=128,
        blank=True,
        validators=[TAG_KEY],
        help_text=_("The tag of IAM users that holds the e-mail; empty: the user's name is the e-mail."),
    )
    permission_set = models.CharField(
        max_length=32,
        blank=True,
        validators=[PERMISSION_SET],
        help_text=_("The permission set to use when a person has several; empty: the only one, or the first by name."),
    )
    credential_method = models.CharField(
        max_length=20, choices=CredentialMethod.choices, default=CredentialMethod.IDENTITY_CENTER
    )
    credential_helper = models.CharField(
        max_length=40,
        blank=True,
        validators=[HELPER_NAME],
        help_text=_("The name of the company's command that brings credentials, as the operator allows it."),
    )
    live_probe = models.BooleanField(
        default=False,
        help_text=_(
            "Call each model once with one token, where its agreement is in place and the role trusts Onramp."
        ),
    )
    lints = models.JSONField(
        default=list, editable=False, help_text=_("What was to be said against it when it was published.")
    )

    objects = PlanRevisionQuerySet.as_manager()

    class Meta(PlanSettings.Meta):
        constraints = [
            *PlanSettings.Meta.constraints,
            models.UniqueConstraint(fields=["plan", "number"], name="plan_revision_number_once"),
            # Exactly one revision of a plan is current; none before the first is published.
            models.UniqueConstraint(fields=["plan"], condition=Q(is_current=True), name="plan_one_current_revision"),
            # The default tier names a model: a bundle without its own model would run one nobody verified.
            models.CheckConstraint(
                condition=(Q(default_tier=Tier.OPUS) & ~Q(opus=""))
                | (Q(default_tier=Tier.SONNET) & ~Q(sonnet=""))
                | (Q(default_tier=Tier.HAIKU) & ~Q(haiku="")),
                name="plan_revision_default_tier_has_model",
            ),
            # Each identity source has what it looks in, and nothing that belongs to another.
            models.CheckConstraint(
                condition=(
                    Q(identity_source=IdentitySource.IDENTITY_CENTER, identity_center__isnull=False, role_arn="")
                    | (
                        Q(identity_source=IdentitySource.FEDERATED_ROLE, identity_center__isnull=True)
                        & ~Q(role_arn="")
                    )
                    | Q(identity_source=IdentitySource.IAM_USER, identity_center__isnull=True, role_arn="")
                ),
                name="plan_revision_identity_source_is_whole",
            ),
            # Signing in through Identity Center needs one.
            models.CheckConstraint(
                condition=~Q(credential_method__in=_SIGNING_IN) | Q(identity_center__isnull=False),
                name="plan_revision_credential_method_fits",
            ),
            # A method that runs a helper names one, and no other does.
            models.CheckConstraint(
                condition=(Q(credential_method__in=_WITH_HELPER) & ~Q(credential_helper=""))
                | (~Q(credential_method__in=_WITH_HELPER) & Q(credential_helper="")),
                name="plan_revision_helper_fits_method",
            ),
        ]
        abstract = False
        ordering = (F("plan_id").asc(), F("number").desc())

    def __str__(self) -> str:
        return f"{self.plan}, revision {self.number}"

    @property
    def profiles(self) -> dict[Tier, str]:
        """The inference profile of each tier the plan offers, in the order opus, sonnet, haiku."""
        named = {Tier.OPUS: self.opus, Tier.SONNET: self.sonnet, Tier.HAIKU: self.haiku}
        return {tier: profile for tier, profile in named.items() if profile}

    @property
    def center(self) -> IdentityCenter:
        """The Identity Center of a plan that finds people there; the database keeps every other plan without one."""
        if self.identity_center is None:
            raise ValueError(f"{self} has no Identity Center.")
        return self.identity_center

    @property
    def default_profile(self) -> str:
        return self.profiles[Tier(self.default_tier)]
