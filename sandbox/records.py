"""Plain data into frozen dataclasses; a mistake is one error that says where and what was expected."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import MISSING, Field, fields
from typing import Any, TypeVar

T = TypeVar("T")
Reader = Callable[[Any, str], Any]

# What the plain types of a record's fields take, by their annotation; YAML's booleans are no numbers here.
_PLAIN: Mapping[str, tuple[tuple[type, ...], str]] = {
    "str": ((str,), "text (in quotes)"),
    "bool": ((bool,), "true or false"),
    "int": ((int,), "a whole number"),
    "float": ((int, float), "a number"),
}


class CompanyError(ValueError):
    """The scenario is wrong; the message names the place and what was expected."""


def plain(value: Any, where: str) -> Any:
    return tuple(value) if isinstance(value, list) else value


def text(value: Any, where: str) -> str:
    if not isinstance(value, str):
        raise CompanyError(f"{where}: expected text (in quotes), got {value!r}")
    return value


def one_of(choices: frozenset[str]) -> Reader:
    def read(value: Any, where: str) -> str:
        if not isinstance(value, str) or value not in choices:
            raise CompanyError(f"{where}: expected one of {', '.join(sorted(choices))}, got {value!r}")
        return value

    return read


def list_of(read: Reader) -> Reader:
    def read_list(value: Any, where: str) -> tuple[Any, ...]:
        if not isinstance(value, list):
            raise CompanyError(f"{where}: expected a list")
        return tuple(read(item, f"{where}[{n}]") for n, item in enumerate(value))

    return read_list


def map_of(read: Reader) -> Reader:
    def read_map(value: Any, where: str) -> dict[str, Any]:
        if not isinstance(value, dict):
            raise CompanyError(f"{where}: expected a mapping")
        return {str(key): read(item, f"{where}.{key}") for key, item in value.items()}

    return read_map


def _check_plain(annotation: str, value: Any, where: str) -> None:
    """A field of a plain type holds such a value; `int | None` takes none."""
    name, _, optional = annotation.partition(" | ")
    types, expected = _PLAIN.get(name, ((), ""))
    if types and not (value is None and optional == "None") and type(value) not in types:
        raise CompanyError(f"{where}: expected {expected}, got {value!r}")


def record(kind: type[T], raw: Any, where: str, /, **readers: Reader) -> T:
    """One dataclass from a mapping; `readers` turn the fields that are not plain values."""
    if not isinstance(raw, dict):
        raise CompanyError(f"{where}: expected a mapping, got {raw!r}")
    known: dict[str, Field[Any]] = {item.name: item for item in fields(kind)}  # type: ignore[arg-type]  # a dataclass
    if unknown := sorted(set(raw) - set(known)):
        raise CompanyError(f"{where}: unknown: {', '.join(unknown)}")
    for name, item in known.items():
        if name not in raw and item.default is MISSING and item.default_factory is MISSING:
            raise CompanyError(f"{where}: {name} is missing")
        if name in raw:
            _check_plain(str(item.type), raw[name], f"{where}.{name}")
    return kind(**{name: readers.get(name, plain)(value, f"{where}.{name}") for name, value in raw.items()})


def reader(kind: type[T], /, **readers: Reader) -> Reader:
    return lambda raw, where: record(kind, raw, where, **readers)
