"""A worker's own `/metrics`, where it shares no folder with a web process: one port, one page, the same rule."""

from __future__ import annotations

import threading
from collections.abc import Iterable
from socketserver import ThreadingMixIn
from typing import Any
from wsgiref.headers import Headers
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

import structlog
from django.http.request import HttpHeaders
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4

from onboarding.views.metrics import exposition, may_read

log = structlog.get_logger(__name__)


class _Server(ThreadingMixIn, WSGIServer):
    daemon_threads = True


class _Silent(WSGIRequestHandler):
    timeout = 10

    def log_message(self, format: str, *args: Any) -> None:
        """Scrapes are not worth a line."""


def serve(port: int) -> None:
    """Answer on `port` until the process ends, beside its work. A port that is taken is told, and no more."""
    try:
        server = make_server("", port, _answer, _Server, _Silent)
    except OSError as error:
        log.error("metrics.no_port", port=port, reason=error.strerror)
        return
    threading.Thread(target=server.serve_forever, name="metrics", daemon=True).start()


def _answer(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
    is_open = environ["PATH_INFO"] == "/metrics" and environ["REQUEST_METHOD"] == "GET"
    if is_open and may_read(environ["REMOTE_ADDR"], HttpHeaders(environ)):
        status, content_type, body = "200 OK", CONTENT_TYPE_PLAIN_0_0_4, exposition(has_gauges=False)
    else:
        status, content_type, body = "404 Not Found", "text/plain; charset=utf-8", b"Not found\n"
    headers = Headers([("Content-Type", content_type), ("Content-Length", str(len(body)))])
    start_response(status, headers.items())
    return [body]
