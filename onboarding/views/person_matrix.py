"""Gates and models of one verification: for each model, the worst answer of each gate, and whether it may be used."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from onboarding.catalog import model_label
from onboarding.enums import Outcome, Readiness
from onboarding.views.findings import Board
from onboarding.views.obstacles import Row

# What was never asked is worse than a warning: nobody knows.
_WORST_FIRST = (Outcome.FAILED, Outcome.UNKNOWN, "skipped", Outcome.WARNING, Outcome.PASSED)


@dataclass(frozen=True, slots=True)
class Cell:
    """The worst of a gate's answers about a model, and which check gave it, unless all is well."""

    outcome: str
    check: str


@dataclass(frozen=True, slots=True)
class Line:
    """One of the plan's models. `usable` is a readiness: unknown is never a no."""

    tier: str
    profile: str
    cells: Sequence[Cell]
    usable: str

    @property
    def name(self) -> str:
        return model_label(self.profile)


def matrix_of(board: Board) -> list[Line]:
    """Of a verification that ended, the plan's models in their order: no query."""
    revision = board.verification.revision
    return [
        Line(
            str(tier.label),
            profile,
            [_cell(row for row in gate.rows if row.about in ("", profile)) for gate in board.gates],
            _usable(board, profile),
        )
        for tier, profile in revision.profiles.items()
    ]


def _cell(rows: Iterable[Row]) -> Cell:
    """Of no row at all: nothing to ask about this model."""
    worst = min(rows, key=lambda row: _WORST_FIRST.index(row.outcome), default=None)
    if worst is None or worst.outcome == Outcome.PASSED:
        return Cell(Outcome.PASSED, "")
    return Cell(worst.outcome, str(worst.check.title))


def _usable(board: Board, profile: str) -> str:
    if profile in board.verification.verified_profiles:
        return Readiness.READY
    denied = any(row.is_denied for row in board.rows if row.about in ("", profile))
    return Readiness.BLOCKED if denied else Readiness.UNKNOWN
