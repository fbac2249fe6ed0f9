"""What pages take in, cleaned."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from django import forms
from django.conf import settings
from django.core.exceptions import NON_FIELD_ERRORS
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from onboarding.catalog import parse_profile_id
from onboarding.checks.errors import LIMIT
from onboarding.enums import CredentialMethod, IdentitySource, Tier
from onboarding.masking import mask
from onboarding.models import Person, PlanRevision, Price

if TYPE_CHECKING:
    ModelForm = forms.ModelForm[PlanRevision]
    PriceModelForm = forms.ModelForm[Price]
else:
    # The class takes a parameter in its stubs only.
    ModelForm = PriceModelForm = forms.ModelForm

_LONGEST = 10_000  # characters of a field with many lines
# A foundation model's id. https://docs.aws.amazon.com/bedrock/latest/APIReference/API_GetFoundationModel.html
_MODEL_NAME = re.compile(r"[a-z0-9-]{1,63}\.[A-Za-z0-9.:_-]{1,130}")


class AskForm(forms.Form):
    """A finding to hand to the admins, and what the person wants to say about it."""

    finding = forms.IntegerField()
    note = forms.CharField(max_length=1000, required=False)


class ErrorForm(forms.Form):
    """An error somebody pasted. Longer than the limit is cut, not refused: the start says most.

    Its secrets are masked here, so that nothing behind the form ever sees them.
    """

    text = forms.CharField(widget=forms.Textarea)
    note = forms.CharField(max_length=1000, required=False)

    def clean_text(self) -> str:
        text: Any = self.cleaned_data["text"]
        return mask(str(text)[:LIMIT])


class CloseForm(forms.Form):
    """What an admin answers to whoever asked."""

    answer = forms.CharField(max_length=1000, required=False)


class AskBudgetForm(forms.Form):
    """What somebody says who asks for a higher budget."""

    note = forms.CharField(max_length=1000, required=False)


class BudgetForm(forms.Form):
    """What may be used in a month, and why that changes. An empty amount is no budget of its own."""

    amount = forms.DecimalField(
        required=False,
        min_value=0,
        max_digits=12,
        decimal_places=2,
        localize=True,
        label=_("Monthly budget in USD"),
        widget=forms.TextInput(attrs={"class": "input", "inputmode": "decimal", "autocomplete": "off"}),
    )
    reason = forms.CharField(
        max_length=500,
        label=_("Reason"),
        help_text=_("It is kept with the change, and whoever asked for more reads it."),
        widget=forms.TextInput(attrs={"class": "input", "autocomplete": "off"}),
        error_messages={"required": _("Say why the budget changes.")},
    )


class PublishForm(forms.Form):
    """What somebody says who publishes a revision."""

    note = forms.CharField(
        max_length=1000,
        label=_("What changes, and why"),
        help_text=_("People read it when they are asked to install again."),
        # It stands beside the revision's form, and is sent with it.
        widget=forms.Textarea(attrs={"class": "input", "rows": 2, "form": "plan"}),
        error_messages={"required": _("Say what changes, for everybody it concerns.")},
    )


class ClaimForm(forms.Form):
    """The e-mail of whoever a principal is. Once it is valid, `person` is theirs."""

    email = forms.EmailField(
        max_length=254,
        widget=forms.EmailInput(attrs={"class": "input", "autocomplete": "off", "placeholder": _("E-mail")}),
    )
    person: Person

    def clean_email(self) -> str:
        email = str(self.cleaned_data["email"])
        found = Person.objects.for_email(email).filter(is_active=True).order_by("pk")[:2]
        if len(found) != 1:
            words = _("Several people have this e-mail.") if found else _("Nobody that Onramp knows has this e-mail.")
            raise forms.ValidationError(words)
        self.person = found[0]
        return email


# --- Prices


_WHAT_A_PRICE_IS_OF = ("model_id", "endpoint_kind", "token_class", "is_long_prompt", "valid_from")


class PriceForm(PriceModelForm):
    """A price from a day on. Numbers are no text in the reader's language: 4.125 must never become 4125."""

    usd_per_million = forms.DecimalField(
        label=_("USD per million tokens"),
        min_value=0,
        max_digits=12,
        decimal_places=6,
        widget=forms.NumberInput(attrs={"class": "input", "autocomplete": "off"}),
    )
    is_correction = forms.BooleanField(
        required=False,
        label=_("Correct the price that begins on that day."),
        help_text=_("Its figure and source change. Usage that was priced with it keeps its price until priced anew."),
    )

    class Meta:
        model = Price
        fields = (
            *("model_id", "endpoint_kind", "token_class", "is_long_prompt"),
            *("usd_per_million", "valid_from", "source"),
        )
        labels = {
            "model_id": _("Model"),
            "endpoint_kind": _("Endpoint"),
            "token_class": _("Token class"),
            "is_long_prompt": _("Only for long prompts."),
            "valid_from": _("Valid from"),
            "source": _("Source"),
        }
        help_texts = {
            "model_id": _("Its own id, such as anthropic.claude-opus-5, without a geography in front."),
            "is_long_prompt": _("Without a price of their own they have the ordinary one."),
            "valid_from": _("A UTC day. The price holds until another one begins."),
            "source": _("Where the figure comes from, and why it is added."),
        }
        widgets = {
            "model_id": forms.TextInput(
                attrs={"class": "input", "list": "known-models", "autocomplete": "off", "spellcheck": "false"}
            ),
            "endpoint_kind": forms.Select(attrs={"class": "input"}),
            "token_class": forms.Select(attrs={"class": "input"}),
            "valid_from": forms.DateInput(format="%Y-%m-%d", attrs={"class": "input", "type": "date"}),
            "source": forms.TextInput(attrs={"class": "input", "autocomplete": "off"}),
        }
        error_messages = {
            NON_FIELD_ERRORS: {
                "unique_together": _("There is a price of this from that day on. Choose another day, or correct it.")
            }
        }

    def clean_model_id(self) -> str:
        model_id = str(self.cleaned_data["model_id"])
        if parse_profile_id(model_id) is not None:
            words = _("This is an inference profile's id. Enter the model's, and choose the endpoint.")
            raise forms.ValidationError(words)
        if _MODEL_NAME.fullmatch(model_id) is None:
            raise forms.ValidationError(_("This is not the id of a model."))
        return model_id

    def clean(self) -> dict[str, Any]:
        """A correction is of the row that is there: what is saved then is that one."""
        said = super().clean() or self.cleaned_data
        if said.get("is_correction") and not self.errors:
            there = Price.objects.filter(**{name: said[name] for name in _WHAT_A_PRICE_IS_OF}).first()
            if there is None:
                self.add_error("is_correction", _("There is no price of this that begins on that day."))
            else:
                self.instance = there
        return said


