"""What the page of tokens takes in."""

from __future__ import annotations

import datetime as dt

from django import forms
from django.utils.translation import gettext_lazy as _

from onboarding.enums import ApiScope


class TokenForm(forms.Form):
    """A token for the API: what it is for, what it may read, and for how long."""

    name = forms.CharField(
        max_length=60,
        label=_("What it is for"),
        widget=forms.TextInput(attrs={"class": "input", "autocomplete": "off"}),
    )
    days = forms.TypedChoiceField(
        coerce=int,
        initial=90,
        choices=[(30, _("30 days")), (90, _("90 days")), (180, _("180 days")), (365, _("One year"))],
        label=_("It holds for"),
        widget=forms.Select(attrs={"class": "input"}),
    )
    scopes = forms.MultipleChoiceField(
        choices=ApiScope.choices,
        label=_("What it may read"),
        widget=forms.CheckboxSelectMultiple,
        error_messages={"required": _("Choose what it may read.")},
    )

    def clean_scopes(self) -> list[ApiScope]:
        return [ApiScope(scope) for scope in self.cleaned_data["scopes"]]

    def clean_days(self) -> dt.timedelta:
        return dt.timedelta(days=self.cleaned_data["days"])
