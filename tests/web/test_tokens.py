"""The page of the API's tokens: made by admins and shown once, read by auditors, revoked at once."""

from __future__ import annotations

import datetime as dt
import re
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from onboarding.enums import ApiScope, Role
from onboarding.masking import MASK, mask
from onboarding.models import ApiToken, AuditEvent, Person
from onboarding.models.tokens import token_digest
from onboarding.tokens import issue_token
from tests.factories import make_person
from tests.web.cost_pages import HOSTILE, admin, read, signed_in, text_of

URL = "/tokens/"
VALID = {"name": "Nightly report", "days": "90", "scopes": ["costs", "people"]}

pytestmark = pytest.mark.django_db


def make(**fields: Any) -> tuple[int, str]:
    response = admin().post(f"{URL}issue/", {**VALID, **fields})
    Person.objects.update(seen_at=timezone.now())
    return response.status_code, response.content.decode()


def token_in(page: str) -> str:
    return str(re.findall(r"onramp_api_[A-Za-z0-9_-]+", page)[0])


def test_a_token_is_shown_once_and_only_its_digest_is_kept() -> None:
    status, page = make()

    token = token_in(page)
    assert status == 200
    assert len(token) >= len("onramp_api_") + 43
    row = ApiToken.objects.get()
    assert row.digest == token_digest(token)
    assert (row.name, row.scopes) == ("Nightly report", ["people", "costs"])
    assert row.expires_at - row.created_at == dt.timedelta(days=90)
    assert "onramp_api_" not in read(URL)
    assert token not in str(AuditEvent.objects.values())
    assert Client().get("/api/v1/costs", headers={"Authorization": f"Bearer {token}"}).status_code == 200


def test_that_it_was_made_and_revoked_is_on_record() -> None:
    make()
    row = ApiToken.objects.get()
    for _ in range(2):
        assert admin().post(f"{URL}{row.pk}/revoke/").status_code == 302

    made, revoked = AuditEvent.objects.order_by("pk")
    assert (made.actor, made.action, made.target) == ("carla.soto@acme.example", "token.issued", "Nightly report")
    assert made.details == {"scopes": ["people", "costs"], "until": f"{row.expires_at:%Y-%m-%d}"}
    assert (revoked.action, revoked.details) == ("token.revoked", {"owner": "carla.soto@acme.example"})


def test_an_admin_revokes_a_colleagues_token() -> None:
    owner = make_person("ana@acme.example", role=Role.ADMIN, seen_at=timezone.now())
    token = issue_token(owner=owner, name="old", scopes=[ApiScope.PLANS], holds=dt.timedelta(days=1))
    carla = make_person("carla.soto@acme.example", role=Role.ADMIN)

    signed_in(carla).post(f"{URL}{ApiToken.objects.get().pk}/revoke/")

    assert Client().get("/api/v1/plans", headers={"Authorization": f"Bearer {token}"}).status_code == 401
    assert "Revoked" in text_of(read(URL, signed_in(carla)))


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"name": ""}, "This field is required."),
        ({"name": "x" * 61}, "at most 60 characters"),
        ({"days": "366"}, "Select a valid choice."),
        ({"scopes": []}, "Choose what it may read."),
        ({"scopes": ["everything"]}, "Select a valid choice."),
    ],
)
def test_what_does_not_fit_makes_no_token(fields: dict[str, Any], message: str) -> None:
    status, page = make(**fields)

    assert status == 422
    assert message in page
    assert not ApiToken.objects.exists()
    assert not AuditEvent.objects.exists()


@pytest.mark.parametrize("days", [0, -1, 366])
def test_no_token_holds_for_over_a_year(days: int) -> None:
    with pytest.raises(ValueError, match="365 days"):
        issue_token(owner=make_person(), name="x", scopes=[ApiScope.COSTS], holds=dt.timedelta(days=days))


def test_the_list_says_what_each_is_and_does() -> None:
    assert "Make a token" in text_of(read(URL))
    make()
    now = timezone.now()
    assert "Nightly report Carla Soto" in text_of(read(URL))
    assert "People, Costs Holds until" in text_of(read(URL))
    assert "Never Revoke Nightly report" in text_of(read(URL))
    ApiToken.objects.update(expires_at=now)
    assert "Expired" in text_of(read(URL))
    assert "/revoke/" not in read(URL)
    owner = make_person("gone@acme.example", role=Role.PERSON)
    ApiToken.objects.update(owner=owner, expires_at=now + dt.timedelta(days=1), last_used_at=now)
    assert "Refused Its owner is no admin any more, or has not signed in for 30 days." in text_of(read(URL))


def test_auditors_read_the_list_and_nothing_else() -> None:
    make()
    auditor = signed_in(make_person("vera@acme.example", role=Role.AUDITOR))

    page = read(URL, auditor)

    assert "Nightly report" in page
    assert 'action="/tokens/' not in page
    assert auditor.post(f"{URL}issue/", VALID).status_code == 403
    assert auditor.post(f"{URL}{ApiToken.objects.get().pk}/revoke/").status_code == 403
    assert ApiToken.objects.filter(revoked_at=None).count() == 1


def test_an_auditor_is_told_when_there_is_none() -> None:
    auditor = signed_in(make_person("vera@acme.example", role=Role.AUDITOR))

    assert "No admin has made a token yet." in read(URL, auditor)


def test_it_is_not_for_people() -> None:
    client = signed_in(make_person())

    assert client.get(URL).status_code == 403
    assert client.post(f"{URL}issue/", VALID).status_code == 403
    assert "/tokens/" not in client.get("/usage/").content.decode()


def test_writes_are_posts_and_of_what_there_is() -> None:
    client = admin()

    assert client.get(f"{URL}issue/").status_code == 405
    assert client.get(f"{URL}1/revoke/").status_code == 405
    assert client.post(f"{URL}999/revoke/").status_code == 404


def test_a_name_is_text() -> None:
    _, page = make(name=HOSTILE)

    assert HOSTILE not in page


def test_a_token_is_masked_wherever_it_is_written() -> None:
    _, page = make()

    assert mask(f"curl -H 'X: {token_in(page)}'") == f"curl -H 'X: {MASK}'"


def test_it_takes_as_many_queries_for_one_as_for_many(django_assert_num_queries: DjangoAssertNumQueries) -> None:
    client = admin()
    make()
    client.get(URL)
    with django_assert_num_queries(5):
        client.get(URL)
    for number in range(60):
        owner = make_person(f"p{number}@acme.example", role=Role.ADMIN)
        issue_token(owner=owner, name="x", scopes=[ApiScope.COSTS], holds=dt.timedelta(days=1))
    with django_assert_num_queries(5):
        assert "1 to 50 of 61" in text_of(client.get(URL).content.decode())
