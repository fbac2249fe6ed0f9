"""A mail server on loopback that keeps whom it was given which mail for."""

from __future__ import annotations

import socketserver
from collections import Counter
from contextlib import suppress
from email import message_from_bytes


class Sink(socketserver.ThreadingTCPServer):
    """Takes every mail. `taken` counts them by recipient and Message-ID."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Session)
        self.taken: Counter[tuple[str, str]] = Counter()
        self.port = int(self.server_address[1])

    def take(self, recipient: str, data: bytes) -> None:
        self.taken[recipient, message_from_bytes(data)["Message-ID"]] += 1

    def recipients(self) -> Counter[str]:
        """How many different mails each was sent."""
        return Counter(recipient for recipient, _ in self.taken)


class _Session(socketserver.StreamRequestHandler):
    """RFC 5321, as far as smtplib speaks it. A client that is killed ends it anywhere."""

    server: Sink

    def handle(self) -> None:
        with suppress(OSError):
            self._converse()

    def _converse(self) -> None:
        recipient = ""
        self._say("220 sink")
        while line := self.rfile.readline():
            verb = line[:4].upper()
            if verb == b"RCPT":
                recipient = line.decode().partition("<")[2].partition(">")[0]
            if verb == b"DATA":
                self._say("354 go on")
                data = b""
                while not data.endswith(b"\r\n.\r\n"):
                    more = self.rfile.readline()
                    if not more:
                        return
                    data += more
                self.server.take(recipient, data)
            self._say("221 bye" if verb == b"QUIT" else "250 ok")
            if verb == b"QUIT":
                return

    def _say(self, line: str) -> None:
        self.wfile.write(f"{line}\r\n".encode())
