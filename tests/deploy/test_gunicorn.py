"""What the image starts, started here: every line of its log is one object, without what somebody sent."""

from __future__ import annotations

import http.client
import json
import os
import re
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

BASE_DIR = Path(__file__).resolve().parents[2]
SECRET = "4f2a-a-code-of-sign-in"


def _command() -> list[str]:
    text = (BASE_DIR / "Dockerfile").read_text()
    found = re.search(r"^CMD (\[.*?\])$", text, re.MULTILINE | re.DOTALL)
    assert found
    command: list[str] = json.loads(found[1].replace("\\\n", ""))
    return command


@contextmanager
def _started(home: Path) -> Iterator[int]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [part.replace("0.0.0.0:8000", f"127.0.0.1:{port}") for part in _command()]
    # As the image has them, but for its static files; whatever database the tests are on, none is asked.
    environment = os.environ | {"ONRAMP_HOME": str(home), "ONRAMP_DEBUG": "true", "ONRAMP_LOG_FORMAT": "json"}
    with (home / "log").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", *command], cwd=BASE_DIR, env=environment, stdout=log, stderr=log
        )
        try:
            _wait_for(port, process)
            yield port
        finally:
            process.terminate()
            process.wait(20)


def _wait_for(port: int, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + 60
    while b"200" not in _said(port, b"GET /livez HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")[:15]:
        assert process.poll() is None, "gunicorn ended"
        assert time.monotonic() < deadline, "gunicorn does not answer"
        time.sleep(0.2)


def _said(port: int, request: bytes) -> bytes:
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=5) as connection:
            connection.sendall(request)
            return connection.recv(1000)
    except OSError:
        return b""


def test_a_connection_outlives_what_load_balancers_keep_of_it_and_holds_no_stop_up(tmp_path: Path) -> None:
    """AWS's ALB and ingress-nginx use idle connections again for 60 seconds: whoever closes first must be they."""
    command = _command()
    assert "--keep-alive" in command
    assert int(command[command.index("--keep-alive") + 1]) > 60

    with _started(tmp_path) as port:
        kept = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
        kept.connect()
        connection = kept.sock
        for pause in (0, 4):  # gunicorn's default would end it after two
            time.sleep(pause)
            kept.request("GET", "/livez", headers={"Host": "localhost"})
            assert kept.getresponse().read() == b'{"status": "ok"}'
        assert kept.sock is connection, "another connection was made"
        begun = time.monotonic()

    # Idle connections end after two seconds, not after what the flag says or the 30 of a graceful stop.
    assert time.monotonic() - begun < 15
    kept.close()


def test_every_line_is_an_object_and_none_has_what_was_sent(tmp_path: Path) -> None:
    with _started(tmp_path) as port:
        for request in (
            f"GET /sign-in/callback/?code={SECRET} bad HTTP/1.1\r\n\r\n",
            f"GET / HTTP/1.1\r\nHost: localhost\r\nsessionid {SECRET}\r\n\r\n",
            f"{SECRET}\r\n\r\n",
        ):
            assert b"400" in _said(port, request.encode())

    text = (tmp_path / "log").read_text()
    lines: list[dict[str, Any]] = [json.loads(line) for line in text.splitlines()]
    refused = [line["event"] for line in lines if line["logger"] == "gunicorn.error" and line["level"] == "warning"]
    assert refused == ["Invalid request from ip=127.0.0.1"] * 3
    assert any("Listening at" in line["event"] for line in lines)
    assert SECRET not in text
