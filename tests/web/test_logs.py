"""What the log says of requests: who asked when for what and from where, and what was refused."""

from __future__ import annotations

import datetime as dt
import io
import json
from typing import Any

import pytest
from django.test import Client
from pytest_django import Settings

from onboarding.models import Person
from tests.factories import make_person

pytestmark = pytest.mark.django_db


@pytest.fixture
def person() -> Person:
    return make_person()


@pytest.fixture
def client(person: Person) -> Client:
    client = Client(raise_request_exception=False)
    assert person.user is not None
    client.force_login(person.user)
    return client


def lines(log: io.StringIO) -> list[dict[str, Any]]:
    """Each line is one JSON object, or this fails."""
    return [json.loads(line) for line in log.getvalue().splitlines()]


def finished(log: io.StringIO) -> dict[str, Any]:
    [line] = [line for line in lines(log) if line["event"] == "request_finished"]
    return line


def test_a_request_is_on_record_with_who_when_what_and_how_it_ended(
    client: Client, person: Person, log: io.StringIO
) -> None:
    client.get("/sessions/?q=private")

    said = finished(log)
    at = dt.datetime.fromisoformat(said["timestamp"])
    assert at.utcoffset() == dt.timedelta()
    assert abs(dt.datetime.now(dt.UTC) - at) < dt.timedelta(minutes=1)
    assert (said["request"], said["code"], said["ip"]) == ("GET /sessions/", 200, "127.0.0.1")
    assert (said["user_id"], said["level"]) == (person.user_id, "info")
    assert len({line["request_id"] for line in lines(log)}) == 1


@pytest.mark.parametrize(
    ("proxies", "forwarded", "ip"),
    [
        # Nobody is trusted to say another.
        (0, "198.51.100.1", "127.0.0.1"),
        # What the proxy saw; what stands before it, anybody may have written.
        (1, "198.51.100.1, 203.0.113.7", "203.0.113.7"),
        (1, "", "127.0.0.1"),
    ],
)
def test_nobody_writes_an_address_of_their_own_into_it(
    proxies: int, forwarded: str, ip: str, client: Client, log: io.StringIO, settings: Settings
) -> None:
    settings.ALLAUTH_TRUSTED_PROXY_COUNT = proxies
    others = dict.fromkeys(("X-Real-IP", "Forwarded", "X-Client-IP", "True-Client-IP"), "198.51.100.9")

    client.get("/sessions/", headers=others | ({"X-Forwarded-For": forwarded} if forwarded else {}))

    assert {line["ip"] for line in lines(log)} == {ip}


def test_nobody_writes_a_line_of_their_own_into_it(client: Client, log: io.StringIO) -> None:
    forged = '\n{"event": "forged"}\r\n\u2028\x85'
    client.get("/nowhere%0A%7B%22event%22:%22forged%22%7D", headers={"User-Agent": forged})

    assert len(lines(log)) == len(log.getvalue().split("\n")) - 1
    assert {line["event"] for line in lines(log)} & {"forged"} == set()
    assert finished(log)["code"] == 404


REFUSED = [
    pytest.param("get", "/people/", 403, id="a page of admins"),
    pytest.param("get", "/api/v1/people", 401, id="no token"),
    pytest.param("post", "/install/bundle/", 410, id="no code"),
    pytest.param("post", "/sessions/1/end/", 404, id="somebody else's"),
    pytest.param("post", "/setup/", 405, id="another method"),
]


@pytest.mark.parametrize(("method", "url", "code"), REFUSED)
def test_what_is_refused_is_on_record(method: str, url: str, code: int, client: Client, log: io.StringIO) -> None:
    assert getattr(client, method)(url).status_code == code

    assert finished(log)["code"] == code
    assert [line for line in lines(log) if line["level"] == "warning"]


def test_forged_and_too_many_requests_are_on_record(client: Client, log: io.StringIO, settings: Settings) -> None:
    settings.ONRAMP_PERSON_RATE = 1
    client.post("/sessions/end-others/")
    client.post("/sessions/end-others/")
    client.handler.enforce_csrf_checks = True
    client.post("/sessions/end-others/")

    ended = [line["code"] for line in lines(log) if line["event"] == "request_finished"]
    assert ended == [302, 429, 403]
    logged = [line for line in lines(log) if line["logger"] == "django.security.csrf"]
    assert [line["level"] for line in logged] == ["warning"]
