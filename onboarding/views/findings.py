"""A verification as the pages show it: gates of rows, one row a question, answered or not."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby

from django.utils.translation import gettext

from onboarding.catalog import model_label
from onboarding.checks.base import Check
from onboarding.checks.registry import Explanation, explain, paste_for, questions
from onboarding.enums import Outcome
from onboarding.models import Finding, Verification


@dataclass(frozen=True, slots=True)
class Row:
    """One question. `outcome` is a finding's, or `running`, `waiting` (not yet asked), `skipped` (never asked)."""

    position: int
    check: Check
    about: str
    outcome: str
    explanation: Explanation | None
    finding: Finding | None

    @property
    def name(self) -> str:
        return model_label(self.about) if self.about else str(self.check.title)

    @property
    def checked_at(self) -> dt.datetime | None:
        return self.finding.checked_at if self.finding else None

    @property
    def is_open(self) -> bool:
        """Whether somebody should look at it first."""
        return self.outcome in (Outcome.FAILED, Outcome.UNKNOWN)


@dataclass(frozen=True, slots=True)
class Obstacle:
    """Open rows that say the same, such as one policy that denies three models: one thing to fix, not three."""

    verification: Verification
    rows: tuple[Row, ...]

    @property
    def first(self) -> Row:
        return self.rows[0]

    @property
    def outcome(self) -> str:
        return self.first.outcome

    @property
    def is_blocking(self) -> bool:
        """Whether the person's default model needs this; otherwise it keeps other models out."""
        return any(row.about in ("", self.verification.revision.default_profile) for row in self.rows)

    @property
    def explanation(self) -> Explanation:
        return self._explanations[0]

    @property
    def names(self) -> str:
        """The models it is about; nothing when it is about the person."""
        return ", ".join(row.name for row in self.rows if row.about)

    @property
    def summaries(self) -> list[str]:
        return list(dict.fromkeys(explanation.summary for explanation in self._explanations))

    @property
    def remedies(self) -> list[str]:
        return list(dict.fromkeys(each.remedy for each in self._explanations if each.remedy))

    @property
    def evidence(self) -> list[tuple[tuple[str, str], ...]]:
        return [explanation.evidence for explanation in self._explanations]

    @property
    def paste(self) -> str:
        """The exact thing to paste somewhere, for all the rows at once."""
        return paste_for([row.finding for row in self.rows if row.finding])

    @property
    def paste_id(self) -> str:
        """The id of the element that holds it, for the copy button."""
        return f"paste-{self.first.position}"

    @property
    def message_id(self) -> str:
        return f"message-{self.first.position}"

    @property
    def message(self) -> str:
        """Everything a colleague needs to fix it, as plain text to send."""
        paragraphs = [self.explanation.title, *self.summaries, *self.remedies, self.paste]
        paragraphs += ["\n".join(f"{label}: {value}" for label, value in rows) for rows in self.evidence]
        paragraphs.append(self._whom)
        return "\n\n".join(dict.fromkeys(paragraph for paragraph in paragraphs if paragraph))

    @property
    def _explanations(self) -> list[Explanation]:
        return [row.explanation for row in self.rows if row.explanation]

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

    def _count(self, outcome: Outcome) -> int:
        return sum(row.outcome == outcome for row in self.rows)


@dataclass(frozen=True)
class Gate(Counted):
    """A check and its rows."""

    name: str
    title: str
    rows: tuple[Row, ...]

    @property
    def settled(self) -> list[Row]:
        """The rows that nobody needs to look at first."""
        return [row for row in self.rows if not row.is_open]


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
        alike: dict[tuple[str, str], list[Row]] = {}
        for row in self.rows:
            if row.is_open and row.explanation:
                alike.setdefault((row.outcome, row.explanation.title), []).append(row)
        found = [Obstacle(self.verification, tuple(rows)) for rows in alike.values()]
        return sorted(found, key=lambda each: (each.outcome != Outcome.FAILED, not each.is_blocking))

    @property
    def blocking(self) -> list[Obstacle]:
        return [each for each in self.obstacles if each.is_blocking and each.outcome == Outcome.FAILED]

    @property
    def actor(self) -> str:
        """Who has to act on what blocks: `person`, `admin`, or `both`."""
        actors = {str(each.explanation.actor) for each in self.blocking}
        return actors.pop() if len(actors) == 1 else "both"

    @property
    def is_waiting(self) -> bool:
        """Whether no worker has begun."""
        return self.verification.is_live and self.verification.started_at is None


def board_of(verification: Verification) -> Board:
    """The board of a verification: one query, however many findings."""
    answers = verification.answers.select_related("finding")
    found = {(answer.check_name, answer.about): answer.finding for answer in answers}
    rows = _rows(verification, found)
    gates = tuple(
        Gate(check.name, str(check.title), tuple(group)) for check, group in groupby(rows, key=lambda row: row.check)
    )
    return Board(verification, gates, tuple(rows))


def _rows(verification: Verification, found: dict[tuple[str, str], Finding]) -> Sequence[Row]:
    asked = questions(verification.revision)
    answered = [place for place, (check, about) in enumerate(asked) if (check.name, about) in found]
    next_place = max(answered, default=-1) + 1
    rows = []
    for place, (check, about) in enumerate(asked):
        finding = found.get((check.name, about))
        if finding is not None:
            rows.append(Row(place, check, about, finding.outcome, explain(finding), finding))
        else:
            rows.append(Row(place, check, about, _unanswered(verification, place, next_place), None, None))
    return rows


def _unanswered(verification: Verification, place: int, next_place: int) -> str:
    if not verification.is_live or place < next_place:
        return "skipped"
    return "running" if place == next_place and verification.started_at else "waiting"
