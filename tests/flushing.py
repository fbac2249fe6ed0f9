"""Emptying all tables, as Django does between tests that commit, and a benchmark between its runs.

Audit events refuse it. Their guard stands aside for it and for nothing else, in the same transaction.
"""

from __future__ import annotations

from functools import cache
from typing import Any

from django.db import connection


@cache
def let_flushes_through() -> None:
    """For the rest of this process; asked for again, it does nothing more."""
    operations = type(connection.ops)
    flush = operations.sql_flush

    def sql_flush(self: Any, *args: Any, **options: Any) -> list[str]:
        aside, back = _guard_of_audit_events(self.connection)
        return [*aside, *flush(self, *args, **options), *back]

    operations.sql_flush = sql_flush  # type: ignore[method-assign]  # Django has no hook for it


def _guard_of_audit_events(database: Any) -> tuple[list[str], list[str]]:
    """Statements that take the triggers off the table, and that put them back."""
    if database.vendor == "postgresql":
        alter = "ALTER TABLE onboarding_auditevent"
        return [f"{alter} DISABLE TRIGGER USER"], [f"{alter} ENABLE TRIGGER USER"]
    with database.cursor() as cursor:
        cursor.execute(
            "SELECT name, sql FROM sqlite_master WHERE type = 'trigger' AND tbl_name = 'onboarding_auditevent'"
        )
        triggers = cursor.fetchall()
    return [f"DROP TRIGGER {name}" for name, _sql in triggers], [sql for _name, sql in triggers]
