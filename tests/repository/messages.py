"""`python -m tests.repository.messages check|update`: the texts of the code against the translation catalogue.

`check` prints every difference and fails on one. `update` brings the .po up to date and compiles the .mo, which is
committed, so that a fresh clone needs no build step. Babel does both: gettext's own programs may not be installed.
"""

from __future__ import annotations

import io
import re
import sys
from collections.abc import Iterator
from pathlib import Path

from babel.messages.catalog import Catalog, Message
from babel.messages.extract import extract
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po, write_po
from django.utils.translation.template import templatize

BASE_DIR = Path(__file__).resolve().parents[2]
LANGUAGES = ("es",)
TRANSLATORS = ("Translators",)
# Babel's numbers: which argument is the message, its plural (2), its context ("c").
KEYWORDS = {
    **dict.fromkeys(("_", "gettext", "gettext_lazy", "gettext_noop")),
    **dict.fromkeys(("ngettext", "ngettext_lazy"), (1, 2)),
    **dict.fromkeys(("pgettext", "pgettext_lazy"), ((1, "c"), 2)),
    **dict.fromkeys(("npgettext", "npgettext_lazy"), ((1, "c"), 2, 3)),
}
_PLACEHOLDER = re.compile(r"%\(\w+\)[sd]|%[sd]|(?<!\{)\{\w*\}(?!\})")


def po_path(language: str) -> Path:
    return BASE_DIR / "onboarding" / "locale" / language / "LC_MESSAGES" / "django.po"


# --- What the code says


def _sources() -> Iterator[Path]:
    for package in ("onboarding", "portal"):
        yield from (path for path in (BASE_DIR / package).rglob("*.py") if "migrations" not in path.parts)
    yield from (path for path in (BASE_DIR / "templates").rglob("*") if path.suffix in {".html", ".txt", ".md"})


def _as_python(path: Path) -> bytes:
    """A source as Python that Babel can read. For a template, Django's own rewriting of its tags as calls."""
    text = path.read_text(encoding="utf-8")
    if path.suffix == ".py":
        return text.encode()
    calls = templatize(text, origin=str(path))
    # The rest of a template becomes words; their indentation means nothing and would be a syntax error.
    return "\n".join(line.lstrip() for line in calls.splitlines()).encode()


def extracted() -> Catalog:
    """Every text the code marks for translation, with the files it stands in."""
    catalog = Catalog(project="Onramp")
    for path in sorted(_sources()):
        place = path.relative_to(BASE_DIR).as_posix()
        found = extract("python", io.BytesIO(_as_python(path)), KEYWORDS, TRANSLATORS, {"encoding": "utf-8"})
        for line, text, comments, context in found:
            catalog.add(text, locations=[(place, line)], auto_comments=comments, context=context)
    return catalog


# --- What the catalogue says


def stored(language: str) -> Catalog:
    with po_path(language).open("rb") as file:
        return read_po(file, locale=language)


def compiled(catalog: Catalog) -> bytes:
    """The catalogue as a .mo file: the same bytes for the same .po."""
    file = io.BytesIO()
    write_mo(file, catalog)
    return file.getvalue()


def problems(language: str) -> list[str]:
    """Every difference between the code's texts and a language's catalogue, one line each."""
    if not po_path(language).exists():
        return [f"{language}: no catalogue; `make messages` makes one"]
    wanted, have = extracted(), stored(language)
    found = [f"not in the catalogue: {_name(m)}" for m in wanted if m.id and _find(have, m) is None]
    found += [f"not in the code any more: {_name(m)}" for m in have if m.id and _find(wanted, m) is None]
    found += [f"not in the code any more: {_name(m)}" for m in have.obsolete.values()]
    found += [problem for m in have if m.id for problem in _problems_of(m)]
    if not found and po_path(language).with_suffix(".mo").read_bytes() != compiled(have):
        found.append("django.mo is not what django.po compiles to")
    return [f"{language}: {problem}" for problem in found]


def _find(catalog: Catalog, message: Message) -> Message | None:
    return catalog.get(message.id, message.context)


def _name(message: Message) -> str:
    first = message.id if isinstance(message.id, str) else message.id[0]
    places = ", ".join(sorted({path for path, _ in message.locations}))
    return f"{first!r} ({places})" if places else repr(first)


def _problems_of(message: Message) -> Iterator[str]:
    texts = _texts(message.string)
    if message.fuzzy:
        yield f"fuzzy: {_name(message)}"
    if not texts or not all(texts):
        yield f"not translated: {_name(message)}"
        return
    wanted = {frozenset(_PLACEHOLDER.findall(text)) for text in _texts(message.id)}
    # A singular may spell its number out; a translation may follow either form.
    if any(frozenset(_PLACEHOLDER.findall(text)) not in wanted for text in texts):
        yield f"other placeholders: {_name(message)}"


def _texts(value: str | tuple[str, ...] | list[str] | None) -> tuple[str, ...]:
    return (value or "",) if value is None or isinstance(value, str) else tuple(value)


# --- The command


def update(language: str) -> None:
    """Add what is new, drop what is gone, keep every translation; then compile."""
    path = po_path(language)
    catalog = stored(language) if path.exists() else _new(language)
    made_at = catalog.creation_date
    catalog.update(extracted(), no_fuzzy_matching=True)
    catalog.creation_date = made_at  # a date that changes with every run would only make noise
    catalog.obsolete.clear()
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("wb") as file:
        write_po(file, catalog, width=119, include_lineno=False, sort_output=False)
    path.with_suffix(".mo").write_bytes(compiled(stored(language)))


def _new(language: str) -> Catalog:
    return Catalog(locale=language, project="Onramp", fuzzy=False, header_comment="# The texts of Onramp.")


def main(arguments: list[str]) -> int:
    if arguments == ["update"]:
        for language in LANGUAGES:
            update(language)
    elif arguments != ["check"]:
        print(__doc__)
        return 2
    found = [problem for language in LANGUAGES for problem in problems(language)]
    print(*found, sep="\n", end="\n" if found else "")
    return 1 if found else 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
