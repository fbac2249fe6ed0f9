"""Every page says who may open it."""

from __future__ import annotations

from collections.abc import Iterator

from django.urls import URLPattern, URLResolver, get_resolver

# Django's admin asks for its own permission in every view.
WITHOUT_RULE = "django-admin/"


def _patterns(resolver: URLResolver, prefix: str = "") -> Iterator[tuple[str, URLPattern]]:
    for entry in resolver.url_patterns:
        path = prefix + str(entry.pattern)
        if isinstance(entry, URLResolver):
            yield from _patterns(entry, path)
        else:
            yield path, entry


def test_every_url_has_a_rule() -> None:
    pages = [(path, entry) for path, entry in _patterns(get_resolver()) if not path.startswith(WITHOUT_RULE)]
    assert pages
    assert [path for path, entry in pages if not getattr(entry.callback, "rule", None)] == []
