"""Lists cut to what one call takes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence


def batches(items: Sequence[str], size: int) -> Iterator[list[str]]:
    """`items` in their order, at most `size` at a time. (itertools.batched, which Python 3.11 has not yet.)"""
    return (list(items[start : start + size]) for start in range(0, len(items), size))
