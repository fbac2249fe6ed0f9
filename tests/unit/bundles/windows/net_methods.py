"""What our scripts use of .NET's methods and properties."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from datetime import datetime
from typing import Any

from tests.unit.bundles.windows.net_types import Builder, Encoding, Regex, Stream, match_record, type_of
from tests.unit.bundles.windows.values import (
    ArrayList,
    Char,
    Misuse,
    Record,
    as_text,
    enumerated,
    from_utf8,
    net_error,
    units,
    utf8,
)


def call(owner: Any, name: str, arguments: list[Any]) -> Any:
    """The value of a method; of one that returns nothing, an empty list, which leaves nothing in a pipeline."""
    if owner is None:
        raise Misuse(f"a method {name} of $null")
    method = _METHODS.get((type_of(owner), name.lower()))
    if method is None:
        raise Misuse(f"the tests do not know {type_of(owner)}.{name}")
    return method(owner, *arguments)


def _substring(text: str, start: int, length: int | None = None) -> str:
    end = len(text) if length is None else start + length
    if not 0 <= start <= end <= len(text):
        raise net_error("System.ArgumentOutOfRangeException", f"{start}, {length} of {len(text)}")
    return text[start:end]


def _index_of(text: str, wanted: Any, *more: Any) -> int:
    """After the text or character: where to begin, if it is a number, and how to compare."""
    start = more[0] if more and isinstance(more[0], int) else 0
    if isinstance(wanted, str) and more[-1:] != ("ordinal",):
        raise Misuse("found by a culture's rules")
    if start > len(text):
        raise net_error("System.ArgumentOutOfRangeException", f"{start} of {len(text)}")
    return text.find(as_text(wanted), start)


def _last_index_of(text: str, wanted: Any) -> int:
    if isinstance(wanted, str):
        raise Misuse("found by a culture's rules")
    return text.rfind(wanted.unit)


def _ordinal(compare: Callable[[str, str], bool]) -> Callable[..., bool]:
    def run(text: str, wanted: str, comparison: str = "culture") -> bool:
        if comparison == "ordinalignorecase":
            return compare(text.lower(), wanted.lower())
        if comparison != "ordinal":
            raise Misuse("compared by a culture's rules")
        return compare(text, wanted)

    return run


def _strip(strip: Callable[[str, str], str]) -> Callable[..., str]:
    def run(text: str, *marks: Any) -> str:
        return strip(text, "".join(map(as_text, marks)) or " \t\r\n\v\f\u0085\xa0")

    return run


def _replace_text(text: str, old: Any, new: Any) -> str:
    """Ordinal, as the only one of its kind. Two characters or two texts."""
    return text.replace(as_text(old), as_text(new))


def _split(text: str, *separators: Any) -> list[str]:
    characters = [unit for one in separators for unit in enumerated(one)]
    if not all(isinstance(unit, Char) for unit in characters):
        raise Misuse("split at text is not the same in every version")
    return re.split("[" + "".join(re.escape(unit.unit) for unit in characters) + "]", text)


def _appended(builder: Builder, value: Any) -> Builder:
    builder.parts.append(as_text(value))
    return builder


def _get_bytes(encoding: Encoding, text: str) -> bytes:
    if encoding.name.startswith("utf-8"):
        return utf8(text)
    return text.encode(encoding.name, "replace")


def _get_string(encoding: Encoding, content: bytes) -> str:
    if encoding.name == "utf-8":
        return from_utf8(content)
    if encoding.name == "utf-8-lenient":
        return units(content.decode("utf-8", "replace"))
    return content.decode(encoding.name, "replace")


def _match_at(pattern: Regex, text: str, at: int = 0) -> Record:
    return match_record(pattern.pattern.match(text, at))


def _add(items: ArrayList, item: Any) -> int:
    items.items.append(item)
    return len(items.items) - 1


def _nothing(done: Any) -> list[Any]:
    return []


def _number_text(number: int, shape: str = "") -> str:
    if shape == "":
        return str(number)
    digits = int(shape[1:] or 0)
    kinds = {"x": f"{number:0{digits}x}", "X": f"{number:0{digits}X}", "D": f"{number:0{digits}d}"}
    return kinds[shape[0]]


def _write(stream: Stream, content: bytes, start: int, length: int) -> list[Any]:
    os.write(stream.file, content[start : start + length])
    return []


def _flush(stream: Stream, to_disk: bool) -> list[Any]:
    """That it reaches the disk is the operating system's promise; tests need not wait for that."""
    return []


