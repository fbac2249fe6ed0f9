"""The doctor's report: what a person's own machine saw with the person's own credentials.

A type of finding that is brought, not asked for: no verification has a question for it. Its words are those that the
doctor itself says on the machine (`onboarding.doctor`).
"""

from __future__ import annotations

from django.utils.functional import lazystr
from django.utils.translation import gettext_lazy as _

from onboarding import doctor
from onboarding.checks.base import Facts, FindingType, Reason, Remedy, Text
from onboarding.enums import Actor, Gate, Scope


class _Template:
    """A sentence of the doctor's, whose places have numbers, as a template over words; in the active language."""

    def __init__(self, sentence: Text) -> None:
        self._sentence = sentence

    def __str__(self) -> str:
        text = str(self._sentence).replace("%", "%%")
        return text.replace("{1}", "%(detail)s").replace("{2}", "%(other)s")


def _reason(check: doctor.Check, reason: doctor.Reason) -> Reason:
    remedy = Remedy(lazystr(_Template(reason.fix)), actor=Actor.PERSON) if reason.fix else None
    return Reason(check.title, lazystr(_Template(reason.sentence)), remedy)


class DoctorReport(FindingType):
    name = "doctor"
    scope = Scope.PERSON
    gate = Gate.IDENTITY
    title = _("Your machine")
    REASONS = {
        "works": Reason(_("Your machine works"), _("On %(machine)s, nothing failed.")),
        **{
            f"{check.id}.{name}": _reason(check, reason)
            for check in doctor.CHECKS
            for name, reason in check.reasons.items()
        },
    }

    def evidence(self, facts: Facts) -> list[tuple[Text, str]]:
        return [(_("Reported by"), facts.get("machine", ""))]
