"""An index on a table that grows, made while others write to it."""

from __future__ import annotations

from typing import Any

from django.contrib.postgres import operations
from django.db.migrations import AddIndex


class AddIndexConcurrently(operations.AddIndexConcurrently):
    """Django's for PostgreSQL; the migration has to say `atomic = False`. SQLite has one writer at any time anyway."""

    def database_forwards(self, app_label: str, schema_editor: Any, from_state: Any, to_state: Any) -> None:
        if schema_editor.connection.vendor == "postgresql":
            super().database_forwards(app_label, schema_editor, from_state, to_state)
        else:
            AddIndex.database_forwards(self, app_label, schema_editor, from_state, to_state)

    def database_backwards(self, app_label: str, schema_editor: Any, from_state: Any, to_state: Any) -> None:
        if schema_editor.connection.vendor == "postgresql":
            super().database_backwards(app_label, schema_editor, from_state, to_state)
        else:
            AddIndex.database_backwards(self, app_label, schema_editor, from_state, to_state)