def _dispose(stream: Stream) -> list[Any]:
    os.close(stream.file)
    return []


def _moment(moment: datetime, shape: str, _culture: Any) -> str:
    parts = {"yyyy": "%Y", "MM": "%m", "dd": "%d", "HH": "%H", "mm": "%M", "ss": "%S"}
    return moment.strftime(re.sub(r"\\(.)|([a-zA-Z])\2*", lambda found: found[1] or parts[found[0]], shape))


_METHODS: dict[tuple[str, str], Callable[..., Any]] = {
    ("string", "substring"): _substring,
    ("string", "indexof"): _index_of,
    ("string", "lastindexof"): _last_index_of,
    ("string", "startswith"): _ordinal(str.startswith),
    ("string", "endswith"): _ordinal(str.endswith),
    ("string", "trim"): _strip(str.strip),
    ("string", "trimstart"): _strip(str.lstrip),
    ("string", "trimend"): _strip(str.rstrip),
    ("string", "replace"): _replace_text,
    ("string", "split"): _split,
    ("string", "tolowerinvariant"): str.lower,
    ("string", "toupperinvariant"): str.upper,
    ("string", "tostring"): lambda text: text,
    ("string", "tochararray"): lambda text: [Char(unit) for unit in text],
    ("int", "tostring"): _number_text,
    ("builder", "append"): _appended,
    ("builder", "tostring"): lambda builder: "".join(builder.parts),
    ("encoding", "getbytes"): _get_bytes,
    ("encoding", "getstring"): _get_string,
    ("regex", "match"): _match_at,
    ("regex", "ismatch"): lambda pattern, text: pattern.pattern.search(text) is not None,
    ("list", "add"): _add,
    ("list", "removeat"): lambda items, index: _nothing(items.items.pop(index)),
    ("list", "insert"): lambda items, index, item: _nothing(items.items.insert(index, item)),
    ("list", "reverse"): lambda items: _nothing(items.items.reverse()),
    ("list", "toarray"): lambda items: list(items.items),
    ("dictionary", "contains"): lambda owner, key: owner.has(key),
    ("dictionary", "containskey"): lambda owner, key: owner.has(key),
    ("dictionary", "remove"): lambda owner, key: _nothing(owner.remove(key)),
    ("dictionary", "get_keys"): lambda owner: owner.keys(),
    ("dictionary", "get_count"): lambda owner: len(owner.entries),
    ("writer", "writeline"): lambda writer, line: _nothing(writer.lines.append(line)),
    ("writer", "write"): lambda writer, line: _nothing(writer.lines.append(line)),
    ("reader", "readline"): lambda reader: reader.lines.pop(0) if reader.lines else None,
    ("datetime", "tostring"): _moment,
    ("hash", "computehash"): lambda owner, content: owner.compute(content),
    ("hash", "dispose"): _nothing,
    ("stream", "write"): _write,
    ("stream", "flush"): _flush,
    ("stream", "dispose"): _dispose,
    ("exception", "getbaseexception"): lambda owner: owner,
}

PROPERTIES: dict[tuple[str, str], Callable[[Any], Any]] = {
    ("string", "length"): len,
    ("array", "length"): len,
    ("array", "count"): len,
    ("bytes", "length"): len,
    ("list", "count"): lambda items: len(items.items),
    ("builder", "length"): lambda builder: len("".join(builder.parts)),
}
