"""What our scripts use of .NET's static members, over Python's own files."""

from __future__ import annotations

import base64
import math
import os
import re
import uuid
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

from tests.unit.bundles.windows import net_types
from tests.unit.bundles.windows.net_types import Encoding, Reader, Writer, compiled, match_record, on_disk
from tests.unit.bundles.windows.values import Char, Misuse, Record, Reference, as_text, net_error, utf8


def static(machine: Any, type_name: str, name: str) -> Any:
    found = _STATIC.get((type_name, name.lower()))
    if found is not None:
        return found
    if (type_name, name.lower()) in machine.statics:
        return machine.statics[type_name, name.lower()]
    if (type_name, name.lower()) == ("console", "error"):
        return Writer(machine.complained)
    if (type_name, name.lower()) == ("console", "in"):
        return Reader(machine.answers)
    if (type_name, name.lower()) == ("datetime", "utcnow"):
        return datetime.now(UTC)
    if type_name in _ENUMS:
        return name.lower()
    raise Misuse(f"the tests do not know [{type_name}]::{name}")


_ENUMS = {
    "io.filemode",
    "io.fileaccess",
    "io.fileshare",
    "stringcomparison",
    "stringcomparer",
    "globalization.numberstyles",
    "text.regularexpressions.regexoptions",
    "stringsplitoptions",
    "io.searchoption",
}
_STATIC: dict[tuple[str, str], Any] = {
    ("globalization.cultureinfo", "invariantculture"): "invariant",
    ("numerics.biginteger", "zero"): 0,
    ("text.encoding", "ascii"): Encoding("ascii"),
    ("text.encoding", "utf8"): Encoding("utf-8-lenient"),
    ("nullstring", "value"): "\0null",
    ("net.securityprotocoltype", "tls12"): 3072,
    ("environment", "osversion"): Record(Version="10.0.19045.0"),
    ("io.path", "directoryseparatorchar"): Char("/"),
}


def call_static(machine: Any, type_name: str, name: str, arguments: list[Any]) -> Any:
    found = _FUNCTIONS.get((type_name, name.lower()))
    if found is not None:
        return found(*arguments)
    of_machine = _OF_THE_MACHINE.get((type_name, name.lower()))
    if of_machine is not None:
        return of_machine(machine, *arguments)
    raise Misuse(f"the tests do not know [{type_name}]::{name}")


def _text_equals(left: Any, right: Any, comparison: str = "ordinal") -> bool:
    if comparison == "ordinalignorecase":
        return as_text(left).lower() == as_text(right).lower()
    if not isinstance(left, str) or not isinstance(right, str):
        raise Misuse(f"{left!r} and {right!r} compared as text")
    return left == right


def _compare_ordinal(left: str, at: int, right: str, other: int, length: int) -> int:
    first, second = left[at : at + length], right[other : other + length]
    return (first > second) - (first < second)


def _try_double(token: str, _style: Any, _culture: Any, reference: Reference) -> bool:
    reference.assign(float(token))
    return not math.isinf(float(token))


def _to_int(text: str, base: int) -> int:
    return int(text, base)


def _read_bytes(path: str) -> bytes:
    def read() -> bytes:
        with open(path, "rb") as file:
            return file.read()

    return on_disk(read)  # type: ignore[no-any-return]


def _replace(source: str, target: str, backup: str, careless: bool) -> None:
    if backup != "\0null":
        raise Misuse("$null is '' to a method that takes text")
    if not os.path.exists(target):
        raise net_error("System.IO.FileNotFoundException", target)
    net_types.changing(target)
    on_disk(lambda: os.replace(source, target))


def _move(source: str, target: str) -> None:
    if os.path.lexists(target):
        raise net_error("System.IO.IOException", target)
    net_types.changing(target)
    on_disk(lambda: os.rename(source, target))


def _delete(path: str) -> None:
    """No error where there is none, as in .NET."""
    if not os.path.isdir(os.path.dirname(path)):
        raise net_error("System.IO.DirectoryNotFoundException", path)
    if os.path.lexists(path):
        net_types.changing(path)
        on_disk(lambda: os.unlink(path))


def _write_bytes(path: str, content: bytes) -> None:
    with open(path, "wb") as file:
        file.write(content)


def _make_folder(path: str) -> Record:
    if not os.path.isdir(path):
        net_types.changing(path)
    on_disk(lambda: os.makedirs(path, exist_ok=True))
    return Record(FullName=path)


def _remove_folder(path: str, recursive: bool = False) -> None:
    for entry in list(os.scandir(path)) if recursive else []:
        if entry.is_dir(follow_symlinks=False):
            _remove_folder(entry.path, True)
        else:
            _delete(entry.path)
    net_types.changing(path)
    on_disk(lambda: os.rmdir(path))


