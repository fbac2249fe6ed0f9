"""One question as the pages show it, and rows that say the same together: one thing to fix, and how."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from dataclasses import dataclass

from django.utils.translation import gettext

from onboarding import console
from onboarding.catalog import APPLICATION_PROFILE_ARN, model_label
from onboarding.checks.base import Check, Pasted
from onboarding.checks.registry import Explanation, pastes_for
from onboarding.enums import Actor, Outcome
from onboarding.models import Finding, PlanRevision, Verification


@dataclass(frozen=True, slots=True)
class Row:
    """One question. `outcome` is a finding's, or `running`, `waiting` (not yet asked), `skipped` (never asked).

    `known` is the answer that counts while AWS gives none, and `known_explanation` its words.
    """

    position: int
    check: Check
    about: str
    outcome: str
    explanation: Explanation | None = None
    finding: Finding | None = None
    known: Finding | None = None
    known_explanation: Explanation | None = None

    @property
    def name(self) -> str:
        """`Service quota: Claude Opus 4.8`"""
        if not self.about:
            return str(self.check.title)
        return f"{self.check.title}: {_label(self.about)}"

    @property
    def heading(self) -> str:
        """What an answered row begins with. The title of a passed one about a model is the model's name alone."""
        if self.explanation is None:
            return self.name
        if self.about and self.outcome == Outcome.PASSED:
            return f"{self.check.title}: {self.explanation.title}"
        return self.explanation.title

    @property
    def model(self) -> str:
        return _label(self.about) if self.about else ""

    @property
    def checked_at(self) -> dt.datetime | None:
        return self.finding.checked_at if self.finding else None

    @property
    def is_open(self) -> bool:
        """Whether somebody should look at it first."""
        return self.outcome in (Outcome.FAILED, Outcome.UNKNOWN)

    @property
    def is_denied(self) -> bool:
        """Whether the answer that counts is a no."""
        counts = self.known or self.finding
        return counts is not None and counts.outcome == Outcome.FAILED

    @property
    def counting(self) -> Explanation | None:
        """The words of the answer that counts."""
        return self.known_explanation or self.explanation


def _label(about: str) -> str:
    """A model's name; of an application profile, whose ARN names none, the end of it."""
    return about.rpartition("/")[2] if APPLICATION_PROFILE_ARN.fullmatch(about) else model_label(about)


