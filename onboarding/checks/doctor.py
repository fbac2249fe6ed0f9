"""The doctor's report: what a person's own machine saw with the person's own credentials.

A type of finding that is brought, not asked for: no verification has a question for it.
"""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from onboarding.checks.base import Facts, FindingType, Reason, Remedy, Text
from onboarding.enums import Actor, Gate, Scope


class DoctorReport(FindingType):
    name = "doctor"
    scope = Scope.PERSON
    gate = Gate.IDENTITY
    title = _("Your machine")
    REASONS = {
        "works": Reason(
            _("Your machine works"),
            _("On your machine, Claude Code answered through Bedrock as %(role)s."),
        ),
        "not-signed-in": Reason(
            _("Your machine is not signed in to AWS"),
            _("On your machine, AWS accepts no credentials of the profile %(profile)s."),
            Remedy(
                _("Run the command that your guide names for signing in, then the doctor again."), actor=Actor.PERSON
            ),
        ),
        "other-role": Reason(
            _("Your machine works as another role"),
            _("Your machine is signed in as %(seen)s; your bundle is for %(role)s."),
            Remedy(_("Select the profile %(profile)s, then run the doctor again."), actor=Actor.PERSON),
        ),
        "conflict": Reason(
            _("A variable on your machine overrides the bundle"),
            _("%(variables)s is set on your machine and outranks what the bundle says."),
            Remedy(_("Remove it from your shell's start files, then run the doctor again."), actor=Actor.PERSON),
        ),
        "model-refused": Reason(
            _("Bedrock refused a call from your machine"),
            _("With your own credentials, Bedrock refused %(profile)s: %(error)s"),
            Remedy(
                _("Paste what it said into the error page: it names the layer and the fix."),
                _("Look at the layer the error page names; the person's own call is the ground truth."),
            ),
        ),
    }

    def evidence(self, facts: Facts) -> list[tuple[Text, str]]:
        return [(_("Reported by"), facts.get("machine", "")), (_("Role"), facts.get("seen", ""))]