class MultiplierForm(forms.Form):
    """What an account pays of list prices, and why that changes."""

    multiplier = forms.DecimalField(
        label=_("Multiplier"),
        min_value=Decimal("0.0001"),
        max_value=10,
        max_digits=6,
        decimal_places=4,
        widget=forms.NumberInput(attrs={"class": "input", "autocomplete": "off"}),
    )
    reason = forms.CharField(
        max_length=500,
        label=_("Reason"),
        widget=forms.TextInput(attrs={"class": "input", "autocomplete": "off"}),
        error_messages={"required": _("Say why the multiplier changes.")},
    )


# --- A plan's revision


class LinesField(forms.CharField):
    """A list, one entry a line; an empty line is none."""

    widget = forms.Textarea(attrs={"rows": 3})

    def prepare_value(self, value: Any) -> Any:
        return "\n".join(value) if isinstance(value, list) else value

    def to_python(self, value: Any) -> Any:
        text = _limited(super().to_python(value))
        return [line.strip() for line in text.split("\n") if line.strip()]


class JsonField(forms.CharField):
    """An object, as JSON; nothing is an empty object.

    Django's own field lets Python's limits of depth and of digits through, as errors of the portal.
    """

    widget = forms.Textarea(attrs={"rows": 6})

    def prepare_value(self, value: Any) -> Any:
        if isinstance(value, str):
            return value
        return json.dumps(value, indent=2, ensure_ascii=False) if value else ""

    def to_python(self, value: Any) -> Any:
        text = _limited(super().to_python(value))
        try:
            found = json.loads(text) if text else {}
        except json.JSONDecodeError as error:
            words = _("This is not JSON: see line %(line)s, column %(column)s.")
            raise forms.ValidationError(words, params={"line": error.lineno, "column": error.colno}) from error
        except (ValueError, RecursionError) as error:
            raise forms.ValidationError(_("This JSON is too deep, or a number in it too long.")) from error
        if not isinstance(found, dict):
            # The model's own validator is not asked about null, nor about an empty list.
            raise forms.ValidationError(_('Enter an object of settings, such as {"cleanupPeriodDays": 14}.'))
        return found