@dataclass(frozen=True, slots=True)
class Obstacle:
    """Rows to act on that say the same, such as one policy that denies three models: one thing to fix, not three."""

    verification: Verification
    rows: tuple[Row, ...]

    @property
    def first(self) -> Row:
        return self.rows[0]

    @property
    def outcome(self) -> str:
        return self.first.outcome

    @property
    def is_denied(self) -> bool:
        return self.first.is_denied

    @property
    def is_blocking(self) -> bool:
        """Whether the person's default model needs this; otherwise it keeps other models out, or nothing."""
        default = self.verification.revision.default_profile
        needed = [row for row in self.rows if row.about in ("", default)]
        return any(row.is_denied or row.check.is_vital for row in needed)

    @property
    def explanation(self) -> Explanation:
        return self._explanations[0]

    @property
    def actor(self) -> Actor:
        """Who can act on the answer that counts."""
        counting = self.first.counting
        return counting.actor if counting else Actor.NOBODY

    @property
    def check(self) -> str:
        """The one check to ask again; nothing when several are concerned."""
        names = {row.check.name for row in self.rows}
        return names.pop() if len(names) == 1 else ""

    @property
    def layer(self) -> str:
        """Who says no; or where it is that nobody can tell."""
        counts = self.first.known if self.is_denied and self.first.known else self.first.finding
        return str(counts.get_layer_display()) if counts else ""

    @property
    def settles_at(self) -> dt.datetime | None:
        """When Onramp asks again by itself, of a provisional answer."""
        return self.first.finding.settles_at if self.first.finding else None

    @property
    def names(self) -> str:
        """The models it is about; nothing when it is about the person."""
        return ", ".join(row.model for row in self.rows if row.about)

    @property
    def what(self) -> str:
        """What its rows are about, where they are several."""
        titles = dict.fromkeys(str(row.check.title) for row in self.rows)
        return ", ".join(titles) if len(titles) > 1 else self.names

    @property
    def summaries(self) -> list[str]:
        return list(dict.fromkeys(explanation.summary for explanation in self._explanations))

    @property
    def remedies(self) -> list[str]:
        return list(dict.fromkeys(each.remedy for each in self._counting if each.remedy))

    @property
    def admin_remedies(self) -> list[str]:
        return list(dict.fromkeys(each.admin_remedy for each in self._counting if each.admin_remedy))

    @property
    def known(self) -> list[tuple[dt.datetime, str]]:
        """What was last known where nobody can tell now: since when, and what."""
        return [
            (row.known.checked_at, row.known_explanation.summary)
            for row in self.rows
            if row.known and row.known_explanation
        ]

    @property
    def evidence(self) -> list[tuple[tuple[str, str], ...]]:
        return [explanation.evidence for explanation in self._explanations if explanation.evidence]

    @property
    def pastes(self) -> list[Pasted]:
        """The exact things to paste somewhere, one of a kind for all the rows that were answered alike."""
        alike: dict[tuple[str, str], list[Finding]] = {}
        for row in self.rows:
            if counts := row.known or row.finding:
                alike.setdefault((counts.check_name, counts.reason), []).append(counts)
        return [pasted for findings in alike.values() for pasted in pastes_for(findings)]

    @property
    def link(self) -> tuple[str, str] | None:
        """The console's page to act on, in the plan's account where the company's access portal can open it."""
        explanation = self.first.counting
        if explanation is None or explanation.link is None:
            return None
        title, url = explanation.link
        return title, in_account(url, self.verification.revision)

    @property
    def paste_id(self) -> str:
        """What the ids of the elements begin with that hold them, for the copy buttons."""
        return f"paste-{self.first.position}"

    @property
    def ask_id(self) -> str:
        return f"ask-{self.first.position}"

    @property
    def message_id(self) -> str:
        return f"message-{self.first.position}"

    @property
    def message(self) -> str:
        """Everything a colleague needs to fix it, as plain text to send."""
        paragraphs = [self.explanation.title, *self.summaries, *self.admin_remedies]
        paragraphs += [pasted.text for pasted in self.pastes]
        paragraphs += ["\n".join(f"{label}: {value}" for label, value in rows) for rows in self.evidence]
        paragraphs.append(self._whom)
        return "\n\n".join(dict.fromkeys(paragraph for paragraph in paragraphs if paragraph))

    @property
    def _explanations(self) -> list[Explanation]:
        return [row.explanation for row in self.rows if row.explanation]

    @property
    def _counting(self) -> list[Explanation]:
        return [row.counting for row in self.rows if row.counting]

    @property
    def _whom(self) -> str:
        revision = self.verification.revision
        return gettext(
            "For %(email)s, plan %(plan)s, revision %(revision)d, AWS account %(account)s, Region %(region)s."
        ) % {
            "email": self.verification.person.email,
            "plan": revision.plan.name,
            "revision": revision.number,
            "account": revision.account.account_id,
            "region": revision.region,
        }


def in_account(url: str, revision: PlanRevision) -> str:
    """A console page, by way of the company's access portal where there is one: it opens the right account."""
    center = revision.identity_center
    if center is None:
        return url
    return console.through_portal(url, start_url=center.start_url, account_id=revision.account.account_id)


def alike(verification: Verification, rows: Iterable[Row]) -> list[Obstacle]:
    """Answered rows, those with equal words together."""
    found: dict[tuple[str, str, bool], list[Row]] = {}
    for row in rows:
        if row.explanation:
            found.setdefault((row.outcome, row.explanation.title, row.is_denied), []).append(row)
    return [Obstacle(verification, tuple(together)) for together in found.values()]
