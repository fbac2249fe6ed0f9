"""JSON as files hold it: ASCII, so that no tool on any platform misreads it; two spaces of indent; a line's end."""

from __future__ import annotations

import json
from functools import lru_cache
from typing import Any


def json_text(value: Any) -> bytes:
    """The bytes of a file. Indenting is slow, and most files are the same for everybody on a plan: done once each."""
    return _indented(json.dumps(value))


@lru_cache(maxsize=256)
def _indented(compact: str) -> bytes:
    return (json.dumps(json.loads(compact), indent=2) + "\n").encode("ascii")
