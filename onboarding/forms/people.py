"""What the pages about one person take in."""

from __future__ import annotations

from django import forms
from django.utils.translation import gettext_lazy as _

from onboarding.enums import Platform
from onboarding.models import Team


class ReasonForm(forms.Form):
    """Why an admin does something to somebody; it stands in the audit trail."""

    reason = forms.CharField(
        max_length=500,
        label=_("Reason"),
        widget=forms.TextInput(attrs={"class": "input", "autocomplete": "off"}),
        error_messages={"required": _("Say why.")},
    )


class _TeamWithPlan(forms.ModelChoiceField):  # type: ignore[type-arg]  # it takes none at run time
    def label_from_instance(self, team: Team) -> str:
        return f"{team.name} ({team.plan.name if team.plan else _('No plan')})"


class TeamOfPersonForm(forms.Form):
    """The team to put somebody into, or none. Each is named with its plan, which comes with it."""

    team = _TeamWithPlan(
        queryset=Team.objects.select_related("plan").order_by("name"),
        required=False,
        label=_("Team and plan"),
        empty_label=_("No team"),
        widget=forms.Select(attrs={"class": "input"}),
    )


class CopyForm(forms.Form):
    """Somebody's bundle, to help them: for which system, and why."""

    platform = forms.ChoiceField(
        choices=Platform.choices, label=_("System"), widget=forms.Select(attrs={"class": "input"})
    )
    reason = forms.CharField(
        max_length=500,
        label=_("Reason"),
        help_text=_("It is kept in the record."),
        widget=forms.TextInput(attrs={"class": "input", "autocomplete": "off"}),
        error_messages={"required": _("Say why you take it.")},
    )
