"""A verification as the pages show it: gates of rows, one row a question, answered or not."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby

from django.utils import timezone
from django.utils.translation import gettext

from onboarding import console
from onboarding.catalog import APPLICATION_PROFILE_ARN, model_label
from onboarding.checks.base import Check, Pasted
from onboarding.checks.registry import Explanation, explain, pastes_for, questions
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


class Counted:
    """How many rows there are, and how they were answered."""

    rows: tuple[Row, ...]

    @property
    def total(self) -> int:
        return len(self.rows)

    @property
    def answered(self) -> int:
        return sum(row.finding is not None for row in self.rows)

    @property
    def passed(self) -> int:
        return self._count(Outcome.PASSED)

    @property
    def warnings(self) -> int:
        return self._count(Outcome.WARNING)

    @property
    def failed(self) -> int:
        return self._count(Outcome.FAILED)

    @property
    def unknown(self) -> int:
        return self._count(Outcome.UNKNOWN)

    @property
    def denials(self) -> int:
        """How many answers that count are a no, also where AWS gives none today."""
        return sum(row.is_denied for row in self.rows)

    def _count(self, outcome: Outcome) -> int:
        return sum(row.outcome == outcome for row in self.rows)


@dataclass(frozen=True)
class Gate(Counted):
    """Checks that belong together, and their rows."""

    verification: Verification
    name: str
    title: str
    rows: tuple[Row, ...]

    @property
    def is_settled(self) -> bool:
        """Whether there is a row that is not open."""
        return not all(row.is_open for row in self.rows)

    @property
    def warned(self) -> list[Obstacle]:
        """The rows that work and are worth a look."""
        return _alike(self.verification, [row for row in self.rows if row.outcome == Outcome.WARNING])

    @property
    def passes(self) -> list[tuple[Row, ...]]:
        """The rows that passed, those of one check together: a check is asked about each of the plan's models."""
        passed = [row for row in self.rows if row.outcome == Outcome.PASSED]
        return [tuple(rows) for _, rows in groupby(passed, key=lambda row: row.check.name)]

    @property
    def unasked(self) -> list[str]:
        """The titles of the checks that were not asked, about some model at least."""
        return list(dict.fromkeys(str(row.check.title) for row in self.rows if row.finding is None))


@dataclass(frozen=True)
class Board(Counted):
    """Everything a page says about one verification."""

    verification: Verification
    gates: tuple[Gate, ...]
    rows: tuple[Row, ...]

    @property
    def obstacles(self) -> list[Obstacle]:
        """What stands open, rows with equal words together: what blocks the person first, then what keeps some models
        out, then what nobody could tell."""
        found = _alike(self.verification, [row for row in self.rows if row.is_open])
        return sorted(found, key=lambda each: (not each.is_denied, not each.is_blocking))

    @property
    def denied(self) -> list[Obstacle]:
        return [each for each in self.obstacles if each.is_denied]

    @property
    def unanswered(self) -> list[Obstacle]:
        """What nobody can tell, and nothing that is known says no to."""
        return [each for each in self.obstacles if not each.is_denied]

    @property
    def blocking(self) -> list[Obstacle]:
        return [each for each in self.denied if each.is_blocking]

    @property
    def actor(self) -> str:
        """Who has to act on what blocks: `person`, `admin`, or `both`."""
        actors = {str(each.actor) for each in self.blocking}
        return actors.pop() if len(actors) == 1 else "both"

    @property
    def is_waiting(self) -> bool:
        """Whether no worker has begun."""
        return self.verification.is_live and self.verification.started_at is None


def board_of(verification: Verification) -> Board:
    """The board of a verification: one query, however many findings."""
    answers = verification.answers.select_related("finding__last_known")
    found = {(answer.check_name, answer.about): answer.finding for answer in answers}
    rows = _rows(verification, found)
    gates = tuple(
        Gate(verification, gate.value, str(gate.label), tuple(group))
        for gate, group in groupby(rows, key=lambda row: row.check.gate)
    )
    return Board(verification, gates, tuple(rows))


def _alike(verification: Verification, rows: Iterable[Row]) -> list[Obstacle]:
    """Answered rows, those with equal words together."""
    alike: dict[tuple[str, str, bool], list[Row]] = {}
    for row in rows:
        if row.explanation:
            alike.setdefault((row.outcome, row.explanation.title, row.is_denied), []).append(row)
    return [Obstacle(verification, tuple(together)) for together in alike.values()]


def _rows(verification: Verification, found: dict[tuple[str, str], Finding]) -> Sequence[Row]:
    asked = questions(verification.revision)
    answered = [place for place, (check, about) in enumerate(asked) if (check.name, about) in found]
    next_place = max(answered, default=-1) + 1
    rows = []
    for place, (check, about) in enumerate(asked):
        finding = found.get((check.name, about))
        if finding is not None:
            rows.append(_answered(place, check, about, finding))
        else:
            rows.append(Row(place, check, about, _unanswered(verification, place, next_place)))
    return rows


def _answered(place: int, check: Check, about: str, finding: Finding) -> Row:
    standing = finding.standing(timezone.now())
    known = standing if standing is not finding else None
    known_words = explain(known) if known else None
    return Row(place, check, about, finding.outcome, explain(finding), finding, known, known_words)


def _unanswered(verification: Verification, place: int, next_place: int) -> str:
    if not verification.is_live or place < next_place:
        return "skipped"
    return "running" if place == next_place and verification.started_at else "waiting"
