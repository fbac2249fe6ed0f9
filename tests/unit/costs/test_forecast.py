"""Where a month ends if people go on as they did, computed by hand."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from onboarding.costs.forecast import WINDOW, Forecast, forecast

TODAY = dt.date(2026, 11, 20)  # ten days are left after it


def ago(days: int) -> dt.date:
    return TODAY - dt.timedelta(days=days)


def even(amount: str, days: int) -> dict[dt.date, Decimal]:
    return {ago(day): Decimal(amount) for day in range(1, days + 1)}


def test_the_average_of_fourteen_days_is_added_for_each_day_that_is_left_and_the_rest_of_today() -> None:
    days = {**even("10", 30), TODAY: Decimal(4)}

    ahead = forecast(spent=Decimal(194), days=days, today=TODAY)

    assert ahead is not None
    # 19 days at 10 and today's 4, then the 6 that today lacks, then ten days at 10.
    assert (ahead.spent, ahead.per_day, ahead.days_left, ahead.total) == (194, 10, 10, 300)
    assert (ahead.low, ahead.high) == (300, 300)
    assert not ahead.has_range


def test_a_day_that_is_busier_than_the_average_adds_nothing_more() -> None:
    ahead = forecast(spent=Decimal(215), days={**even("10", 14), TODAY: Decimal(25)}, today=TODAY)

    assert ahead is not None
    assert ahead.total == 215 + 10 * 10


def test_the_range_is_the_quieter_and_the_busier_week() -> None:
    days = {ago(day): Decimal(14 if day <= 7 else 7) for day in range(1, 15)}

    ahead = forecast(spent=Decimal(100), days=days, today=TODAY)

    assert ahead is not None
    assert ahead.per_day == Decimal("10.5")
    # Today and ten days more.
    assert (ahead.low, ahead.high) == (100 + 11 * 7, 100 + 11 * 14)
    assert ahead.has_range
    assert ahead.total == Decimal("215.5")


@pytest.mark.parametrize(("high", "shown_apart"), [("1.49", False), ("1.50", True)])
def test_a_range_whose_ends_round_alike_is_none(high: str, *, shown_apart: bool) -> None:
    ahead = Forecast(Decimal(1), Decimal(0), 10, Decimal(1), low=Decimal("0.50"), high=Decimal(high))

    assert ahead.has_range == shown_apart


def test_where_nothing_used_lately_has_a_price_there_is_no_forecast_of_nothing() -> None:
    assert forecast(spent=Decimal(0), days={}, today=TODAY, began=ago(9), unpriced=[ago(9)]) is None
    # Nobody used anything, or some of it has a price.
    assert forecast(spent=Decimal(0), days={}, today=TODAY, began=ago(9)) is not None
    assert forecast(spent=Decimal(9), days=even("1", 9), today=TODAY, began=ago(9), unpriced=[ago(9)]) is not None


def test_days_older_than_fourteen_do_not_count() -> None:
    days = {**even("10", 14), ago(15): Decimal(10_000)}

    ahead = forecast(spent=Decimal(0), days=days, today=TODAY)

    assert ahead is not None
    assert ahead.per_day == 10


def test_days_without_use_count_once_use_began() -> None:
    ahead = forecast(spent=Decimal(0), days={ago(20): Decimal(1), ago(2): Decimal(28)}, today=TODAY)

    assert ahead is not None
    assert ahead.per_day == 2


@pytest.mark.parametrize(("whole_days", "per_day"), [(1, 12), (3, 12)])
def test_young_use_is_averaged_over_its_own_days_and_has_no_range(whole_days: int, per_day: int) -> None:
    ahead = forecast(spent=Decimal(0), days=even("12", whole_days), today=TODAY)

    assert ahead is not None
    assert (ahead.per_day, ahead.low, ahead.high) == (per_day, None, None)


@pytest.mark.parametrize("days", [{}, {TODAY: Decimal(50)}])
def test_without_a_whole_day_there_is_no_forecast(days: dict[dt.date, Decimal]) -> None:
    assert forecast(spent=Decimal(50), days=days, today=TODAY) is None


@pytest.mark.parametrize(
    ("today", "left"),
    [(dt.date(2026, 11, 30), 0), (dt.date(2026, 11, 1), 29), (dt.date(2028, 2, 1), 28), (dt.date(2026, 12, 31), 0)],
)
def test_the_days_left_are_those_after_today(today: dt.date, left: int) -> None:
    ahead = forecast(spent=Decimal(0), days={today - dt.timedelta(days=1): Decimal(3)}, today=today)

    assert ahead is not None
    assert (ahead.days_left, ahead.total) == (left, 3 * (left + 1))


amounts = st.decimals(min_value=0, max_value=10_000, places=9)


@given(st.dictionaries(st.integers(0, 40).map(ago), amounts, min_size=1), amounts)
def test_it_never_ends_below_what_was_used_and_lies_within_its_range(
    days: dict[dt.date, Decimal], spent: Decimal
) -> None:
    ahead = forecast(spent=spent, days=days, today=TODAY)

    if ahead is None:
        assert set(days) == {TODAY}
        return
    assert ahead.total >= spent
    if ahead.low is not None and ahead.high is not None:
        assert (TODAY - min(days)).days >= WINDOW
        # Up to how a quotient of 28 digits is rounded.
        assert ahead.low - Decimal("1e-15") <= ahead.total <= ahead.high + Decimal("1e-15")
