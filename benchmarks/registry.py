"""What is measured: a module of this package adds entries with `@measures`; `__main__` imports it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple


@dataclass(frozen=True, slots=True)
class Result:
    """One line of the table, one object of results.json. `ok` says whether the figure is within its goal, which is the
    most that is good, or where `at_least`, the least. Without a figure it was not measured, and `detail` says why.
    """

    name: str
    figure: float | None
    unit: str
    goal: float
    ok: bool
    detail: str = ""
    at_least: bool = False


class Figure(NamedTuple):
    """A figure that does not speak for itself, and how it came about."""

    value: float
    detail: str


class NotMeasured(Exception):
    """This machine lacks what the figure needs. The message says what."""


Measure = Callable[[], float | Figure]


@dataclass(frozen=True, slots=True)
class Entry:
    name: str
    unit: str
    goal: float
    measure: Measure
    at_least: bool = False

    def result(self) -> Result:
        try:
            measured = self.measure()
        except NotMeasured as reason:
            return Result(self.name, None, self.unit, self.goal, True, f"not measured: {reason}", self.at_least)
        figure = measured if isinstance(measured, Figure) else Figure(measured, "")
        is_good = figure.value >= self.goal if self.at_least else figure.value <= self.goal
        rounded = round(figure.value, 4)
        return Result(self.name, rounded, self.unit, self.goal, is_good, figure.detail, self.at_least)


ENTRIES: list[Entry] = []


def measures(name: str, *, unit: str, goal: float, at_least: bool = False) -> Callable[[Measure], Measure]:
    """Register a function that returns one figure; `goal` is the most that is good, or where `at_least`, the least."""

    def register(measure: Measure) -> Measure:
        ENTRIES.append(Entry(name, unit, goal, measure, at_least))
        return measure

    return register
