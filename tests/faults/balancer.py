"""A load balancer on loopback that knows of no protocol: each connection goes to the next of its backends.

Whoever is behind it is asked over a new connection each time: its visitors send `Connection: close`.
"""

from __future__ import annotations

import itertools
import socket
import socketserver
import threading


class Balancer(socketserver.ThreadingTCPServer):
    """`ports` may be changed at any time; what is connected stays so."""

    daemon_threads = True

    def __init__(self, ports: list[int]) -> None:
        super().__init__(("127.0.0.1", 0), _Session)
        self.ports = ports
        self.url = f"http://localhost:{self.server_address[1]}"
        self._turn = itertools.count()

    def next_port(self) -> int:
        ports = self.ports
        return ports[next(self._turn) % len(ports)]


class _Session(socketserver.BaseRequestHandler):
    server: Balancer

    def handle(self) -> None:
        with socket.create_connection(("127.0.0.1", self.server.next_port()), timeout=60) as backend:
            _pass_on(self.request, backend)


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
