"""Filters of SCIM as conditions of the database: equality, on what has an index, joined with `and` and `or`."""

from __future__ import annotations

import re
import uuid
from collections.abc import Callable, Mapping
from typing import Any

from django.db.models import Q
from scim2_models import InvalidFilterException, ScimFilter
from scim2_models.path import (
    CompareOperator,
    Comparison,
    FilterNode,
    FilterVisitor,
    LogicalExpr,
    LogicalOperator,
    Not,
    Present,
    ValuePath,
)

# What a value of an attribute is to the rows, by the attribute's name in small letters.
Columns = Mapping[str, Callable[[Any], Q]]

# Microsoft Entra ID asks so; the standard has no such form.
_ENTRA_EMAIL = re.compile(r'emails\[type eq "\w+"\]\.value', re.IGNORECASE)
_NOTHING = Q(pk__in=())


def query_of(parameters: Mapping[str, str]) -> dict[str, str]:
    """The parameters of a query string, with filters as the standard has them. Raises InvalidFilterException."""
    told = dict(parameters)
    if "filter" in told:
        # PostgreSQL has no NUL in its texts.
        if "\0" in told["filter"]:
            raise InvalidFilterException(detail="A text holds a NUL.")
        told["filter"] = _ENTRA_EMAIL.sub("emails.value", told["filter"])
    return told


def condition(wanted: ScimFilter[Any] | None, columns: Columns) -> Q:
    """What `wanted` asks for. Raises InvalidFilterException where that is more than an index can answer."""
    return Q() if wanted is None else _Conditions(columns).visit(wanted.ast)


def by_id(value: Any, column: str = "pk") -> Q:
    """Rows by a UUID; none for what is not one."""
    try:
        return Q(**{column: uuid.UUID(str(value))})
    except ValueError:
        return _NOTHING


class _Conditions(FilterVisitor[Q]):
    def __init__(self, columns: Columns) -> None:
        self.columns = columns

    def visit_comparison(self, node: Comparison) -> Q:
        path = node.attr_path
        name = f"{path.attr}.{path.sub_attr}" if path.sub_attr else path.attr
        column = self.columns.get(name.lower())
        if column is None or node.op != CompareOperator.eq:
            return self._refuse(node)
        return column(node.value)

    def visit_logical_expr(self, node: LogicalExpr) -> Q:
        found = Q()
        for term in node.terms:
            found = found & self.visit(term) if node.op == LogicalOperator.and_ else found | self.visit(term)
        return found

    def visit_present(self, node: Present) -> Q:
        return self._refuse(node)

    def visit_not(self, node: Not) -> Q:
        return self._refuse(node)

    def visit_value_path(self, node: ValuePath) -> Q:
        return self._refuse(node)

    def _refuse(self, node: FilterNode) -> Q:
        names = ", ".join(sorted(self.columns))
        raise InvalidFilterException(detail=f"Filters compare with eq, and only: {names}.")
