"""Charts as geometry: what stands where."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from onboarding.views import charts

DAYS = [dt.date(2026, 11, number) for number in range(1, 31)]
AMOUNTS = st.decimals(0, 10**7, places=9)


def test_the_largest_five_have_a_colour_and_the_rest_is_one() -> None:
    amounts = {name: Decimal(ord(name)) for name in "abcdefg"}

    series = charts.choose_series(amounts)

    assert [(each.key, each.css) for each in series[:5]] == [
        ("g", "s1"),
        ("f", "s2"),
        ("e", "s3"),
        ("d", "s4"),
        ("c", "s5"),
    ]
    assert series[5] == charts.Series("", "s6", is_other=True)
    assert not any(each.is_other for each in charts.choose_series({name: Decimal(1) for name in "abcde"}))


@pytest.mark.parametrize(
    ("highest", "expected"),
    [
        ("370", ["0", "100", "200", "300", "400"]),
        ("400", ["0", "100", "200", "300", "400"]),
        ("401", ["0", "200", "400", "600"]),
        ("9.99", ["0", "2.5", "5.0", "7.5", "10.0"]),
        ("0.000000001", ["0", "2.5E-10", "5.0E-10", "7.5E-10", "1.00E-9"]),
        ("0", ["0", "1"]),
    ],
)
def test_grid_lines_stand_at_round_amounts(highest: str, expected: list[str]) -> None:
    drawn = charts.stacked(DAYS[:1], [[Decimal(highest)]], charts.choose_series({"a": Decimal(1)}))

    assert [line.amount for line in drawn.lines] == [Decimal(amount) for amount in expected]
    assert (drawn.lines[0].y, drawn.lines[-1].y) == ("224.0", "10.0")


def test_parts_stand_on_one_another_and_days_beside_one_another() -> None:
    series = charts.choose_series({"a": Decimal(30), "b": Decimal(10)})
    drawn = charts.stacked(
        DAYS[:2], [[Decimal(300), Decimal(100)], [Decimal(), Decimal(200)]], series, unbilled=[DAYS[1]], width=852
    )

    # 400 are 214 high, from 224 up to 10; a bar has 68 % of its half of 800.
    assert [(bar.css, bar.x, bar.width, bar.y, bar.height) for bar in drawn.bars] == [
        ("s1", "116.0", "272.0", "63.5", "159.5"),
        ("s2", "116.0", "272.0", "10.0", "52.5"),
        ("s2", "516.0", "272.0", "117.0", "106.0"),
    ]
    assert [(bar.x, bar.y, bar.height) for bar in drawn.hatched] == [("516.0", "117.0", "107.0")]


@given(st.lists(st.lists(AMOUNTS, min_size=3, max_size=3), max_size=40))
def test_no_bar_leaves_the_plot(stacks: list[list[Decimal]]) -> None:
    series = charts.choose_series(dict.fromkeys("abc", Decimal(1)))
    days = [dt.date(2026, 1, 1) + dt.timedelta(days=number) for number in range(len(stacks))]

    drawn = charts.stacked(days, stacks, series, unbilled=days)

    for bar in [*drawn.bars, *drawn.hatched]:
        assert float(bar.x) >= 51.9
        assert float(bar.x) + float(bar.width) <= 860.1
        assert float(bar.y) >= 9.9
        assert float(bar.y) + float(bar.height) <= 224.1
    assert len(drawn.marks) <= 16
    assert len(drawn.lines) <= 5


@given(st.lists(AMOUNTS, min_size=1, max_size=31))
def test_small_bars_are_as_tall_as_their_days_are_dear(amounts: list[Decimal]) -> None:
    bars = charts.spark(amounts)

    assert len(bars) == len(amounts)
    assert all(float(bar.x) >= 0 and float(bar.x) + float(bar.width) <= 280.1 for bar in bars)
    assert all(float(bar.y) + float(bar.height) == pytest.approx(56, abs=0.11) for bar in bars)
    assert all(1 <= float(bar.height) <= 56 for bar in bars)
    by_amount = [float(bar.height) for _, bar in sorted(zip(amounts, bars, strict=True), key=lambda pair: pair[0])]
    assert by_amount == sorted(by_amount)
    assert not any(amounts) or by_amount[-1] == 56


def test_the_course_of_a_month_runs_to_today_and_its_forecast_to_the_end() -> None:
    drawn = charts.course(
        DAYS,
        {DAYS[0]: Decimal(100), DAYS[2]: Decimal(100)},
        DAYS[2],
        forecast=Decimal(300),
        limit=Decimal(400),
        width=348,
        start=0,
    )

    # A day is 342 / 29 wide, and 400 are 214 high.
    assert drawn.spent == "M0.0 170.5 L11.8 170.5 L23.6 117.0"
    assert drawn.ahead == "M23.6 117.0 L342.0 63.5"
    assert drawn.limit is not None
    assert drawn.limit.y == "10.0"
    assert [mark.day.day for mark in drawn.marks] == [1, 11, 21, 30]


def test_a_month_in_which_nothing_was_used() -> None:
    drawn = charts.course(DAYS, {}, DAYS[0], forecast=None, limit=None)

    assert (drawn.spent, drawn.ahead, drawn.limit) == ("M52.0 224.0", "", None)
    assert charts.course(DAYS, {}, dt.date(2026, 10, 1), forecast=None, limit=None).spent == ""
    assert charts.stacked([], [], []).bars == []
