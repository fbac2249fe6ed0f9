"""PowerShell's operators, members and elements."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from tests.unit.bundles.windows import net_methods, net_types
from tests.unit.bundles.windows.values import (
    ArrayList,
    Char,
    Dictionary,
    Misuse,
    Record,
    as_int,
    as_text,
    enumerated,
    net_error,
)


def binary(word: str, left: Any, right: Any) -> Any:
    operator = _BINARY.get(word)
    if operator is None:
        raise Misuse(f"the tests do not know {word}")
    return operator(left, right)


def _plain(value: str) -> str:
    """A culture's rules overlook some characters and take others for equal, so only plain text may meet them."""
    if any(not " " <= character <= "~" for character in value):
        raise Misuse(f"compared by a culture's rules: {value!r}")
    return value


def equal(left: Any, right: Any, *, fold: bool = True) -> bool:
    if isinstance(left, list | ArrayList | Dictionary | bytes) or isinstance(right, list | ArrayList | bytes):
        raise Misuse("a list compared as a value")
    if left is None or right is None:
        return left is right
    if isinstance(left, str):
        first, second = _plain(left), _plain(as_text(right))
        return first.lower() == second.lower() if fold else first == second
    if isinstance(left, Char):
        other = right if isinstance(right, Char) else Char(as_text(right))
        return left.unit.lower() == other.unit.lower() if fold else left == other
    if isinstance(left, bool):
        if not isinstance(right, bool):
            raise Misuse("a truth compared with something else")
        return left == right
    if isinstance(left, int | float):
        return left == (right if isinstance(right, int | float) else as_int(right))
    raise Misuse(f"{left!r} compared")


def _ordered(compare: Callable[[Any, Any], bool]) -> Callable[[Any, Any], bool]:
    def run(left: Any, right: Any) -> bool:
        if not isinstance(left, int | float) or not isinstance(right, int | float):
            raise Misuse(f"{left!r} and {right!r} compared by size")
        return compare(left, right)

    return run


def _add(left: Any, right: Any) -> Any:
    if isinstance(left, str):
        return left + as_text(right)
    if isinstance(left, list):
        return [*left, *(enumerated(right) if isinstance(right, list | ArrayList) else [right])]
    if isinstance(left, int | float) and isinstance(right, int | float):
        return left + right
    raise Misuse(f"{left!r} + {right!r}")


def _number(compute: Callable[[Any, Any], Any]) -> Callable[[Any, Any], Any]:
    def run(left: Any, right: Any) -> Any:
        if isinstance(left, str) or isinstance(right, str):
            raise Misuse("text as a number")
        return compute(left, right)

    return run


def _divided(left: Any, right: Any) -> Any:
    if left % right:
        raise Misuse("a division with a rest makes a fraction")
    return left // right


def _join(left: Any, right: Any) -> str:
    return as_text(right).join(as_text(item) for item in enumerated(left))


def _matches(flags: int) -> Callable[[Any, Any], bool]:
    def run(left: Any, right: Any) -> bool:
        if not isinstance(left, str):
            raise Misuse("-match on no text")
        return net_types.compiled(right, flags).search(left) is not None

    return run


def _replaced(left: Any, right: Any) -> str:
    pattern, replacement = right
    if not isinstance(left, str) or "\\" in replacement.replace('\\"', ""):
        raise Misuse("a replacement that the tests do not know")
    # $1 is Python's \1, and a backslash stands for itself.
    template = re.sub(r"\$([1-9])", r"\\g<\1>", replacement.replace("\\", "\\\\"))
    return net_types.compiled(pattern, 0).sub(template, left)


def _contains(fold: bool) -> Callable[[Any, Any], bool]:
    def run(left: Any, right: Any) -> bool:
        if not isinstance(left, list):
            raise Misuse("-contains of no list")
        return any(equal(item, right, fold=fold) for item in left)

    return run


def _span(left: Any, right: Any) -> list[int]:
    first, last = as_int(left), as_int(right)
    # Backwards when the end comes first: 0..-1 is 0 and -1.
    return list(range(first, last + 1)) if last >= first else list(range(first, last - 1, -1))


