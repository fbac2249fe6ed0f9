"""A load balancer on loopback that knows of no protocol: each connection goes to the next of its backends.

Whoever is behind it is asked over a new connection each time, as nginx does by default: its visitors send
`Connection: close`.
"""

from __future__ import annotations

import itertools
import socket
import socketserver
import threading
from typing import Self


class Balancer:
    """`ports` may be changed at any time; what is connected stays so."""

    def __init__(self, ports: list[int]) -> None:
        self.ports = ports
        self._turn = itertools.count()
        balancer = self

        class Session(socketserver.BaseRequestHandler):
            def handle(self) -> None:
                ports = balancer.ports
                port = ports[next(balancer._turn) % len(ports)]
                with socket.create_connection(("127.0.0.1", port), timeout=60) as backend:
                    _pass_on(self.request, backend)

        self._server = socketserver.ThreadingTCPServer(("127.0.0.1", 0), Session)
        self._server.daemon_threads = True
        self.url = f"http://localhost:{self._server.server_address[1]}"

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()


def _pass_on(visitor: socket.socket, backend: socket.socket) -> None:
    """Until the backend has said all. What the visitor sends meanwhile, another thread passes on."""
    threading.Thread(target=_copy, args=(visitor, backend), daemon=True).start()
    _copy(backend, visitor)


def _copy(source: socket.socket, sink: socket.socket) -> None:
    try:
        while data := source.recv(65536):
            sink.sendall(data)
    except OSError:
        return
