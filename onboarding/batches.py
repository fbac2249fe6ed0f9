"""Many rows, some at a time: whoever writes to the same table waits for one short transaction, not for all of it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django.db.models import QuerySet

SIZE = 500


def delete(rows: QuerySet[Any], size: int = SIZE) -> Iterator[int]:
    """Batch by batch; how many rows each was, with what was deleted along. Safe to repeat, and to end anywhere."""
    while batch := list(rows.values_list("pk", flat=True)[:size]):
        yield rows.model._default_manager.filter(pk__in=batch).delete()[0]
