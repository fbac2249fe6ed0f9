"""Where the statements of a policy stand in its text, as IAM's simulator tells it; pure."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass

_DECODER = json.JSONDecoder()


@dataclass(frozen=True, slots=True)
class Position:
    """A character of a text; both count from 1."""

    line: int
    column: int


@dataclass(frozen=True, slots=True)
class Span:
    """From a statement's opening brace to the character after its closing one."""

    start: Position
    end: Position


def statement_spans(text: str) -> tuple[Span, ...]:
    """The spans of a policy's statements, in order; `text` must be a JSON object with a Statement."""
    offsets = _objects(text, _statement_offset(text))
    return tuple(Span(_position(text, start), _position(text, end)) for start, end in offsets)


def _position(text: str, offset: int) -> Position:
    return Position(text.count("\n", 0, offset) + 1, offset - text.rfind("\n", 0, offset))


def _skip(text: str, at: int, signs: str) -> int:
    """The offset of the next character that is neither white space nor one of `signs`."""
    while text[at].isspace() or text[at] in signs:
        at += 1
    return at


def _statement_offset(text: str) -> int:
    """Where the value of the document's Statement begins."""
    at = _skip(text, 0, "{")
    while True:
        name, at = _DECODER.raw_decode(text, at)
        at = _skip(text, at, ":")
        if name == "Statement":
            return at
        _, at = _DECODER.raw_decode(text, at)
        at = _skip(text, at, ",")


def _objects(text: str, at: int) -> Iterator[tuple[int, int]]:
    """Start and end of the one object at this offset, or of each in the list that begins there."""
    is_list = text[at] == "["
    at = _skip(text, at + 1, "") if is_list else at
    while text[at] != "]":
        _, end = _DECODER.raw_decode(text, at)
        yield at, end
        if not is_list:
            return
        at = _skip(text, end, ",")
