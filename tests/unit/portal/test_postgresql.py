"""A database that stands still: no page waits for it, and what it says is worth a retry."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator

import psycopg
import pytest
from django.db import OperationalError, connection, connections
from django.http import StreamingHttpResponse
from django.test import Client, RequestFactory

from portal.middleware import Impatience
from portal.postgresql import base
from portal.postgresql.base import impatient
from tests.serving import asked

on_postgresql = pytest.mark.skipif(connection.vendor != "postgresql", reason="asks PostgreSQL to wait")


@pytest.fixture
def short_patience(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(base, "PATIENCE", 0.2)
    yield
    connection.close_if_unusable_or_obsolete()


@on_postgresql
@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("short_patience")
def test_a_page_waits_for_a_server_that_is_only_slow() -> None:
    with impatient(), connection.cursor() as cursor:
        cursor.execute("SELECT pg_sleep(0.6), 1")
        assert cursor.fetchone()[1] == 1


@on_postgresql
@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("short_patience")
@pytest.mark.parametrize("what", ["the server is silent", "it takes too long"])
def test_a_page_gives_up_an_answer_that_does_not_come_and_asks_nothing_more(
    what: str, monkeypatch: pytest.MonkeyPatch, dumb_server: socket.socket
) -> None:
    if what == "it takes too long":
        monkeypatch.setattr(base, "ENOUGH", 0.4)
    else:
        # The connection's own server would have to be stopped, and with it the other tests'.
        monkeypatch.setattr(base, "_connected", lambda _: socket.create_connection(dumb_server.getsockname(), 0.2))
    with impatient():
        began = time.monotonic()
        for said in ("did not answer", "closed"):
            with pytest.raises(OperationalError, match=said), connection.cursor() as cursor:
                cursor.execute("SELECT pg_sleep(30)")
        assert time.monotonic() - began < 15

    connection.close_if_unusable_or_obsolete()  # as at a request's end
    with connection.cursor() as cursor:
        assert cursor.execute("SELECT pg_sleep(0.4)") is not None


def _naps(*seconds: float) -> Iterator[bytes]:
    for each in seconds:
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_sleep(%s)", [each])
        yield b"line\n"


@on_postgresql
@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("short_patience")
def test_a_page_that_is_streamed_gives_up_as_any_other(rf: RequestFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(base, "ENOUGH", 0.4)
    page = Impatience(lambda _request: StreamingHttpResponse(_naps(0, 30)))(rf.get("/people.csv"))
    assert isinstance(page, StreamingHttpResponse)
    rows, began = iter(page), time.monotonic()

    assert next(rows) == b"line\n"
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_sleep(0.6)")  # somebody else's, in between
    with pytest.raises(OperationalError, match="did not answer"):
        next(rows)

    assert time.monotonic() - began < 15


@on_postgresql
@pytest.mark.django_db
@pytest.mark.usefixtures("short_patience")
def test_a_worker_waits_as_long_as_it_takes() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_sleep(0.4), 1")
        assert cursor.fetchone()[1] == 1


@pytest.fixture
def dumb_server() -> Iterator[socket.socket]:
    """Accepts, and says nothing, as a kernel does for a process that is stopped."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server


@on_postgresql
@pytest.mark.django_db
def test_a_page_tries_to_connect_once(dumb_server: socket.socket) -> None:
    alone = connections["default"].copy()
    alone.settings_dict = {**alone.settings_dict, "HOST": "127.0.0.1", "PORT": str(dumb_server.getsockname()[1])}
    with impatient():
        for _ in range(2):
            with pytest.raises(OperationalError):
                alone.ensure_connection()
    assert asked(dumb_server) == 1


# What the kernel is told: seconds, seconds, how often, milliseconds.
KEEPALIVES = {socket.TCP_KEEPIDLE: 10, socket.TCP_KEEPINTVL: 5, socket.TCP_KEEPCNT: 4, socket.TCP_USER_TIMEOUT: 30_000}


@on_postgresql
@pytest.mark.django_db
def test_a_peer_that_is_gone_is_noticed_within_half_a_minute(dumb_server: socket.socket) -> None:
    """The suite's server listens on a Unix socket, which has no keepalives: so this one connects by TCP."""
    given = connections["default"].get_connection_params()
    options = {name: value for name, value in given.items() if name.startswith(("keepalives", "tcp_"))}
    server = psycopg.conninfo.make_conninfo(host="127.0.0.1", port=dumb_server.getsockname()[1], **options)
    link = psycopg.pq.PGconn.connect_start(server.encode())
    while link.connect_poll() == psycopg.pq.PollingStatus.WRITING:
        time.sleep(0.01)
    with socket.socket(fileno=link.socket) as ours:
        assert ours.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE) == 1
        assert {name: ours.getsockopt(socket.IPPROTO_TCP, name) for name in KEEPALIVES} == KEEPALIVES
        ours.detach()
    link.finish()


@pytest.mark.parametrize(("language", "said"), [("en", "Try again"), ("es", "Volver a intentarlo")])
def test_the_page_says_so_in_both_languages_and_is_worth_a_retry(
    language: str, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def silent(*_: object) -> None:
        raise OperationalError("the database did not answer in time")

    monkeypatch.setattr("onboarding.views.sign_in.render", silent)
    client = Client(raise_request_exception=False, headers={"accept-language": language})

    answer = client.get("/?next=/bundle/")

    assert (answer.status_code, answer["Retry-After"]) == (503, "10")
    assert said in answer.content.decode()
    assert 'href="/?next=/bundle/"' in answer.content.decode()
