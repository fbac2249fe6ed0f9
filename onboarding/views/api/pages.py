"""Lists in pages: each goes on behind the last row of the one before, so that no page is slower than the first."""

from __future__ import annotations

from typing import Annotated, Generic, TypeVar

from django.db.models import Model, QuerySet
from ninja import Query, Schema
from pydantic import Field

from onboarding.views.api.problems import Problem

Item = TypeVar("Item")
Row = TypeVar("Row", bound=Model)

# The largest primary key there is.
LARGEST = 2**63 - 1
Cursor = Annotated[
    str | None,
    Query(pattern=r"^[1-9][0-9]{0,17}$", description="`next_cursor` of the page before; as it came."),
]
Limit = Annotated[int, Query(ge=1, le=200, description="How many at most.")]
FewLimit = Annotated[int, Query(ge=1, le=50, description="How many at most.")]
Id = Annotated[int, Field(ge=1, le=LARGEST)]
# What every operation may answer besides.
PROBLEMS = dict.fromkeys((401, 403, 422, 429), Problem)
PROBLEMS_OF_ONE = {**PROBLEMS, 404: Problem}


class Page(Schema, Generic[Item]):
    """`next_cursor` is null on the last page."""

    items: list[Item]
    next_cursor: str | None


def page_of(
    rows: QuerySet[Row], cursor: str | None, limit: int, *, newest_first: bool = False
) -> tuple[list[Row], str | None]:
    """A page of rows in the order of their primary keys, and the cursor of the next; one query, none that counts."""
    if cursor is not None:
        rows = rows.filter(**{"pk__lt" if newest_first else "pk__gt": int(cursor)})
    found = list(rows.order_by("-pk" if newest_first else "pk")[: limit + 1])
    shown = found[:limit]
    return shown, str(shown[-1].pk) if len(found) > limit else None
