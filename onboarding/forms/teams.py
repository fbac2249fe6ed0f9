"""What the pages of teams take in."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django import forms
from django.utils.translation import gettext_lazy as _

from onboarding.models import Team

if TYPE_CHECKING:
    ModelForm = forms.ModelForm[Team]
else:
    # The class takes a parameter in its stubs only.
    ModelForm = forms.ModelForm


class TeamForm(ModelForm):
    """A team. The budget of one that is there changes with a reason only."""

    monthly_budget = forms.DecimalField(
        required=False,
        min_value=0,
        max_digits=12,
        decimal_places=2,
        localize=True,
        label=_("Monthly budget in USD"),
        help_text=_("For all its people together. Empty: no limit."),
        widget=forms.TextInput(attrs={"inputmode": "decimal"}),
    )
    reason = forms.CharField(
        max_length=500,
        required=False,
        label=_("Why the budget changes"),
        help_text=_("Only where it does. It is kept with the change, and whoever asked for more reads it."),
    )

    class Meta:
        model = Team
        fields = ("name", "group", "plan", "cost_centre", "monthly_budget")
        labels = {
            "name": _("Name"),
            "group": _("Group of the identity provider"),
            "plan": _("Plan"),
            "cost_centre": _("Cost centre"),
        }
        help_texts = {
            "group": _("Exactly as the claim spells it. People come to the team by it, when they sign in."),
            "plan": _("Without one its people get nothing."),
        }
        error_messages = {
            "name": {"unique": _("There is a team of this name.")},
            "group": {"unique": _("Another team has this group: a group leads to one team.")},
        }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        plan: Any = self.fields["plan"]
        plan.empty_label, plan.queryset = _("None"), plan.queryset.order_by("name")
        for field in self.fields.values():
            field.widget.attrs |= {"class": "input", "autocomplete": "off", "spellcheck": "false"}
        if self.instance.pk is None:
            del self.fields["reason"]

    @property
    def changes_budget(self) -> bool:
        return "monthly_budget" in self.changed_data

    def clean(self) -> dict[str, Any]:
        said: dict[str, Any] = super().clean() or {}
        if "reason" in self.fields and self.changes_budget and not said.get("reason"):
            self.add_error("reason", _("Say why the budget changes."))
        return said
