"""A mail server on loopback that keeps whom it was given which mail for."""

from __future__ import annotations

import socketserver
import threading
from collections import Counter
from email import message_from_bytes
from typing import Self


class Sink:
    """Takes every mail. `taken` counts them by recipient and Message-ID."""

    def __init__(self) -> None:
        self.taken: Counter[tuple[str, str]] = Counter()
        sink = self

        class Session(socketserver.StreamRequestHandler):
            def handle(self) -> None:
                _converse(self, sink)

        self._server = socketserver.ThreadingTCPServer(("127.0.0.1", 0), Session)
        self._server.daemon_threads = True
        self.port = int(self._server.server_address[1])

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    def take(self, recipient: str, data: bytes) -> None:
        self.taken[recipient, message_from_bytes(data)["Message-ID"]] += 1

    def recipients(self) -> Counter[str]:
        """How many different mails each was sent."""
        return Counter(recipient for recipient, _ in self.taken)


def _converse(session: socketserver.StreamRequestHandler, sink: Sink) -> None:
    """RFC 5321, as far as smtplib speaks it. A client that is killed ends it anywhere."""

    def say(line: str) -> None:
        session.wfile.write(f"{line}\r\n".encode())

    recipient = ""
    try:
        say("220 sink")
        while line := session.rfile.readline():
            verb = line[:4].upper()
            if verb == b"RCPT":
                recipient = line.decode().partition("<")[2].partition(">")[0]
            if verb == b"DATA":
                say("354 go on")
                data = b""
                while not data.endswith(b"\r\n.\r\n"):
                    more = session.rfile.readline()
                    if not more:
                        return
                    data += more
                sink.take(recipient, data)
            say("221 bye" if verb == b"QUIT" else "250 ok")
            if verb == b"QUIT":
                return
    except OSError:
        return
