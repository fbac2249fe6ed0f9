"""What is read of a log's lines, and what is passed over."""

from __future__ import annotations

from typing import Any

import pytest

from onboarding.costs.records import Input, Record, read_lines
from tests.unit.costs.logs import ANA, joined, line, split_body


def _read(record: dict[str, Any]) -> Record:
    (found,), unreadable = read_lines(joined(record))
    assert unreadable == 0
    return found


def test_the_counts_and_the_caller_are_read() -> None:
    found = _read(line(request="915a6a04-3f83-4c70-a277-7fbf7ea546b3"))
    assert (found.arn, found.request_id) == (ANA, "915a6a04-3f83-4c70-a277-7fbf7ea546b3")
    assert found.input == Input(3, 24_101, 936)
    assert found.output is not None
    assert found.output.output_token_count == 412


@pytest.mark.parametrize(
    ("identity", "arn"),
    [({"arn": ANA}, ANA), ([{"arn": ANA}], ANA), ([], ""), ({}, ""), (None, "")],
)
def test_both_shapes_of_identity_are_read(identity: object, arn: str) -> None:
    assert _read(line(identity=identity)).arn == arn


def test_an_error_has_no_output() -> None:
    record = line(errorCode="ThrottlingException", status="429")
    del record["output"]
    assert _read(record).output is None


@pytest.mark.parametrize(
    ("body", "hour"),
    [
        (split_body(936, 0), 0),
        (split_body(0, 936), 936),
        ([{"type": "ping"}, *split_body(0, 936)], 936),
        ({"type": "message", "usage": {"cache_creation": {"ephemeral_1h_input_tokens": 7}}}, 7),
        ({"type": "message", "usage": {"output_tokens": 3}}, None),
        ([], None),
        (None, None),
        ("not what anybody expects", None),
        ([["nor", "this"]], None),
        ({"usage": {"cache_creation": {"ephemeral_1h_input_tokens": "some"}}}, None),
        (split_body(936, -936), None),
    ],
)
def test_only_a_body_says_how_long_the_cache_keeps_what_was_written(body: object, hour: int | None) -> None:
    record = line()
    record["output"]["outputBodyJson"] = body
    found = _read(record)
    assert found.output is not None
    stream = found.output.output_body_json
    assert (stream.hour_writes if stream else None) == hour
    assert found.output.output_token_count == 412


def test_a_line_that_is_none_costs_no_other() -> None:
    good = line()
    for bad in (b"{", b'{"timestamp": 3}', b"\xff\xfe", b"[]", b"null", b"plain text"):
        found, unreadable = read_lines(bad + b"\n" + joined(good) + b"\n")
        assert ([each.request_id for each in found], unreadable) == ([good["requestId"]], 1), bad


@pytest.mark.parametrize("body", [None, split_body(900, 36), {"usage": {"cache_creation": None}}, "none of these"])
@pytest.mark.parametrize(("written", "read"), [(None, 0), (5.0, 5), (0.0, 0)])
def test_a_count_that_is_null_is_none_and_a_whole_one_may_have_a_point(
    written: object, read: int, body: object
) -> None:
    record = line()
    record["input"]["cacheReadInputTokenCount"] = record["output"]["outputTokenCount"] = written
    record["output"]["outputBodyJson"] = body
    found = _read(record)
    assert (found.input, found.arn) == (Input(3, read, 936), ANA)
    assert found.output is not None
    assert found.output.output_token_count == read


@pytest.mark.parametrize("count", [-1, 5.5, -2.0, 1_000_000_001, 10**30, True, {}])
@pytest.mark.parametrize(("part", "name"), [("input", "cacheWriteInputTokenCount"), ("output", "outputTokenCount")])
def test_a_line_with_a_count_that_is_none_is_unreadable(part: str, name: str, count: object) -> None:
    record = line()
    record[part][name] = count
    assert read_lines(joined(record)) == ([], 1)


def test_nothing_of_a_prompt_becomes_an_object() -> None:
    """The whole of what is kept of a record, as text: no word that somebody wrote is in it."""
    record = line(requestMetadata={"note": "CANARY"})
    record["input"]["inputBodyJson"] = {"messages": [{"role": "user", "content": "CANARY"}]}
    record["output"]["outputBodyJson"] = split_body(936, 0, text="CANARY")
    assert "CANARY" not in repr(_read(record))
