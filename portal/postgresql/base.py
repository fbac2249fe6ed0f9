"""Django's backend for PostgreSQL, of which no page waits for ever.

A server that stands still accepts connections and answers nothing: its own `statement_timeout` does not run, and TCP's
time-outs see nothing wrong, since its kernel acknowledges. So the client has to stop waiting by itself.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import partial
from typing import Any

import psycopg
from django.db.backends.postgresql import base

# Seconds that a page waits for one answer. Pages' queries take milliseconds; `connect_timeout` can be no shorter.
PATIENCE = 2.0
# How often a wait looks at signals, as psycopg's own.
_INTERVAL = 0.1


class _Page:
    """What is being made now. One answer that did not come is enough: nothing else is asked for it."""

    has_waited = False


_page: ContextVar[_Page | None] = ContextVar("page", default=None)


@contextmanager
def impatient() -> Iterator[None]:
    """Inside, an answer that takes longer than PATIENCE is an OperationalError, and so is each question after it.
    Outside, as in workers and commands, waiting has no end but the task's.
    """
    token = _page.set(_Page())
    try:
        yield
    finally:
        _page.reset(token)


def _gave_up(page: _Page) -> psycopg.OperationalError:
    page.has_waited = True
    return psycopg.OperationalError(f"the database did not answer within {PATIENCE:g} seconds")


def _wait(connection: psycopg.Connection[Any], generator: Any, interval: float = _INTERVAL) -> Any:
    """psycopg's Connection.wait, for pages with an end. The connection is of no use afterwards, so it is closed."""
    page = _page.get()
    patience = None if page is None else 0.0 if page.has_waited else PATIENCE
    try:
        return psycopg.Connection.wait(connection, generator, interval, patience)
    except psycopg.errors._WaitTimeout:
        if page is None:
            raise
        connection.close()
        raise _gave_up(page) from None


class DatabaseWrapper(base.DatabaseWrapper):
    def get_new_connection(self, conn_params: dict[str, Any]) -> Any:
        page = _page.get()
        if page is not None and page.has_waited:
            raise _gave_up(page)
        try:
            connection = super().get_new_connection(conn_params)
        except psycopg.errors.ConnectionTimeout:
            if page is not None:
                page.has_waited = True
            raise
        connection.wait = partial(_wait, connection)
        return connection