def _limited(value: str | None) -> str:
    text = value or ""
    if len(text) > _LONGEST:
        raise forms.ValidationError(_("This is too long: at most %(limit)s characters."), params={"limit": _LONGEST})
    return text


class RevisionForm(ModelForm):
    """Everything a revision says. Its instance is an unsaved revision, which `plans.publish` makes a current one."""

    denied_tools = LinesField(
        required=False,
        label=_("Denied tools"),
        help_text=_('Claude Code permission rules, one a line, such as "Read(./.env)".'),
    )
    announcements = LinesField(
        required=False,
        label=_("Announcements"),
        help_text=_("Claude Code shows one of these lines when it starts."),
    )
    free_settings = JsonField(
        required=False,
        label=_("Other settings"),
        help_text=_("JSON. Only keys of a list that holds no command and no hook."),
    )
    credential_helper = forms.ChoiceField(
        required=False,
        label=_("Helper"),
        help_text=_("Which command it is, the operator says (ONRAMP_CREDENTIAL_HELPERS)."),
        error_messages={
            "invalid_choice": _("The operator allows no helper of this name (ONRAMP_CREDENTIAL_HELPERS).")
        },
    )

    class Meta:
        model = PlanRevision
        # In the order of the page, where `plan_edit.html` names them again.
        fields = (
            *("account", "region", "identity_source", "identity_center", "role_arn", "user_tag", "permission_set"),
            *("credential_method", "credential_helper"),
            *("opus", "sonnet", "haiku", "default_tier", "model_form", "limits_models", "live_probe"),
            *("max_output_tokens", "thinking_tokens", "effort", "prompt_caching", "service_tier", "guardrail"),
            *("guardrail_version", "region_prefix", "minimum_version", "update_channel", "settings_scope"),
            *("denied_tools", "https_proxy", "no_proxy", "ca_bundle", "otlp_endpoint", "otlp_protocol"),
            *("announcements", "free_settings"),
        )
        labels = {
            "account": _("AWS account"),
            "region": _("Source Region"),
            "identity_source": _("Where people's AWS identities are found"),
            "identity_center": _("Identity Center"),
            "role_arn": _("Federated role"),
            "user_tag": _("Tag of IAM users"),
            "permission_set": _("Permission set"),
            "credential_method": _("Sign-in method"),
            "default_tier": _("Default model"),
            "model_form": _("How settings.json names them"),
            "limits_models": _("Keep people to the models of this plan."),
            "live_probe": _("Call each model once, with one token."),
            "max_output_tokens": _("Maximum output tokens"),
            "thinking_tokens": _("Thinking tokens"),
            "effort": _("Effort"),
            "prompt_caching": _("Prompt cache"),
            "service_tier": _("Bedrock service tier"),
            "guardrail": _("Guardrail"),
            "guardrail_version": _("Guardrail version"),
            "region_prefix": _("Region prefix"),
            "minimum_version": _("Oldest Claude Code allowed"),
            "update_channel": _("Update channel"),
            "settings_scope": _("Who installs the settings"),
            "https_proxy": _("HTTPS proxy"),
            "no_proxy": _("Hosts without the proxy"),
            "ca_bundle": _("Certificate authorities"),
            "otlp_endpoint": _("Telemetry collector"),
            "otlp_protocol": _("Protocol of the collector"),
        }
        help_texts = {
            "role_arn": _("The role people assume through federation, with their e-mail as the session's name."),
            "user_tag": _("It holds the e-mail. Empty: the user's name is the e-mail."),
            "permission_set": _("For people who have several. Empty: the only one, or the first by name."),
            "limits_models": _("Lists them in availableModels."),
            "live_probe": _("Only where the model's agreement is in place and the role trusts Onramp."),
            "max_output_tokens": _("Bedrock reserves this much quota for each request."),
            "guardrail": _("Its id or ARN."),
            "guardrail_version": _("A number, or DRAFT."),
            "region_prefix": _("ANTHROPIC_BEDROCK_REGION_PREFIX: for models that no tier pins."),
            "minimum_version": _("A release, such as 2.1.285."),
            "no_proxy": _("With commas between them, and no spaces."),
            "ca_bundle": _("A file with the company's own, where it lies on people's machines."),
        }
        widgets = dict.fromkeys(("identity_source", "credential_method", "default_tier"), forms.RadioSelect)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        helpers = [(name, name) for name in settings.ONRAMP_CREDENTIAL_HELPERS]
        self._choose_among("credential_helper", [("", _("None")), *helpers])
        self._choose_among("default_tier", Tier.choices)
        for name in ("effort", "prompt_caching", "service_tier", "region_prefix", "update_channel", "otlp_protocol"):
            model_field: Any = PlanRevision._meta.get_field(name)
            self._choose_among(name, [("", _("As Claude Code does by itself")), *model_field.choices])
        for name, field in self.fields.items():
            if not isinstance(field.widget, forms.RadioSelect | forms.CheckboxInput):
                field.widget.attrs |= {"class": "input", "autocomplete": "off", "spellcheck": "false"}
            if isinstance(field, forms.IntegerField):
                # Spinning through 126,000 numbers helps nobody.
                field.widget = forms.TextInput(attrs={**field.widget.attrs, "inputmode": "numeric"})
            if name in ("region", *Tier.values):
                field.widget.attrs["list"] = f"known-{name}"

    def _choose_among(self, name: str, choices: Any) -> None:
        field: Any = self.fields[name]
        field.choices = choices

    def clean(self) -> dict[str, Any]:
        """What the table's constraints say, in plain words at a field: one that has an error is not asked again."""
        said: dict[str, Any] = super().clean() or {}
        for field, problem in _contradictions(said):
            if field not in self.errors:
                self.add_error(field, str(problem))
        return said


