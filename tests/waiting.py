"""Two that change the same at once, on PostgreSQL: the second waits for what the first holds."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager

from django.db import connection, transaction


@contextmanager
def held_until_somebody_waits(deed: Callable[[], object]) -> Iterator[None]:
    """What the block does is committed when `deed`, in a connection of its own, waits for it, or is done."""
    with ThreadPoolExecutor(1) as pool:
        with transaction.atomic():
            yield
            doing = pool.submit(_in_own_connection, deed)
            _wait_for_a_lock(doing)
        doing.result(timeout=60)


def _in_own_connection(deed: Callable[[], object]) -> None:
    try:
        deed()
    finally:
        connection.close()


def _wait_for_a_lock(doing: Future[None]) -> None:
    until = time.monotonic() + 60
    while not doing.done():
        with connection.cursor() as cursor:
            cursor.execute("SELECT count(*) FROM pg_locks WHERE NOT granted")
            if cursor.fetchone()[0]:
                return
        assert time.monotonic() < until, "nobody waits for the row"
        time.sleep(0.01)
