"""What the editor of a plan takes in: everything a revision says, and why it is published."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from django import forms
from django.conf import settings
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from onboarding.enums import CredentialMethod, IdentitySource, Tier
from onboarding.models import Plan, PlanRevision

if TYPE_CHECKING:
    ModelForm = forms.ModelForm[PlanRevision]
    PlanModelForm = forms.ModelForm[Plan]
else:
    # The class takes a parameter in its stubs only.
    ModelForm = PlanModelForm = forms.ModelForm

_LONGEST = 10_000  # characters of a field with many lines


# Words that stand where a plan's slug does in the portal's own URLs.
_TAKEN = frozenset({"new"})


class PlanForm(PlanModelForm):
    """A plan before its first revision."""

    class Meta:
        model = Plan
        fields = ("name", "slug")
        labels = {"name": _("Name"), "slug": _("Short name")}
        help_texts = {
            "slug": _("Small letters, digits and hyphens. It names the AWS profile on people's machines, and stays.")
        }
        error_messages = {
            "name": {"unique": _("There is a plan of this name.")},
            "slug": {"unique": _("There is a plan of this short name.")},
        }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for field in self.fields.values():
            field.widget.attrs |= {"class": "input", "autocomplete": "off", "spellcheck": "false"}

    def clean_slug(self) -> str:
        slug = str(self.cleaned_data["slug"])
        if slug in _TAKEN:
            raise forms.ValidationError(_("Choose another one: Onramp uses this word itself."))
        return slug


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
