"""Text from people in Markdown: read back as text by a real reader, and nothing else."""

from __future__ import annotations

import pytest
from hypothesis import example, given

from onboarding.bundles.markdown import code, isolated, text
from tests.unit.bundles.examples import hostile_text

markdown_it = pytest.importorskip("markdown_it", reason="markdown-it-py is not installed here")
READER = markdown_it.MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"])


def kinds(source: str) -> set[str]:
    return {child.type for token in READER.parse(source) for child in (token.children or [token])}


@given(hostile_text)
@example('<b>"O\'Brien"</b> & `$(x)` *a* _b_ [c](d) ![e](f) ~~g~~ | https://h www.i \\')
@example("- 1. # > +")
def test_a_name_is_text_and_nothing_but_text(name: str) -> None:
    source = f"For {isolated(name)}."
    assert kinds(source) <= {"paragraph_open", "paragraph_close", "text", "text_special"}
    shown = "".join(child.content for token in READER.parse(source) for child in token.children or [])
    assert shown.startswith("For \u2068")
    assert shown.endswith("\u2069.")
    isolate = shown[len("For \u2068") : -len("\u2069.")]
    assert isolate == " ".join(isolate.split())
    assert not set(isolate) & set("\u2066\u2067\u2068\u2069\u202a\u202b\u202c\u202d\u202e\n\r\0\x1b")


def test_letters_and_plain_punctuation_stay() -> None:
    assert text("Zoë O'Brien-Núñez (שלום), 👩🏽‍💻 Jr.") == "Zoë O'Brien-Núñez (שלום), 👩🏽‍💻 Jr."


@given(hostile_text)
def test_a_name_never_ends_its_table_cell(name: str) -> None:
    rows = READER.parse(f"| a | b |\n| --- | --- |\n| {isolated(name)} | c |")
    assert sum(token.type == "td_open" for token in rows) == 2
    assert "html_inline" not in kinds(f"| a |\n| --- |\n| {isolated(name)} |")


@given(hostile_text.filter(str.strip))
def test_code_is_one_code_span(value: str) -> None:
    inline = READER.parseInline(code(value))[0].children or []
    spans = [token for token in inline if token.type == "code_inline"]
    assert len(spans) == len(inline) or not code(value).strip("` ")
