"""Where somebody who found a hole reads whom to tell, as RFC 9116 has it."""

from __future__ import annotations

import datetime as dt

import pytest
import time_machine
from django.test import Client
from pytest_django import Settings

pytestmark = pytest.mark.django_db

URL = "/.well-known/security.txt"


def test_without_a_contact_there_is_none(client: Client) -> None:
    assert client.get(URL).status_code == 404


@time_machine.travel(dt.datetime(2026, 11, 26, 4, 30, 1, tzinfo=dt.UTC), tick=False)
def test_it_names_the_contacts_and_ends_within_a_year(client: Client, settings: Settings) -> None:
    settings.ONRAMP_SECURITY_CONTACT = ("mailto:security@acme.example", "https://acme.example/report")
    settings.PUBLIC_URL = "https://onramp.acme.example"

    response = client.get(URL)

    assert (response.status_code, response.headers["Content-Type"]) == (200, "text/plain; charset=utf-8")
    assert response.content.decode() == (
        "Contact: mailto:security@acme.example\n"
        "Contact: https://acme.example/report\n"
        "Expires: 2026-12-26T04:30:01Z\n"
        "Preferred-Languages: en, es\n"
        "Canonical: https://onramp.acme.example/.well-known/security.txt\n"
    )


def test_an_address_over_plain_http_is_not_its_canonical_one(client: Client, settings: Settings) -> None:
    settings.ONRAMP_SECURITY_CONTACT = ("tel:+34-600-000-000",)

    assert b"Canonical" not in client.get(URL).content
