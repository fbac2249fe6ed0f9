"""What PowerShell's values are here. Text is a `str` of UTF-16 units, as .NET has it; bytes are `bytes`."""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any


class Misuse(Exception):
    """Something that runs in PowerShell and does not do what it seems to, or that these tests do not know."""


class Char:
    """A single UTF-16 unit."""

    def __init__(self, unit: str) -> None:
        if len(unit) != 1:
            raise Misuse(f"no character: {unit!r}")
        self.unit = unit

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Char) and other.unit == self.unit

    def __hash__(self) -> int:
        return hash(self.unit)


class ArrayList:
    """A list that functions return item by item, like every list."""

    def __init__(self, items: Iterable[Any] = ()) -> None:
        self.items = list(items)


class Dictionary:
    """Hashtable and OrderedDictionary: never taken apart. `fold` is how keys are compared."""

    def __init__(self, fold: Callable[[Any], Any] = lambda key: key) -> None:
        self.fold = fold
        self.entries: dict[Any, tuple[Any, Any]] = {}

    def get(self, key: Any) -> Any:
        return self.entries.get(self.fold(key), (None, None))[1]

    def put(self, key: Any, value: Any) -> None:
        folded = self.fold(key)
        shown = self.entries[folded][0] if folded in self.entries else key
        self.entries[folded] = (shown, value)

    def has(self, key: Any) -> bool:
        return self.fold(key) in self.entries

    def remove(self, key: Any) -> None:
        self.entries.pop(self.fold(key), None)

    def keys(self) -> list[Any]:
        return [key for key, _value in self.entries.values()]


def ignore_case(key: Any) -> Any:
    return key.lower() if isinstance(key, str) else key


def hashtable(entries: Mapping[str, Any] | None = None) -> Dictionary:
    """What `@{}` makes."""
    made = Dictionary(ignore_case)
    for key, value in (entries or {}).items():
        made.put(key, value)
    return made


class Record:
    """An object of .NET or a cmdlet, with the properties that a script asks for."""

    def __init__(self, **properties: Any) -> None:
        self.properties = {name.lower(): value for name, value in properties.items()}


class Reference:
    """`[ref]$name`."""

    def __init__(self, assign: Callable[[Any], None]) -> None:
        self.assign = assign


_PARENTS = {
    "system.text.decoderfallbackexception": "system.argumentexception",
    "system.text.encoderfallbackexception": "system.argumentexception",
    "system.io.filenotfoundexception": "system.io.ioexception",
    "system.io.directorynotfoundexception": "system.io.ioexception",
    "system.io.invaliddataexception": "system.exception",
    "system.net.webexception": "system.invalidoperationexception",
}


class NetException(Record):
    """An exception of .NET. `wrapped` is what PowerShell makes of one that comes out of a method."""

    def __init__(self, type_name: str, message: str = "", *, wrapped: bool = False) -> None:
        super().__init__(Data=Dictionary(), Message=message, InnerException=None)
        self.type_name = type_name.lower()
        self.wrapped = wrapped

    def is_a(self, type_name: str) -> bool:
        asked, mine = type_name.lower(), self.type_name
        while mine != asked and mine in _PARENTS:
            mine = _PARENTS[mine]
        return asked in (mine, "system.exception", "exception")


class Thrown(Exception):
    """`throw`, or an exception out of a method."""

    def __init__(self, exception: NetException) -> None:
        super().__init__(exception.type_name, exception.properties["message"])
        self.exception = exception


def net_error(type_name: str, message: str = "") -> Thrown:
    return Thrown(NetException(type_name, message, wrapped=True))


def units(text: str) -> str:
    """Python's text as UTF-16 units."""
    if all(character < "\U00010000" for character in text):
        return text
    packed = text.encode("utf-16-le", "surrogatepass")
    return "".join(map(chr, struct.unpack(f"<{len(packed) // 2}H", packed)))


def utf8(text: str) -> bytes:
    """Strict, as UTF8Encoding is with its second argument."""
    try:
        return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le").encode()
    except UnicodeDecodeError as error:
        raise net_error("System.Text.EncoderFallbackException", "half of a surrogate pair") from error


def from_utf8(content: bytes) -> str:
    try:
        return units(content.decode())
    except UnicodeDecodeError as error:
        raise net_error("System.Text.DecoderFallbackException", "not UTF-8") from error


def enumerated(value: Any) -> Iterator[Any]:
    """What a pipeline makes of a value: lists go item by item, dictionaries and text whole."""
    if isinstance(value, list | tuple):
        yield from value
    elif isinstance(value, ArrayList):
        yield from list(value.items)
    elif isinstance(value, bytes):
        yield from value
    else:
        yield value


def collected(items: list[Any]) -> Any:
    """What a variable gets from a pipeline: nothing, the one thing, or an array."""
    if not items:
        return None
    return items[0] if len(items) == 1 else list(items)


def is_true(value: Any) -> bool:
    if isinstance(value, ArrayList):
        value = value.items
    if isinstance(value, list):
        return is_true(value[0]) if len(value) == 1 else bool(value)
    if isinstance(value, str | int | float | bytes | None):
        return bool(value)
    if isinstance(value, Char):
        return value.unit != "\0"
    return True


def as_text(value: Any) -> str:
    """`[string]`."""
    if value is None:
        return ""
    if isinstance(value, bool | int):
        return str(value)
    if isinstance(value, str):
        return value
    if isinstance(value, Char):
        return value.unit
    if isinstance(value, list | ArrayList):
        return " ".join(map(as_text, enumerated(value)))
    raise Misuse(f"text of {value!r}")


def as_int(value: Any) -> int:
    if isinstance(value, Char):
        return ord(value.unit)
    if value is None:
        return 0
    if isinstance(value, bool | int):
        return int(value)
    if isinstance(value, float):
        return round(value)
    if isinstance(value, str):
        try:
            return int(value.strip() or "0")
        except ValueError as error:
            raise net_error("System.InvalidCastException", f"no number: {value}") from error
    raise Misuse(f"a number of {value!r}")
