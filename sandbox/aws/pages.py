"""Lists in pages, as all of AWS's services have them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

from sandbox.aws.errors import AwsError

T = TypeVar("T")


def page_of(
    rows: Sequence[T], token: str | None, size: int, *, error: str = "ValidationException"
) -> tuple[Sequence[T], str]:
    """The page that begins at `token`, and the next page's token: "" after the last.

    A token is the index of its page's first row.

    Raises:
        AwsError: a token nobody was given, with the code `error`.
    """
    if token and not token.isdecimal():
        raise AwsError(error, "The provided token is invalid.")
    start = int(token or 0)
    return rows[start : start + size], str(start + size) if start + size < len(rows) else ""
