"""Paste your error: what AWS, Claude Code, the AWS CLI or boto3 said, and from it who denies what, and the fix.

Nothing is asked of anybody, and nothing is kept. The catalogue is in order: the first entry that shows counts.
"""

from __future__ import annotations

from dataclasses import dataclass

from django.utils.translation import gettext_lazy as _

from onboarding.checks.base import Link, Pasted, Reason, Remedy, Text
from onboarding.checks.errors.credentials import CREDENTIALS
from onboarding.checks.errors.denials import DENIALS
from onboarding.checks.errors.entries import AUTHORIZATION_DETAILS, Entry, words
from onboarding.checks.errors.machine import NETWORK, SETTINGS
from onboarding.checks.errors.organization import OUTER_DENIALS
from onboarding.checks.errors.reading import LIMIT, read
from onboarding.checks.errors.refusals import GATES, MODELS
from onboarding.checks.errors.unknowns import HIDDEN, LIMITS
from onboarding.enums import Actor, Layer

__all__ = ["CATALOGUE", "LIMIT", "UNRECOGNIZED", "Diagnosis", "diagnose", "reason_of"]

# What says precisely who said no comes first; a code or a status alone comes last.
CATALOGUE: tuple[Entry, ...] = (
    *GATES,
    *OUTER_DENIALS,
    *DENIALS,
    *MODELS,
    *CREDENTIALS,
    *NETWORK,
    *LIMITS,
    *SETTINGS,
    *HIDDEN,
)

UNRECOGNIZED = Entry(
    "unrecognized",
    None,
    signs=(),
    titles=(_("Onramp does not recognize this text"),),
    summaries=(_("It fits no error of AWS or Claude Code that Onramp knows. This says nothing about your access."),),
    remedies=(
        Remedy(
            _(
                "Paste the whole message, from its first line on: the lines with API Error, with An error occurred, "
                "or with a number such as 403. claude --debug-file debug.txt keeps what Bedrock said."
            ),
            _("Ask for the whole message, and look in CloudTrail for what was denied at that time."),
            actor=Actor.PERSON,
        ),
    ),
)

# What was found, in the order in which it is shown.
_LABELS: tuple[tuple[str, Text], ...] = (
    ("action", _("Action")),
    ("resource", _("Resource")),
    ("where", _("Region")),
    ("model_id", _("Model")),
    ("inference_profile", _("Inference profile")),
    ("principal", _("Principal")),
    ("permission_set", _("Permission set")),
    ("role", _("Role")),
    ("user", _("User")),
    ("session", _("Session")),
    ("account", _("Account")),
    ("policy", _("Policy")),
    ("profile", _("AWS profile")),
    ("host", _("Host")),
    ("retention_mode", _("Mode")),
    ("code", _("Error code")),
    ("status", _("HTTP status")),
    ("request_id", _("Request id")),
    ("authorization_id", _("Authorization id")),
)


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """What a text says. `key` is the catalogue's name for it; the words are in the language that is active now.

    `is_denial`: AWS said no, and `layer` says who of AWS's layers. Everything else is unknown, and never a denial.
    `facts` has what the text itself names, see `reading.Reading`.
    """

    key: str
    layer: Layer | None
    is_denial: bool
    facts: dict[str, str]
    reason: Reason

    @property
    def is_recognized(self) -> bool:
        return self.key != UNRECOGNIZED.key

    @property
    def title(self) -> str:
        return self._fill(self.reason.title)

    @property
    def summary(self) -> str:
        return self._fill(self.reason.summary)

    @property
    def remedy(self) -> str:
        """What the person does, or whom they turn to."""
        return self._fill(self._remedy.person)

    @property
    def admin_remedy(self) -> str:
        """What an admin does; empty when the person can do it alone."""
        return self._fill(self._remedy.admin)

    @property
    def actor(self) -> Actor:
        return self._remedy.actor

    def pastes(self) -> list[Pasted]:
        """What can be pasted somewhere; none where the text does not tell what it is made of."""
        made = [Pasted(self._fill(each.title), each.name, each.make([self.facts])) for each in self._remedy.pastes]
        return [pasted for pasted in made if pasted.text]

    def links(self) -> list[tuple[str, str]]:
        """Pages of the AWS console, as title and URL: AWS's own account of the denial, and where to act."""
        return [(str(link.title), url) for link in self._links if (url := link.url(self.facts))]

    def found(self) -> list[tuple[str, str]]:
        """What the text names, as label and value."""
        told = words(self.facts)
        return [(str(label), told[key]) for key, label in _LABELS if key in told]

    @property
    def _remedy(self) -> Remedy:
        return self.reason.remedy or Remedy("", actor=Actor.NOBODY)

    @property
    def _links(self) -> list[Link]:
        return [AUTHORIZATION_DETAILS, *([self._remedy.link] if self._remedy.link else [])]

    def _fill(self, template: Text) -> str:
        return str(template) % words(self.facts)


def reason_of(key: str) -> Reason | None:
    """An entry's words when nothing but its key is known; they need no facts. None where there is no such entry."""
    entry = next((entry for entry in (*CATALOGUE, UNRECOGNIZED) if entry.key == key), None)
    return entry.reason({}) if entry else None


def diagnose(text: str) -> Diagnosis:
    """What `text` says; of a longer one than LIMIT, what its head says. Never raises, and keeps no secret."""
    reading = read(text)
    entry = next((entry for entry in CATALOGUE if entry.is_in(reading)), UNRECOGNIZED)
    return Diagnosis(
        key=entry.key,
        layer=entry.layer,
        is_denial=entry.is_denial and reading.may_be_denial,
        facts=reading.facts,
        reason=entry.reason(words(reading.facts)),
    )
