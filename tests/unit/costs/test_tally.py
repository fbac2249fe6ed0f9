"""Counting: each request once, whatever the order, the repetition and the cuts."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from onboarding.costs.records import read_lines
from onboarding.costs.tally import Counts, Tally, Used, request_ids
from tests.unit.costs.logs import ANA, SONNET, joined, line, records, split_body

NOW = dt.datetime(2026, 11, 25, 12, tzinfo=dt.UTC)


def _nothing(_hour: dt.datetime) -> Iterator[int]:
    return iter(())


def _tally(*pieces: bytes) -> Tally:
    tally = Tally(_nothing, NOW)
    for piece in pieces:
        tally.add(*read_lines(piece))
    return tally


def test_tokens_add_up_by_day_caller_and_model() -> None:
    tally = _tally(joined(line(), line(tokens=(7, 88, 0, 0)), line(at="2026-11-21T00:00:00Z", tokens=(1, 0, 0, 0))))
    first, second = dt.date(2026, 11, 20), dt.date(2026, 11, 21)
    assert tally.used == {
        Used(first, ANA, SONNET, False): Counts(input=10, output=500, cache_read=24_101, cache_write=936),
        Used(second, ANA, SONNET, False): Counts(input=1),
    }
    assert (tally.lines, tally.new, tally.duplicates) == (3, 3, 0)


@pytest.mark.parametrize(("read", "is_long"), [(199_061, False), (199_062, True)])
def test_a_prompt_is_long_above_200_000_tokens_of_every_class(read: int, is_long: bool) -> None:
    (used,) = _tally(joined(line(tokens=(3, 5, read, 936)))).used
    assert used.is_long_prompt is is_long


@pytest.mark.parametrize(("read", "is_long"), [(99_997, False), (99_998, True)])
def test_whoever_makes_a_tally_says_from_where_on_a_prompt_is_long(read: int, is_long: bool) -> None:
    tally = Tally(_nothing, NOW, limit=lambda _model: 100_000)
    tally.add(*read_lines(joined(line(tokens=(3, 5, read, 0)))))
    (used,) = tally.used
    assert used.is_long_prompt is is_long


def test_writes_are_split_where_the_body_says_so() -> None:
    record = line(tokens=(3, 5, 0, 936))
    record["output"]["outputBodyJson"] = split_body(900, 36)
    (counts,) = _tally(joined(record)).used.values()
    assert (counts.cache_write, counts.cache_write_5m, counts.cache_write_1h) == (0, 900, 36)


def test_an_error_is_known_and_costs_nothing() -> None:
    record = line(errorCode="AccessDeniedException")
    del record["output"]
    tally = _tally(joined(record))
    assert (tally.new, tally.used) == (1, {})


def test_an_answer_without_what_was_asked_is_in_no_figure_and_told() -> None:
    record = line()
    record["input"] = None
    tally = _tally(joined(record, line()))
    assert (tally.lines, tally.new, tally.unreadable, tally.duplicates) == (2, 1, 1, 0)


@pytest.mark.parametrize(
    ("at", "unreadable", "too_old"),
    [
        ("yesterday, at noon", 1, 0),
        ("", 1, 0),
        ("2026-13-01T00:00:00Z", 1, 0),
        ("2026-08-01T00:00:00Z", 0, 1),
        ("2027-11-20T14:03:17Z", 1, 0),
    ],
)
def test_a_time_out_of_reach_is_counted_as_such(at: str, unreadable: int, too_old: int) -> None:
    for tally in (_tally(joined(line(at=at))), _tally(joined(line(at=at), line()))):
        assert (tally.unreadable, tally.too_old, tally.duplicates) == (unreadable, too_old, 0)


def _shifted(uuid: str, at: int) -> str:
    """As long as a UUID, with one of its dashes elsewhere, or one too many or too few."""
    return uuid[:at] + ("-" if uuid[at] != "-" else "0") + uuid[at + 1 :]


_NEARLY = st.builds(_shifted, st.uuids().map(str), st.integers(0, 35))
_NAMES = (
    st.text(min_size=1, max_size=40)
    | _NEARLY
    | st.uuids().map(str)
    | st.from_regex(r"[0-9a-f \n-]{36}", fullmatch=True)
)


@given(st.lists(_NAMES, unique=True, max_size=20))
def test_ids_that_are_no_uuids_are_told_apart(names: list[str]) -> None:
    assert len(set(request_ids(names))) == len(names)
    assert list(request_ids(names)) == [request_ids([name])[0] for name in names]


def test_an_id_is_the_same_alone_and_among_others() -> None:
    uuid, other = "915a6a04-3f83-4c70-a277-7fbf7ea546b3", "x" * 36
    assert request_ids([uuid, uuid])[0] == request_ids([uuid, other])[0] == request_ids([other, uuid])[1]
    assert request_ids([uuid])[0] == int.from_bytes(bytes.fromhex("915a6a043f834c70"), "little")


@given(st.data(), st.lists(records(), min_size=1, max_size=12))
def test_order_repetition_and_cuts_do_not_matter(data: st.DataObject, made: list[dict[str, Any]]) -> None:
    repeated = data.draw(st.permutations(made + data.draw(st.lists(st.sampled_from(made), max_size=8))))
    cuts = data.draw(st.lists(st.integers(0, len(repeated)), max_size=4).map(sorted))
    bounds = zip([0, *cuts], [*cuts, len(repeated)], strict=True)
    tally = _tally(*(joined(*repeated[start:end]) for start, end in bounds))
    assert tally.used == _tally(joined(*made)).used
    assert (tally.new, tally.duplicates) == (len(made), len(repeated) - len(made))
