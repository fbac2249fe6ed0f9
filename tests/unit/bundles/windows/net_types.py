"""The types of .NET that our scripts use, conversions between them, and how objects are made."""

from __future__ import annotations

import hashlib
import hmac
import os
import re
from collections.abc import Callable
from datetime import datetime
from functools import cache
from typing import Any

from tests.unit.bundles.windows.values import (
    ArrayList,
    Char,
    Dictionary,
    Misuse,
    NetException,
    Record,
    as_int,
    as_text,
    enumerated,
    is_true,
    net_error,
)

_ACCELERATORS = {"regex": "system.text.regularexpressions.regex", "bigint": "system.numerics.biginteger"}


def type_named(name: str) -> str:
    """A type's full name, as a value."""
    name = _ACCELERATORS.get(name.lower(), name.lower())
    return name.removeprefix("system.")


def type_of(value: Any) -> str:
    for python, name in _TYPES:
        if isinstance(value, python):
            return name
    raise Misuse(f"a value of no known type: {value!r}")


class Builder:
    """StringBuilder."""

    def __init__(self, text: str = "") -> None:
        self.parts = [text]


class Encoding:
    def __init__(self, name: str) -> None:
        self.name = name


class Regex:
    def __init__(self, pattern: str) -> None:
        self.pattern = compiled(pattern, 0)


class Hash:
    def __init__(self, compute: Callable[[bytes], bytes]) -> None:
        self.compute = compute


class Stream:
    """FileStream, for writing."""

    def __init__(self, path: str, mode: str) -> None:
        changing(path)
        flags = {"create": os.O_TRUNC, "createnew": os.O_EXCL}[mode]
        self.file = on_disk(lambda: os.open(path, os.O_WRONLY | os.O_CREAT | flags, 0o600))


class Reader:
    """The console's, for lines that are typed or piped in."""

    def __init__(self, lines: list[str]) -> None:
        self.lines = lines


class Writer:
    """The console's, for standard error."""

    def __init__(self, lines: list[str]) -> None:
        self.lines = lines


_TYPES: list[tuple[Any, str]] = [
    (bool, "bool"),
    (str, "string"),
    (int, "int"),
    (float, "double"),
    (bytes, "bytes"),
    (list, "array"),
    (Char, "char"),
    (ArrayList, "list"),
    (Dictionary, "dictionary"),
    (Builder, "builder"),
    (Encoding, "encoding"),
    (Regex, "regex"),
    (Hash, "hash"),
    (Stream, "stream"),
    (Writer, "writer"),
    (Reader, "reader"),
    (datetime, "datetime"),
    (NetException, "exception"),
    (Record, "record"),
]


@cache
def compiled(pattern: str, flags: int) -> re.Pattern[str]:
    r""".NET's patterns as Python's: \G is where a match is asked for."""
    if re.search(r"\\[dwsp]", pattern):
        raise Misuse(r"\d, \w and \s take other alphabets' characters too")
    # A $ of .NET also stands before a last line feed, as Python's does; \z is Python's \Z.
    return re.compile(pattern.replace("\\z", "\\Z").removeprefix("\\G"), flags)


def changing(path: str) -> None:
    """Called before anything on the disk changes: here tests pull the plug."""


def on_disk(act: Callable[[], Any]) -> Any:
    try:
        return act()
    except FileNotFoundError as error:
        raise net_error("System.IO.FileNotFoundException", str(error)) from error
    except PermissionError as error:
        raise net_error("System.UnauthorizedAccessException", str(error)) from error
    except OSError as error:
        raise net_error("System.IO.IOException", str(error)) from error


def convert(type_name: str, value: Any) -> Any:
    """`[type]value`, and what a parameter of that type makes of an argument."""
    known = _CONVERSIONS.get(type_name.removeprefix("system."))
    if known is None:
        raise Misuse(f"the tests do not know [{type_name}]")
    return known(value)


def _char(value: Any) -> Char:
    if isinstance(value, Char):
        return value
    return Char(chr(value) if isinstance(value, int) else as_text(value))


def _bytes(value: Any) -> bytes | None:
    if value is None or isinstance(value, bytes):
        return value
    return bytes(as_int(item) for item in enumerated(value))


def _array_of(convert_one: Callable[[Any], Any]) -> Callable[[Any], Any]:
    def run(value: Any) -> Any:
        return None if value is None else [convert_one(item) for item in enumerated(value)]

    return run


_CONVERSIONS: dict[str, Callable[[Any], Any]] = {
    "string": as_text,
    "int": as_int,
    "long": as_int,
    "double": float,
    "bool": is_true,
    "char": _char,
    "byte[]": _bytes,
    "int[]": _array_of(as_int),
    "string[]": _array_of(as_text),
    "object[]": _array_of(lambda item: item),
    "char[]": lambda value: [Char(unit) for unit in as_text(value)],
    "void": lambda value: [],
    "switch": is_true,
}


def make(type_name: str, arguments: list[Any]) -> Any:
    maker = _MAKERS.get(type_named(type_name))
    if maker is not None:
        return maker(*arguments)
    if type_name.lower().endswith("exception"):
        return NetException(type_name, *map(as_text, arguments))
    raise Misuse(f"the tests do not make {type_name}")


def _file_stream(path: str, mode: Any, *_more: Any) -> Stream:
    return Stream(path, as_text(mode).lower())


def _ordered_dictionary(comparer: str) -> Dictionary:
    if comparer != "ordinal":
        raise Misuse("a dictionary that takes two keys for one")
    return Dictionary()


def _hmac(key: bytes) -> Hash:
    return Hash(lambda content: hmac.digest(key, content, "sha256"))


_MAKERS: dict[str, Callable[..., Any]] = {
    "collections.arraylist": ArrayList,
    "collections.specialized.ordereddictionary": _ordered_dictionary,
    "int[]": lambda length: [0] * length,
    "text.stringbuilder": Builder,
    "text.utf8encoding": lambda mark, strict: Encoding("utf-8" if strict else "utf-8-lenient"),
    "text.regularexpressions.regex": Regex,
    "security.cryptography.sha256cryptoserviceprovider": lambda: Hash(lambda data: hashlib.sha256(data).digest()),
    "security.cryptography.hmacsha256": _hmac,
    "io.filestream": _file_stream,
}


def match_record(found: re.Match[str] | None) -> Record:
    if found is None:
        return Record(Success=False, Length=0, Value="", Index=0, Groups=[])
    groups = [Record(Success=part is not None, Value=part or "", Length=len(part or "")) for part in found.groups()]
    whole = Record(Success=True, Value=found[0], Length=len(found[0]))
    return Record(Success=True, Length=len(found[0]), Value=found[0], Index=found.start(), Groups=[whole, *groups])
