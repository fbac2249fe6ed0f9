"""A verification as the pages show it: gates of rows, one row a question, answered or not."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby

from onboarding.catalog import model_label
from onboarding.checks.base import Check
from onboarding.checks.registry import Explanation, explain, questions
from onboarding.enums import Outcome
from onboarding.models import Finding, Verification


@dataclass(frozen=True, slots=True)
class Row:
    """One question. `outcome` is a finding's, or `running`, `waiting` (not yet asked), `skipped` (never asked)."""

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
class Gate:
    """A check and its rows."""

    name: str
    title: str
    rows: tuple[Row, ...]

    @property
    def passed(self) -> int:
        return sum(row.outcome == Outcome.PASSED for row in self.rows)

    @property
    def answered(self) -> int:
        return sum(row.finding is not None for row in self.rows)

    @property
    def total(self) -> int:
        return len(self.rows)


@dataclass(frozen=True, slots=True)
class Board:
    """Everything a page says about one verification."""

    verification: Verification
    gates: tuple[Gate, ...]

    @property
    def rows(self) -> list[Row]:
        return [row for gate in self.gates for row in gate.rows]

    @property
    def open_rows(self) -> list[Row]:
        """What to fix, denials before what nobody could tell."""
        return sorted((row for row in self.rows if row.is_open), key=lambda row: row.outcome != Outcome.FAILED)

    @property
    def answered(self) -> int:
        return sum(row.finding is not None for row in self.rows)

    @property
    def total(self) -> int:
        return len(self.rows)

    def count(self, outcome: Outcome) -> int:
        return sum(row.outcome == outcome for row in self.rows)

    @property
    def failed(self) -> int:
        return self.count(Outcome.FAILED)

    @property
    def passed(self) -> int:
        return self.count(Outcome.PASSED)

    @property
    def warnings(self) -> int:
        return self.count(Outcome.WARNING)

    @property
    def unknown(self) -> int:
        return self.count(Outcome.UNKNOWN)

    @property
    def is_waiting(self) -> bool:
        """Whether no worker has begun."""
        return self.verification.is_live and self.verification.started_at is None


def board_of(verification: Verification) -> Board:
    """The board of a verification: one query, however many findings."""
    found = {answer.position: answer.finding for answer in verification.answers.select_related("finding")}
    rows = _rows(verification, found)
    gates = tuple(
        Gate(check.name, str(check.title), tuple(group)) for check, group in groupby(rows, key=lambda row: row.check)
    )
    return Board(verification, gates)


def _rows(verification: Verification, found: dict[int, Finding]) -> Sequence[Row]:
    next_position = max(found, default=-1) + 1
    rows = []
    for position, (check, about) in enumerate(questions(verification.revision)):
        finding = found.get(position)
        if finding is not None:
            rows.append(Row(check, about, finding.outcome, explain(finding), finding))
        else:
            rows.append(Row(check, about, _unanswered(verification, position, next_position), None, None))
    return rows


def _unanswered(verification: Verification, position: int, next_position: int) -> str:
    if not verification.is_live or position < next_position:
        return "skipped"
    return "running" if position == next_position and verification.started_at else "waiting"
