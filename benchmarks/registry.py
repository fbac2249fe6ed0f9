"""What is measured: a module of this package adds entries with `@measures`; `__main__` imports it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple


@dataclass(frozen=True, slots=True)
class Result:
    """One line of the table, one object of results.json. `ok` says whether the figure is within its goal."""

    name: str
    figure: float
    unit: str
    goal: float
    ok: bool
    detail: str = ""


class Figure(NamedTuple):
    """A figure that does not speak for itself, and how it came about."""

    value: float
    detail: str


Measure = Callable[[], float | Figure]


@dataclass(frozen=True, slots=True)
class Entry:
    name: str
    unit: str
    goal: float  # the figure may not be above it
    measure: Measure

    def result(self) -> Result:
        measured = self.measure()
        figure = measured if isinstance(measured, Figure) else Figure(measured, "")
        is_good = figure.value <= self.goal
        return Result(self.name, round(figure.value, 4), self.unit, self.goal, is_good, figure.detail)


ENTRIES: list[Entry] = []


def measures(name: str, *, unit: str, goal: float) -> Callable[[Measure], Measure]:
    """Register a function that returns one figure; lower is better, `goal` is the most that is good."""

    def register(measure: Measure) -> Measure:
        ENTRIES.append(Entry(name, unit, goal, measure))
        return measure

    return register
