"""What a plan says about Claude Code besides its models: limits, behaviour, network, telemetry."""

from __future__ import annotations

import re

from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator, MinValueValidator, RegexValidator
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from onboarding import catalog
from onboarding.claude_settings import problems_of
from onboarding.enums import (
    Effort,
    ModelForm,
    OtlpProtocol,
    PromptCaching,
    RegionPrefix,
    ServiceTier,
    SettingsScope,
    UpdateChannel,
)


def _whole(pattern: re.Pattern[str]) -> str:
    """Values of these fields reach generated files: what a file may hold is what a form takes."""
    return rf"\A(?:{pattern.pattern})\Z"


def validate_permission_rules(rules: object) -> None:
    """Claude Code skips a malformed rule in silence, so it is refused here."""
    if not isinstance(rules, list) or not all(
        isinstance(rule, str) and rule.isprintable() and catalog.PERMISSION_RULE.fullmatch(rule) for rule in rules
    ):
        raise ValidationError(_('Enter a list of permission rules, such as "Read(./.env)".'))


def validate_announcements(texts: object) -> None:
    if not isinstance(texts, list) or not all(
        isinstance(text, str) and 0 < len(text) <= 300 and text.isprintable() for text in texts
    ):
        raise ValidationError(_("Enter a list of sentences, each on one line and at most 300 characters long."))


def validate_free_settings(value: object) -> None:
    if problems := problems_of(value):
        raise ValidationError(problems)


class PlanSettings(models.Model):
    """Every field empty means: as Claude Code does by itself."""

    model_form = models.CharField(max_length=20, choices=ModelForm.choices, default=ModelForm.PINS)
    limits_models = models.BooleanField(
        _("only the plan's models"),
        default=True,
        help_text=_("Let people choose among the plan's models only (availableModels)."),
    )
    settings_scope = models.CharField(max_length=10, choices=SettingsScope.choices, default=SettingsScope.USER)
    minimum_version = models.CharField(
        max_length=20,
        blank=True,
        validators=[RegexValidator(_whole(catalog.RELEASE), _("Enter a release, such as 2.1.285."))],
        help_text=_("The oldest Claude Code that may be used."),
    )
    update_channel = models.CharField(max_length=10, choices=UpdateChannel.choices, blank=True)

    max_output_tokens = models.PositiveIntegerField(
        null=True, blank=True, validators=[MinValueValidator(1024), MaxValueValidator(128_000)]
    )
    thinking_tokens = models.PositiveIntegerField(
        null=True,
        blank=True,
        validators=[MinValueValidator(1024), MaxValueValidator(127_999)],
        help_text=_("Only for models that do not decide for themselves how long to think."),
    )
    effort = models.CharField(max_length=10, choices=Effort.choices, blank=True)
    prompt_caching = models.CharField(max_length=5, choices=PromptCaching.choices, blank=True)
    service_tier = models.CharField(max_length=10, choices=ServiceTier.choices, blank=True)
    guardrail = models.CharField(
        max_length=200,
        blank=True,
        validators=[RegexValidator(_whole(catalog.GUARDRAIL), _("Enter a guardrail's id or ARN."))],
    )
    guardrail_version = models.CharField(
        max_length=8,
        blank=True,
        validators=[
            RegexValidator(_whole(catalog.GUARDRAIL_VERSION), _("Enter a guardrail's version: a number, or DRAFT."))
        ],
    )
    region_prefix = models.CharField(max_length=10, choices=RegionPrefix.choices, blank=True)

    https_proxy = models.CharField(
        max_length=220,
        blank=True,
        validators=[RegexValidator(_whole(catalog.PROXY_URL), _("Enter a proxy's URL, without user and password."))],
    )
    no_proxy = models.CharField(
        max_length=500,
        blank=True,
        validators=[
            RegexValidator(_whole(catalog.NO_PROXY), _("Enter hosts with commas between them, and no spaces."))
        ],
    )
    ca_bundle = models.CharField(
        max_length=200,
        blank=True,
        validators=[
            RegexValidator(_whole(catalog.FILE_PATH), _("Enter a file's path, with forward slashes and no spaces."))
        ],
        help_text=_("Where the company's own certificate authorities lie on people's machines."),
    )
    otlp_endpoint = models.CharField(
        max_length=300,
        blank=True,
        validators=[RegexValidator(_whole(catalog.START_URL), _("Enter the collector's URL."))],
    )
    otlp_protocol = models.CharField(max_length=20, choices=OtlpProtocol.choices, blank=True)

    denied_tools = models.JSONField(
        default=list,
        blank=True,
        validators=[validate_permission_rules],
        help_text=_('Claude Code permission rules, such as "Read(./.env)".'),
    )
    announcements = models.JSONField(
        default=list,
        blank=True,
        validators=[validate_announcements],
        help_text=_("Sentences that Claude Code shows when it starts."),
    )
    free_settings = models.JSONField(
        default=dict,
        blank=True,
        validators=[validate_free_settings],
        help_text=_("Other settings of Claude Code, out of a list that holds no command and no hook."),
    )

    class Meta:
        abstract = True
        constraints = [
            # A guardrail's header without its version is refused by Bedrock.
            models.CheckConstraint(
                condition=Q(guardrail="", guardrail_version="") | (~Q(guardrail="") & ~Q(guardrail_version="")),
                name="%(class)s_guardrail_has_version",
            ),
            # Claude Code has no default protocol: without one nothing is sent.
            models.CheckConstraint(
                condition=Q(otlp_endpoint="", otlp_protocol="") | (~Q(otlp_endpoint="") & ~Q(otlp_protocol="")),
                name="%(class)s_telemetry_has_protocol",
            ),
        ]

    def clean(self) -> None:
        """Django asks no validator about what is empty: an empty list of settings, or none at all, would pass."""
        super().clean()
        kinds = {"denied_tools": list, "announcements": list, "free_settings": dict}
        wrong = [name for name, kind in kinds.items() if not isinstance(getattr(self, name), kind)]
        if wrong:
            raise ValidationError({name: _("Enter a list, or for settings an object.") for name in wrong})
