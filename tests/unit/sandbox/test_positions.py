"""Where statements stand in a policy's text, however it is laid out."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sandbox.aws.positions import Position, statement_spans


def cut(text: str) -> list[Any]:
    """The statements, cut out of the text by their spans."""
    lines = text.split("\n")
    starts = [sum(len(line) + 1 for line in lines[:number]) for number in range(len(lines))]

    def offset(position: Position) -> int:
        return starts[position.line - 1] + position.column - 1

    spans = statement_spans(text)
    return [json.loads(text[offset(span.start) : offset(span.end)]) for span in spans]


def test_on_one_line_columns_count_from_one() -> None:
    text = '{"Version": "2012-10-17", "Statement": [{"Sid": "A"}, {"Sid": "B"}]}'
    first, second = statement_spans(text)
    assert (first.start, first.end) == (Position(1, 41), Position(1, 53))
    assert text[second.start.column - 1 : second.end.column - 1] == '{"Sid": "B"}'


def test_on_several_lines_columns_start_again() -> None:
    text = '{\n  "Statement": [\n    {\n      "Sid": "A"\n    }\n  ]\n}'
    (span,) = statement_spans(text)
    assert (span.start, span.end) == (Position(3, 5), Position(5, 6))


@pytest.mark.parametrize(
    ("text", "statements"),
    [
        ('{"Statement": {"Sid": "A"}}', [{"Sid": "A"}]),
        ('{"Statement": []}', []),
        (
            '{"Id": "Statement", "Statement": [{"Sid": "{\\"Statement\\": ["}], "Version": "x"}',
            [{"Sid": '{"Statement": ['}],
        ),
        ('  {"Id": {"Statement": [1]} , "Statement" :[ {} ,\t{"Sid":"]"} ] }', [{}, {"Sid": "]"}]),
    ],
)
def test_other_ways_to_write_it(text: str, statements: list[Any]) -> None:
    assert cut(text) == statements


@given(
    st.lists(st.dictionaries(st.text(max_size=5), st.text(max_size=9) | st.lists(st.text(max_size=5)), max_size=3)),
    st.sampled_from([None, 0, 2]),
)
def test_every_statement_is_found_again(statements: list[Any], indent: int | None) -> None:
    assert cut(json.dumps({"Version": "2012-10-17", "Statement": statements}, indent=indent)) == statements
