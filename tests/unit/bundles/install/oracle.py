"""What the installer promises, written a second time: strict JSON, edits merged into it, edits taken out of it."""

from __future__ import annotations

import copy
import json
import math
from decimal import Decimal
from typing import Any

from tests.unit.bundles.install.machine import Edits

_BOM = b"\xef\xbb\xbf"


class Refused(Exception):
    """A step of an edit's path is there and is of another kind. Its text is the path so far."""


def parse(content: bytes) -> dict[str, Any] | None:
    """The object in a file; None where it is no strict JSON with an object at the top. Numbers are exact."""
    try:
        value = json.loads(
            content.removeprefix(_BOM).decode("utf-8"), parse_float=_number, parse_int=_number, parse_constant=_refuse
        )
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None


def _number(spelling: str) -> Decimal:
    if math.isinf(float(spelling)):
        raise ValueError(spelling)
    return Decimal(spelling)


def _refuse(name: str) -> None:
    raise ValueError(name)


def exact(value: Any) -> Any:
    """A value of a test's own, with numbers as `parse` makes them."""
    return json.loads(json.dumps(value), parse_float=Decimal, parse_int=Decimal)


def is_equal(left: Any, right: Any) -> bool:
    """As JSON values: Python takes true for 1."""
    if isinstance(left, dict) and isinstance(right, dict):
        return left.keys() == right.keys() and all(is_equal(left[key], right[key]) for key in left)
    if isinstance(left, list) and isinstance(right, list):
        return len(left) == len(right) and all(map(is_equal, left, right))
    return type(left) is type(right) and bool(left == right)


def _holds(items: list[Any], item: Any) -> bool:
    return any(is_equal(other, item) for other in items)


def merge(base: dict[str, Any], edits: Edits) -> dict[str, Any]:
    """Raises Refused."""
    merged = copy.deepcopy(base)
    for edit in exact(list(edits)):
        *above, last = edit["path"]
        holder = merged
        for depth, key in enumerate(above):
            holder = holder.setdefault(key, {})
            if not isinstance(holder, dict):
                raise Refused(".".join(above[: depth + 1]))
        if "value" in edit:
            holder[last] = edit["value"]
        elif not isinstance(holder.setdefault(last, []), list):
            raise Refused(".".join(edit["path"]))
        else:
            for item in edit["add"]:
                if not _holds(holder[last], item):
                    holder[last].append(item)
    return merged


def merged(base: dict[str, Any], edits: Edits) -> dict[str, Any] | Refused:
    """What merging gives, or what speaks against it."""
    try:
        return merge(base, edits)
    except Refused as refusal:
        return refusal


def unmerge(current: dict[str, Any], original: dict[str, Any], edits: Edits) -> dict[str, Any]:
    left = copy.deepcopy(current)
    for edit in reversed(exact(list(edits))):
        path = edit["path"]
        if not _known(left, path):
            continue
        holder, last = _at(left, path[:-1]), path[-1]
        if "value" in edit:
            if not is_equal(holder[last], edit["value"]):
                continue
            if _known(original, path):
                holder[last] = copy.deepcopy(_at(original, path))
                continue
        elif isinstance(holder[last], list):
            theirs = _at(original, path) if _known(original, path) else []
            kept = theirs if isinstance(theirs, list) else []
            holder[last] = [item for item in holder[last] if _holds(kept, item) or not _holds(edit["add"], item)]
            if holder[last] or _known(original, path):
                continue
        else:
            continue
        _remove(left, original, path)
    return left


def _remove(left: dict[str, Any], original: dict[str, Any], path: list[str]) -> None:
    del _at(left, path[:-1])[path[-1]]
    above = path[:-1]
    if above and not _at(left, above) and not _known(original, above):
        _remove(left, original, above)


def _known(value: Any, path: list[str]) -> bool:
    for key in path:
        if not isinstance(value, dict) or key not in value:
            return False
        value = value[key]
    return True


def _at(value: Any, path: list[str]) -> Any:
    for key in path:
        value = value[key]
    return value