def _listed(kept: Callable[[str], bool]) -> Callable[[str], list[str]]:
    def run(path: str) -> list[str]:
        names = on_disk(lambda: sorted(os.listdir(path)))
        return [found for name in names if kept(found := os.path.join(path, name))]

    return run


def _join_array(separator: str, items: list[Any], start: int = 0, count: int | None = None) -> str:
    end = len(items) if count is None else start + count
    if not 0 <= start <= end <= len(items):
        raise net_error("System.ArgumentOutOfRangeException", f"{start}, {count} of {len(items)}")
    return separator.join(map(as_text, items[start:end]))


def _from_base64(text: str) -> bytes:
    return base64.b64decode(text)


def _index_of_item(items: list[Any], wanted: Any) -> int:
    return items.index(wanted) if wanted in items else -1


def _regex_matches(text: str, pattern: str) -> list[Record]:
    return [match_record(found) for found in compiled(pattern, 0).finditer(text)]


def _regex_match(text: str, pattern: str) -> Record:
    return match_record(compiled(pattern, 0).search(text))


def _unescape(text: str) -> str:
    if re.search(r"\\(?!u[0-9a-f]{4})", text):
        raise Misuse(f"an escape that the tests do not know: {text}")
    return re.sub(r"\\u([0-9a-f]{4})", lambda found: chr(int(found[1], 16)), text)


def _escape_data(text: str) -> str:
    return quote(utf8(text), safe="-_.~")


def _void(act: Callable[..., None]) -> Callable[..., list[Any]]:
    """A method that returns nothing: nothing of it gets into a pipeline, not even $null."""

    def run(*arguments: Any) -> list[Any]:
        act(*arguments)
        return []

    return run


_FUNCTIONS: dict[tuple[str, str], Callable[..., Any]] = {
    ("string", "equals"): _text_equals,
    ("string", "compareordinal"): _compare_ordinal,
    ("string", "isnullorempty"): lambda text: not text,
    ("string", "join"): _join_array,
    ("text.encoding", "getencoding"): lambda page: Encoding({28591: "latin-1"}[page]),
    ("double", "tryparse"): _try_double,
    ("double", "isinfinity"): math.isinf,
    ("numerics.biginteger", "parse"): lambda text, culture: int(text),
    ("int", "tryparse"): lambda text, reference: _try_int(text, reference),
    ("math", "min"): min,
    ("math", "max"): max,
    ("convert", "toint32"): _to_int,
    ("convert", "tobase64string"): lambda content: base64.b64encode(content).decode(),
    ("convert", "frombase64string"): _from_base64,
    ("array", "indexof"): _index_of_item,
    ("text.regularexpressions.regex", "matches"): _regex_matches,
    ("text.regularexpressions.regex", "match"): _regex_match,
    ("text.regularexpressions.regex", "split"): lambda text, pattern: compiled(pattern, 0).split(text),
    ("text.regularexpressions.regex", "escape"): re.escape,
    ("text.regularexpressions.regex", "unescape"): _unescape,
    ("guid", "newguid"): lambda: str(uuid.uuid4()),
    ("bitconverter", "tostring"): lambda content: content.hex("-").upper(),
    ("uri", "escapedatastring"): _escape_data,
    ("io.path", "getrandomfilename"): lambda: "random.tmp",
    ("io.path", "combine"): lambda *parts: os.path.join(*parts),
    ("io.path", "getdirectoryname"): lambda path: os.path.dirname(path) if path != "/" else None,
    ("io.path", "getfilename"): os.path.basename,
    ("io.path", "getfullpath"): os.path.abspath,
    ("io.path", "ispathrooted"): os.path.isabs,
    ("io.file", "exists"): os.path.isfile,
    ("io.file", "readallbytes"): _read_bytes,
    ("io.file", "replace"): _void(_replace),
    ("io.file", "move"): _void(_move),
    ("io.file", "writeallbytes"): _void(_write_bytes),
    ("io.file", "delete"): _void(_delete),
    ("io.directory", "exists"): os.path.isdir,
    ("io.directory", "createdirectory"): _make_folder,
    ("io.directory", "delete"): _void(_remove_folder),
    ("io.directory", "move"): _void(_move),
    ("io.directory", "getfiles"): _listed(os.path.isfile),
    ("io.directory", "getdirectories"): _listed(os.path.isdir),
    ("io.directory", "getfilesystementries"): _listed(lambda path: True),
}


def _try_int(text: str, reference: Reference) -> bool:
    found = re.fullmatch(r"\s*[+-]?[0-9]+\s*", text) is not None
    reference.assign(int(text) if found else 0)
    return found


_OF_THE_MACHINE: dict[tuple[str, str], Callable[..., Any]] = {
    ("environment", "getenvironmentvariable"): lambda machine, name: machine.environment.get(name.upper()),
    ("io.path", "gettemppath"): lambda machine: machine.environment["TEMP"],
}
