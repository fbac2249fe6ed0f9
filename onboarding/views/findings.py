"""A verification as the pages show it: gates of rows, one row a question, answered or not."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby

from django.utils import timezone

from onboarding.checks.base import Check
from onboarding.checks.registry import explain, questions
from onboarding.enums import Outcome
from onboarding.models import Finding, Verification
from onboarding.views.obstacles import Obstacle, Row, alike


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
        return alike(self.verification, [row for row in self.rows if row.outcome == Outcome.WARNING])

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
        found = alike(self.verification, [row for row in self.rows if row.is_open])
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
    # The rows' order is that of the questions: the database need not sort.
    answers = verification.answers.select_related("finding__last_known").order_by()
    found = {(answer.check_name, answer.about): answer.finding for answer in answers}
    rows = _rows(verification, found)
    gates = tuple(
        Gate(verification, gate.value, str(gate.label), tuple(group))
        for gate, group in groupby(rows, key=lambda row: row.check.gate)
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