def _formatted(left: Any, right: Any) -> str:
    values = list(enumerated(right))
    return re.sub(r"\{(\d)(?::([^}]*))?\}", lambda found: _shaped(values[int(found[1])], found[2]), left)


def _shaped(value: Any, shape: str | None) -> str:
    if shape is None:
        return as_text(value)
    return net_methods.call(value, "ToString", [shape])  # type: ignore[no-any-return]


def _split(left: Any, right: Any) -> list[str]:
    if isinstance(right, list):
        return net_types.compiled(right[0], 0).split(left, right[1] - 1)
    return net_types.compiled(right, 0).split(left)


_BINARY: dict[str, Callable[[Any, Any], Any]] = {
    "+": _add,
    "-": _number(lambda left, right: left - right),
    "*": _number(lambda left, right: left * right),
    "/": _number(_divided),
    "%": _number(lambda left, right: left % right),
    "..": _span,
    "-eq": equal,
    "-ne": lambda left, right: not equal(left, right),
    "-ceq": lambda left, right: equal(left, right, fold=False),
    "-cne": lambda left, right: not equal(left, right, fold=False),
    "-lt": _ordered(lambda left, right: left < right),
    "-le": _ordered(lambda left, right: left <= right),
    "-gt": _ordered(lambda left, right: left > right),
    "-ge": _ordered(lambda left, right: left >= right),
    "-band": lambda left, right: left & right,
    "-bor": lambda left, right: left | right,
    "-join": _join,
    "-match": _matches(re.IGNORECASE),
    "-notmatch": lambda left, right: not _matches(re.IGNORECASE)(left, right),
    "-cmatch": _matches(0),
    "-cnotmatch": lambda left, right: not _matches(0)(left, right),
    "-creplace": _replaced,
    "-csplit": _split,
    "-contains": _contains(fold=True),
    "-ccontains": _contains(fold=False),
    "-cnotcontains": lambda left, right: not _contains(fold=False)(left, right),
    "-f": _formatted,
    "-is": lambda left, right: net_types.type_of(left) == right,
}


def member(owner: Any, name: str) -> Any:
    """`$owner.Name`: of a dictionary, its own entry first."""
    if isinstance(owner, Dictionary):
        if owner.has(name):
            return owner.get(name)
        raise Misuse(f"no member {name}: {owner.keys()}")
    if isinstance(owner, Record):
        if name.lower() in owner.properties:
            return owner.properties[name.lower()]
        raise Misuse(f"no property {name}: {list(owner.properties)}")
    found = net_methods.PROPERTIES.get((net_types.type_of(owner), name.lower()))
    if found is None:
        raise Misuse(f"no property {name} of {owner!r}")
    return found(owner)


def set_member(owner: Any, name: str, value: Any) -> None:
    if isinstance(owner, Dictionary):
        owner.put(name, value)
    elif isinstance(owner, Record) and name.lower() in owner.properties:
        owner.properties[name.lower()] = value
    else:
        raise Misuse(f"no property {name} to set of {owner!r}")


def element(owner: Any, index: Any) -> Any:
    if isinstance(owner, Dictionary):
        if not isinstance(index, str):
            raise Misuse("a position in a dictionary")
        return owner.get(index)
    if isinstance(index, list):
        return [element(owner, one) for one in index]
    items = owner.items if isinstance(owner, ArrayList) else owner
    if not isinstance(items, list | str | bytes) or not isinstance(index, int):
        raise Misuse(f"an element {index!r} of {owner!r}")
    if not -len(items) <= index < len(items):
        raise net_error("System.IndexOutOfRangeException", f"no element {index}")
    return Char(items[index]) if isinstance(items, str) else items[index]


def set_element(owner: Any, index: Any, value: Any) -> None:
    if isinstance(owner, Dictionary):
        if not isinstance(index, str):
            raise Misuse("a position in a dictionary")
        owner.put(index, value)
    elif isinstance(owner, list | ArrayList):
        (owner.items if isinstance(owner, ArrayList) else owner)[index] = value
    else:
        raise Misuse(f"an element of {owner!r}")
