"""Text from people inside Markdown: shown as typed, never read as markup."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from functools import lru_cache

# Line and paragraph ends, controls, and halves of characters that no encoding takes.
_BREAKING = {"Cc", "Zl", "Zp", "Cs"}
# Marks that turn the direction of what follows; one of them could close the isolate around a name.
_DIRECTIONAL = re.compile("[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]")
# Markup, and what GitHub's Markdown turns into a link without being asked.
_MARKUP = re.compile(r"[\\`*_\[\]|~#$!]|:(?=//)|(?<=www)\.", re.IGNORECASE)
_ENTITIES = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;"})


@lru_cache(maxsize=1024)
def text(value: str) -> str:
    """`value` on one line, with nothing in it that Markdown or embedded HTML gives a meaning."""
    return _MARKUP.sub(r"\\\g<0>", line(value)).translate(_ENTITIES)


def isolated(value: str) -> str:
    """As `text`, and its writing direction stays its own (U+2068 to U+2069)."""
    return f"\u2068{text(value)}\u2069"


@lru_cache(maxsize=1024)
def code(value: str) -> str:
    """`value` as a code span, fenced by more backticks than it holds in a row."""
    value = line(value)
    longest = max((len(run) for run in re.findall("`+", value)), default=0)
    fence = "`" * (longest + 1)
    padding = " " if longest else ""
    return f"{fence}{padding}{value}{padding}{fence}"


def block(language: str, *lines: str) -> str:
    return "\n".join([f"```{language}", *lines, "```"])


def table(headings: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> str:
    return "\n".join(_row(cells) for cells in [headings, ("---",) * len(headings), *rows])


def bullets(items: list[str]) -> str:
    return "\n".join(f"- {item}" for item in items)


def _row(cells: tuple[str, ...]) -> str:
    return f"| {' | '.join(cells)} |"


def line(value: str) -> str:
    """`value` on one line, without controls and marks of direction."""
    return " ".join("".join(_shown(character) for character in _DIRECTIONAL.sub("", value)).split())


def _shown(character: str) -> str:
    return " " if unicodedata.category(character) in _BREAKING else character