_Problem = tuple[str, str | Promise]


def _contradictions(said: Mapping[str, Any]) -> Iterator[_Problem]:
    """Fields that do not fit together. `said` lacks those that are wrong by themselves."""
    if said.get("default_tier") and said.get(said["default_tier"]) == "":
        yield "default_tier", _("The plan names no model for this tier.")
    yield from _about_identities(said)
    yield from _about_credentials(said)
    if (
        "guardrail" in said
        and "guardrail_version" in said
        and bool(said["guardrail"]) != bool(said["guardrail_version"])
    ):
        field = "guardrail" if said["guardrail_version"] else "guardrail_version"
        yield field, _("A guardrail needs its version, and a version its guardrail.")
    if (
        "otlp_endpoint" in said
        and "otlp_protocol" in said
        and bool(said["otlp_endpoint"]) != bool(said["otlp_protocol"])
    ):
        field = "otlp_endpoint" if said["otlp_protocol"] else "otlp_protocol"
        yield field, _("A collector needs its protocol, and a protocol its collector.")


def _about_identities(said: Mapping[str, Any]) -> Iterator[_Problem]:
    source = said.get("identity_source")
    has_center, has_role = said.get("identity_center") is not None, bool(said.get("role_arn"))
    if source == IdentitySource.IDENTITY_CENTER and not has_center:
        yield "identity_center", _("Choose the one in which people are found.")
    if source in (IdentitySource.FEDERATED_ROLE, IdentitySource.IAM_USER) and has_center:
        yield "identity_center", _("Choose none: people are not found in IAM Identity Center.")
    if source == IdentitySource.FEDERATED_ROLE and not has_role:
        yield "role_arn", _("Enter the role that people assume.")
    if source in (IdentitySource.IDENTITY_CENTER, IdentitySource.IAM_USER) and has_role:
        yield "role_arn", _("Leave it empty: people are not found through a federated role.")


def _about_credentials(said: Mapping[str, Any]) -> Iterator[_Problem]:
    if not said.get("credential_method"):
        return
    method = CredentialMethod(said["credential_method"])
    if method.signs_in and said.get("identity_center", "wrong") is None:
        yield "credential_method", _("Only people who are found in IAM Identity Center sign in there.")
    if method.has_helper and said.get("credential_helper") == "":
        yield "credential_helper", _("Choose the helper that this method runs.")
    if not method.has_helper and said.get("credential_helper"):
        yield "credential_helper", _("Choose none: this method runs no helper.")
