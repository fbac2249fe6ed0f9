"""Charts as geometry: where rectangles and lines stand in an SVG. Pure; templates draw them and put words on them.

Coordinates are texts with one decimal, since a template would write a number in the reader's language.
"""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

_SERIES = 5  # as many as have a colour of their own
_TOP, _BOTTOM = 10.0, 224.0  # of the plot
_STEPS = (Decimal(1), Decimal(2), Decimal("2.5"), Decimal(5), Decimal(10))
_LINES = 4  # above the zero line
_GAP = 1.0  # between the parts of a bar
_THINNEST = 0.05  # what is drawn: less would be written as no height at all


@dataclass(frozen=True, slots=True)
class Bar:
    """A part of a day's bar. `css` is s1 to s6, in the order of the series."""

    x: str
    y: str
    width: str
    height: str
    css: str


@dataclass(frozen=True, slots=True)
class Line:
    """A line of the grid, and the amount it stands for."""

    y: str
    text_y: str
    amount: Decimal


@dataclass(frozen=True, slots=True)
class Mark:
    """A day under the axis."""

    x: str
    day: dt.date


@dataclass(frozen=True, slots=True)
class Stacked:
    """Bars of days, each a stack of amounts. `hatched` are the areas of days that are not billed yet."""

    bars: Sequence[Bar]
    hatched: Sequence[Bar]
    lines: Sequence[Line]
    marks: Sequence[Mark]


@dataclass(frozen=True, slots=True)
class Series:
    """What is told apart in a chart: a key, and the class that colours it. `is_other` holds the rest together."""

    key: str
    css: str
    is_other: bool = False


def choose_series(amounts: Mapping[str, Decimal]) -> list[Series]:
    """The largest groups, each with its colour, and the others as one where there are more than colours."""
    ranked = sorted(amounts, key=lambda key: (-amounts[key], key))
    shown = [Series(key, f"s{place}") for place, key in enumerate(ranked[:_SERIES], 1)]
    return [*shown, Series("", f"s{_SERIES + 1}", is_other=True)] if len(ranked) > _SERIES else shown


def stacked(
    days: Sequence[dt.date],
    stacks: Sequence[Sequence[Decimal]],
    series: Sequence[Series],
    *,
    unbilled: Iterable[dt.date] = (),
    width: int = 860,
    start: int = 52,
) -> Stacked:
    """A bar a day from `start` to `width`, whose parts are stacked in the order of the series, the first below."""
    grid, top = _grid(max((sum(parts, Decimal()) for parts in stacks), default=Decimal()))
    slot = (width - start) / max(len(days), 1)
    thick, hidden = slot * 0.68, frozenset(unbilled)
    bars: list[Bar] = []
    hatched: list[Bar] = []
    for place, (day, parts) in enumerate(zip(days, stacks, strict=True)):
        x, floor = start + place * slot + (slot - thick) / 2, _BOTTOM
        for each, amount in zip(series, parts, strict=True):
            height = float(amount / top) * (_BOTTOM - _TOP)
            if height >= _THINNEST:
                # A part thinner than the gap would be lost to it.
                drawn = height - _GAP if height > 2 * _GAP else height
                bars.append(Bar(_at(x), _at(floor - height), _at(thick), _at(drawn), each.css))
                floor -= height
        if day in hidden and floor < _BOTTOM:
            hatched.append(Bar(_at(x), _at(floor), _at(thick), _at(_BOTTOM - floor), "hatched"))
    return Stacked(bars, hatched, grid, _marks(days, start, slot))


def spark(amounts: Sequence[Decimal], *, width: int = 280, height: int = 56) -> list[Bar]:
    """A bar for each of a few amounts, without grid and words; for nothing, a line at the foot."""
    top, slot = max(amounts, default=Decimal()), width / max(len(amounts), 1)
    bars = []
    for place, amount in enumerate(amounts):
        tall = max(float(amount / top) * height if top else 0.0, _GAP)
        bars.append(Bar(_at(place * slot), _at(height - tall), _at(slot * 0.75), _at(tall), "s1"))
    return bars


def _grid(highest: Decimal) -> tuple[list[Line], Decimal]:
    """Lines at round amounts up to the first that is not below the highest one; the zero line first."""
    step = _step(highest)
    count = max(1, math.ceil(highest / step))
    top = step * count
    return [_line(step * number, top) for number in range(count + 1)], top


def _step(highest: Decimal) -> Decimal:
    """The least of 1, 2, 2.5 and 5 times a power of ten that needs no more than four lines."""
    if highest <= 0:
        return Decimal(1)
    scale = Decimal(1).scaleb((highest / _LINES).adjusted())
    return next(scale * step for step in _STEPS if scale * step * _LINES >= highest)


def _line(amount: Decimal, top: Decimal) -> Line:
    y = _BOTTOM - float(amount / top) * (_BOTTOM - _TOP)
    return Line(_at(y), _at(y + 4), amount)


def _marks(days: Sequence[dt.date], start: float, slot: float) -> list[Mark]:
    """As many days as can be read: every other one of a month, about every twelfth of a year."""
    every = max(1, -(-len(days) // 16))
    return [Mark(_at(start + (place + 0.5) * slot), day) for place, day in enumerate(days) if place % every == 0]


@dataclass(frozen=True, slots=True)
class Course:
    """What was spent so far in a month, where that leads, and the limit. Paths are of SVG; empty where there is none.

    `now` is where the spent line ends; `end` is where the forecast does.
    """

    spent: str
    ahead: str
    now: tuple[str, str]
    end: tuple[str, str]
    limit: Line | None
    lines: Sequence[Line]
    marks: Sequence[Mark]


def course(
    days: Sequence[dt.date],
    spent: Mapping[dt.date, Decimal],
    today: dt.date,
    *,
    forecast: Decimal | None,
    limit: Decimal | None,
    width: int = 310,
    start: int = 52,
) -> Course:
    """The running sum of a month's days up to today, in the space from `start` to `width`."""
    sums: list[Decimal] = []
    for day in days:
        if day <= today:
            sums.append((sums[-1] if sums else Decimal()) + spent.get(day, Decimal()))
    highest = max([*sums[-1:], forecast or Decimal(), limit or Decimal()], default=Decimal())
    lines, top = _grid(highest)
    slot = (width - start - 6) / max(len(days) - 1, 1)
    points = [(_at(start + place * slot), _line(amount, top).y) for place, amount in enumerate(sums)]
    now = points[-1] if points else (_at(start), _at(_BOTTOM))
    end = (_at(start + (len(days) - 1) * slot), _line(forecast or Decimal(), top).y)
    return Course(
        spent=_path(points),
        ahead=_path([now, end]) if forecast is not None else "",
        now=now,
        end=end,
        limit=_line(limit, top) if limit is not None else None,
        lines=lines,
        marks=[Mark(_at(start + place * slot), days[place]) for place in _few(len(days))],
    )


def _few(count: int) -> list[int]:
    """The first, the last, and two between them."""
    return sorted({0, count // 3, 2 * count // 3, count - 1}) if count else []


def _path(points: Sequence[tuple[str, str]]) -> str:
    return "M" + " L".join(f"{x} {y}" for x, y in points) if points else ""


def _at(value: float) -> str:
    return f"{value:.1f}"
