"""The AWS accounts the portal looks into, and the directory that maps people to roles."""

from __future__ import annotations

from decimal import Decimal

from django.core.validators import MaxValueValidator, MinValueValidator, RegexValidator
from django.db import models
from django.utils.translation import gettext_lazy as _

from onboarding.catalog import PROFILE_NAME, REGION_CODE, START_URL

ROLE_ARN = RegexValidator(r"\Aarn:aws[a-z-]*:iam::\d{12}:role/[\w+=,.@/-]+\Z", _("Enter the ARN of an IAM role."))
TAG_KEY = RegexValidator(r"\A[\w .:/=+@-]{1,128}\Z", _("Enter a tag's key."))
REGION = RegexValidator(rf"\A(?:{REGION_CODE.pattern})\Z", _("Enter a Region code, such as eu-west-1."))

S3_FOLDER = RegexValidator(
    r"\As3://[a-z0-9][a-z0-9.-]{1,61}[a-z0-9](/[A-Za-z0-9!_.*'()=-]+)*/?\Z",
    _("Enter a folder in S3: s3://bucket/prefix."),
)

# What bundles can write into files that programs read.
NAME = RegexValidator(rf"\A(?:{PROFILE_NAME.pattern})\Z", _("Use letters, digits, dots, hyphens and underscores."))
START = RegexValidator(rf"\A(?:{START_URL.pattern})\Z", _("Enter the start URL that AWS shows, in plain characters."))


class Access(models.Model):
    """How the portal gets read access: its own credentials, or a role it assumes."""

    role_arn = models.CharField(
        max_length=300, blank=True, validators=[ROLE_ARN], help_text=_("Empty: the portal's own credentials.")
    )
    external_id = models.CharField(max_length=200, blank=True)

    class Meta:
        abstract = True


class Account(Access):
    """A dedicated AWS account in which people use Bedrock."""

    account_id = models.CharField(
        max_length=12, unique=True, validators=[RegexValidator(r"\A\d{12}\Z", _("An account id has 12 digits."))]
    )
    name = models.CharField(max_length=100)
    price_multiplier = models.DecimalField(
        max_digits=6,
        decimal_places=4,
        default=Decimal(1),
        validators=[MinValueValidator(Decimal("0.0001")), MaxValueValidator(Decimal(10))],
        help_text=_("What the account pays of a list price: 0.9 with a discount of 10 %."),
    )
    cost_tag = models.CharField(
        max_length=128,
        blank=True,
        validators=[TAG_KEY],
        help_text=_(
            "The tag of principals that Cost Explorer groups by, as IAM spells its key; empty: by model only."
        ),
    )
    cost_report = models.CharField(
        max_length=400,
        blank=True,
        validators=[S3_FOLDER],
        help_text=_(
            "Where the account's CUR 2.0 export lies, such as s3://bucket/prefix/export; empty: none is read."
        ),
    )

    class Meta:
        verbose_name = _("AWS account")
        verbose_name_plural = _("AWS accounts")
        constraints = [
            models.CheckConstraint(condition=models.Q(price_multiplier__gt=0), name="account_multiplier_is_positive"),
        ]

    def __str__(self) -> str:
        return f"{self.account_id}, {self.name}"


class IdentityCenter(Access):
    """An IAM Identity Center instance; its directory lives in the organization's management account."""

    name = models.CharField(
        max_length=50, unique=True, validators=[NAME], help_text=_("Names the sso-session in people's AWS config.")
    )
    region = models.CharField(max_length=25, validators=[REGION])
    start_url = models.CharField(max_length=200, validators=[START])

    class Meta:
        verbose_name = _("Identity Center")
        verbose_name_plural = _("Identity Centers")

    def __str__(self) -> str:
        return self.name
