"""What is measured: a module of this package adds entries with `@measures`; `__main__` imports it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Result:
    """One line of the table, one object of results.json. `ok` says whether the figure is within its goal."""

    name: str
    figure: float
    unit: str
    goal: float
    ok: bool


@dataclass(frozen=True, slots=True)
class Entry:
    name: str
    unit: str
    goal: float  # the figure may not be above it
    measure: Callable[[], float]

    def result(self) -> Result:
        figure = self.measure()
        return Result(self.name, round(figure, 4), self.unit, self.goal, figure <= self.goal)


ENTRIES: list[Entry] = []


def measures(name: str, *, unit: str, goal: float) -> Callable[[Callable[[], float]], Callable[[], float]]:
    """Register a function that returns one figure; lower is better, `goal` is the most that is good."""

    def register(measure: Callable[[], float]) -> Callable[[], float]:
        ENTRIES.append(Entry(name, unit, goal, measure))
        return measure

    return register
