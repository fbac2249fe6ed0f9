"""Django's backend for PostgreSQL, of which no page waits for ever.

A server that stands still accepts connections and answers nothing: its own `statement_timeout` does not run, and TCP's
time-outs see nothing wrong, since its kernel acknowledges. So the client has to stop waiting by itself.
"""

from __future__ import annotations

import socket
import struct
import time
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import partial
from typing import Any, TypeVar

import psycopg
from django.db.backends.postgresql import base

# Seconds after which a page that waits for an answer looks whether anybody is there to give it. Pages' queries take
# milliseconds; `connect_timeout` can be no shorter.
PATIENCE = 2.0
# Of the looking.
_A_MOMENT = 0.5
# Of a server that lives, and is slow.
ENOUGH = 20.0
# How often a wait looks at signals, as psycopg's own.
_INTERVAL = 0.1

_T = TypeVar("_T")


class _Page:
    """What is being made now. One answer that did not come is enough: nothing else is asked for it."""

    has_waited = False


_page: ContextVar[_Page | None] = ContextVar("page", default=None)


@contextmanager
def impatient() -> Iterator[None]:
    """Inside, an answer that does not come within PATIENCE is an OperationalError where the server says nothing to
    anybody else either, and so is one that does not come within ENOUGH, and each question after it. Outside, as in
    workers and commands, waiting has no end but the task's.
    """
    token = _page.set(_Page())
    try:
        yield
    finally:
        _page.reset(token)


def impatiently(items: Iterator[_T]) -> Iterator[_T]:
    """The same items, each made as inside `impatient`: a page that is streamed asks its questions after it was
    returned, and is one page all the same.
    """
    page = _Page()
    while True:
        token = _page.set(page)
        try:
            item = next(items)
        except StopIteration:
            return
        finally:
            _page.reset(token)
        yield item


def _gave_up(page: _Page) -> psycopg.OperationalError:
    page.has_waited = True
    return psycopg.OperationalError("the database did not answer in time")


def _wait(connection: psycopg.Connection[Any], generator: Any, interval: float = _INTERVAL) -> Any:
    """psycopg's Connection.wait, for pages with an end. The connection is of no use afterwards, so it is closed."""
    page = _page.get()
    if page is None:
        return psycopg.Connection.wait(connection, generator, interval)
    if page.has_waited:
        connection.close()
        raise _gave_up(page)
    try:
        return psycopg.Connection.wait(connection, _bounded(generator, connection.info), interval)
    except _Silent:
        connection.close()
        raise _gave_up(page) from None


class _Silent(Exception):
    """Nothing came, and waiting longer is no use."""


def _bounded(generator: Any, info: psycopg.ConnectionInfo) -> Generator[Any, Any, Any]:
    """What psycopg waits with: asked again and again while nothing comes, it ends by itself when it has enough."""
    began, has_looked = time.monotonic(), False
    try:
        wanted = next(generator)
        while True:
            ready = yield wanted
            waited = time.monotonic() - began
            if not ready and waited > ENOUGH:
                raise _Silent
            if not ready and waited > PATIENCE and not has_looked:
                has_looked = True
                if not _lives(info):
                    raise _Silent
            wanted = generator.send(ready)
    except StopIteration as end:
        return end.value


def _lives(info: psycopg.ConnectionInfo) -> bool:
    """Whether the server says anything: whether it speaks TLS, it tells everybody who connects."""
    # https://www.postgresql.org/docs/current/protocol-message-formats.html, SSLRequest
    question = struct.pack("!ii", 8, 80877103)
    try:
        with _connected(info) as connection:
            connection.sendall(question)
            return connection.recv(1) in (b"S", b"N")
    except OSError:
        return False


def _connected(info: psycopg.ConnectionInfo) -> socket.socket:
    if not info.host.startswith("/"):
        return socket.create_connection((info.hostaddr or info.host, info.port), timeout=_A_MOMENT)
    connection = socket.socket(socket.AF_UNIX)
    connection.settimeout(_A_MOMENT)
    connection.connect(f"{info.host}/.s.PGSQL.{info.port}")
    return connection


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
