"""Every page says who may open it."""

from __future__ import annotations

from tests.repository.pages import pages


def test_every_url_has_a_rule() -> None:
    assert pages()
    assert [page.path for page in pages() if not page.rule] == []


def test_every_url_has_a_name_of_its_own() -> None:
    names = [page.name for page in pages()]
    assert sorted(names) == sorted(set(names))
