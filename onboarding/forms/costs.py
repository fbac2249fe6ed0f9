"""What the pages of budgets, principals and prices take in."""

from __future__ import annotations

import re
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from django import forms
from django.core.exceptions import NON_FIELD_ERRORS
from django.utils.translation import gettext_lazy as _

from onboarding.catalog import parse_profile_id
from onboarding.models import Person, Price
from onboarding.models.prices import HIGHEST

if TYPE_CHECKING:
    PriceModelForm = forms.ModelForm[Price]
else:
    # The class takes a parameter in its stubs only.
    PriceModelForm = forms.ModelForm

_WHAT_A_PRICE_IS_OF = ("model_id", "endpoint_kind", "token_class", "is_long_prompt", "valid_from")
# A foundation model's id. https://docs.aws.amazon.com/bedrock/latest/APIReference/API_GetFoundationModel.html
_MODEL_NAME = re.compile(r"[a-z0-9-]{1,63}\.[A-Za-z0-9.:_-]{1,130}")


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


class ClaimForm(forms.Form):
    """The e-mail of whoever a principal is. Once it is valid, `person` is theirs."""

    email = forms.EmailField(
        max_length=254,
        widget=forms.EmailInput(attrs={"class": "input", "autocomplete": "off", "placeholder": _("E-mail")}),
    )
    person: Person

    def clean_email(self) -> str:
        email = str(self.cleaned_data["email"])
        known = Person.objects.for_email(email)
        # What somebody used before they left is theirs, too, unless a colleague has their e-mail now.
        found = known.filter(is_active=True)[:2] or known[:2]
        if len(found) != 1:
            words = _("Several people have this e-mail.") if found else _("Nobody that Onramp knows has this e-mail.")
            raise forms.ValidationError(words)
        self.person = found[0]
        return email


class PriceForm(PriceModelForm):
    """A price from a day on. Numbers are no text in the reader's language: 4.125 must never become 4125."""

    usd_per_million = forms.DecimalField(
        label=_("USD per million tokens"),
        min_value=0,
        max_value=HIGHEST,
        max_digits=12,
        decimal_places=6,
        widget=forms.NumberInput(attrs={"class": "input", "autocomplete": "off"}),
    )
    is_correction = forms.BooleanField(
        required=False,
        label=_("Correct the price that begins on that day."),
        help_text=_("Its figure and source change, and what it priced this month is priced anew."),
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
