"""Servers on loopback: those that run in a thread of the test's own process, and those that say nothing."""

from __future__ import annotations

import socket
import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import TypeVar

S = TypeVar("S", bound=socketserver.BaseServer)


@contextmanager
def serving(server: S) -> Iterator[S]:
    """The server, answering until the block ends; it is closed then."""
    # Asked for an end fifty times a second: the default, twice, would make each test half a second longer.
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def asked(server_socket: socket.socket) -> int:
    """How many connected to what accepts and says nothing. They are ended, so it is asked when they have given up."""
    server_socket.setblocking(False)
    count = 0
    with suppress(BlockingIOError):
        while True:
            server_socket.accept()[0].close()
            count += 1
    return count
