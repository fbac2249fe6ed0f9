"""Who asks too often is told to wait, and nothing comes of what they sent."""

from __future__ import annotations

import datetime as dt
import time
from collections import Counter
from threading import Barrier, Thread

import pytest
from django.db import connection
from django.test import Client, RequestFactory
from pytest_django import Settings

from onboarding import limits, tasks
from onboarding.enums import ApiScope, Role
from onboarding.models import AuditEvent, RateBucket, Verification
from onboarding.views.limits import client_address
from tests.factories import make_person, make_ready_person
from tests.leases import let_pass
from tests.repository.pages import Company, Page, make_company, pages
from tests.web.test_api import make_token
from tests.web.test_install import code_for

pytestmark = pytest.mark.django_db


def seconds_pass(seconds: float) -> None:
    let_pass(dt.timedelta(seconds=seconds))


def about(seconds: int) -> range:
    """What a waiting time may be by now: this test takes time itself."""
    return range(seconds - 4, seconds + 1)


# --- The bucket


def test_a_bucket_holds_what_comes_in_a_minute_and_fills_evenly() -> None:
    *taken, fourth, fifth = [limits.take("a", 3) for _ in range(5)]
    assert taken == [0, 0, 0]
    assert fourth in about(20)
    assert fifth in about(20)

    seconds_pass(10)
    assert limits.take("a", 3) in about(10)
    seconds_pass(10)
    assert limits.take("a", 3) == 0
    assert limits.take("a", 3) in about(20)
    seconds_pass(3600)
    assert [limits.take("a", 3) for _ in range(3)] == [0, 0, 0]
    assert limits.take("a", 3) in about(20)


def test_buckets_are_told_apart() -> None:
    assert [limits.take(key, 1) for key in ("a", "b")] == [0, 0]
    assert limits.take("a", 1) in about(60)


def test_a_token_comes_back() -> None:
    limits.take("a", 1)
    limits.give_back("a", 1)

    assert limits.take("a", 1) == 0
    assert limits.take("a", 1) in about(60)


def test_full_buckets_are_forgotten_and_no_others() -> None:
    limits.take("full", 60)
    seconds_pass(1.5)
    limits.take("not yet", 1)

    tasks.forget_full_buckets()

    assert [bucket.key for bucket in RateBucket.objects.all()] == ["not yet"]


def test_of_fifty_at_once_no_more_get_one_than_there_are(transactional_db: None) -> None:
    answers: Counter[bool] = Counter()
    together = Barrier(50)

    def take() -> None:
        together.wait()
        try:
            answers[limits.take("a", 7) == 0] += 1
        finally:
            connection.close()

    threads = [Thread(target=take) for _ in range(50)]
    began = time.monotonic()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    filled = int((time.monotonic() - began) * 7 / 60)

    assert answers.total() == 50
    assert 7 <= answers[True] <= 7 + filled


# --- Whose bucket


@pytest.mark.parametrize(
    ("proxies", "peer", "forwarded", "address"),
    [
        (0, "203.0.113.7", "", "203.0.113.7"),
        # Nobody is trusted to say otherwise.
        (0, "203.0.113.7", "198.51.100.1", "203.0.113.7"),
        # What the nearest trusted proxy saw; what came before it, anybody may have written.
        (1, "10.0.0.1", "198.51.100.1, 203.0.113.7", "203.0.113.7"),
        (2, "10.0.0.1", "198.51.100.1, 203.0.113.7, 10.0.0.2", "203.0.113.7"),
        # Past the proxies, or through one that lies.
        (2, "203.0.113.7", "198.51.100.1", "203.0.113.7"),
        (1, "203.0.113.7", "", "203.0.113.7"),
        (1, "203.0.113.7", "nonsense", "203.0.113.7"),
        # One customer has all of a /64; IPv4 in IPv6 is IPv4.
        (0, "2001:db8:1:2:3:4:5:6", "", "2001:db8:1:2::"),
        (0, "::ffff:203.0.113.7", "", "203.0.113.7"),
        # A Unix socket has none.
        (0, "", "", "unknown"),
    ],
)
def test_the_address_is_the_one_that_trusted_proxies_saw(
    proxies: int, peer: str, forwarded: str, address: str, settings: Settings
) -> None:
    settings.ALLAUTH_TRUSTED_PROXY_COUNT = proxies
    headers = {"X-Forwarded-For": forwarded} if forwarded else {}

    assert client_address(RequestFactory().get("/", REMOTE_ADDR=peer, headers=headers)) == address


# --- People


@pytest.fixture
def company() -> Company:
    return make_company()


WRITERS = [page for page in pages() if page.rule in ("person", "auditor", "admin")]


@pytest.mark.parametrize("page", WRITERS, ids=lambda page: page.name)
def test_of_a_persons_forms_what_is_too_many_changes_nothing(page: Page, company: Company, settings: Settings) -> None:
    settings.ONRAMP_PERSON_RATE = 1
    client, url = company.client("admin"), page.url(company.stand_ins())
    client.post("/notifications/choose/")
    before = AuditEvent.objects.count()

    response = client.post(url)

    assert response.status_code == 429
    assert int(response.headers["Retry-After"]) in about(60)
    assert "Too many requests" in response.content.decode()
    assert response.headers["Cache-Control"] == "no-store"
    assert AuditEvent.objects.count() == before
    # Reading, and the way out, stay open; and nobody else waits.
    assert client.get("/usage/").status_code == 200
    assert company.client("person").post("/notifications/choose/").status_code == 302
    assert client.post("/sign-out/").status_code == 302


# --- What is open to everybody

# Public URLs that take a POST and have no bucket, each with its reason.
WITHOUT_BUCKET = {
    "language": "sets a cookie; asks for a CSRF token",
    "theme": "sets a cookie; asks for a CSRF token",
    "openid_connect_login": "redirects to the provider, whose documents are cached; asks for a CSRF token",
    "saml_login": "redirects to the provider, whose documents are cached; asks for a CSRF token",
}


def test_every_public_url_that_takes_a_post_has_a_bucket_or_a_reason(company: Company) -> None:
    public = [page for page in pages() if page.rule == "public"]
    taken = {
        page.name
        for page in public
        if company.client("anonymous").post(page.url(company.stand_ins())).status_code != 405
    }
    # Without SAML configured nothing is found there.
    taken -= {"saml_metadata", "saml_finish_acs"}
    limited = {page.name for page in public if getattr(page.entry.callback, "is_limited_by_address", False)}

    assert taken - limited == set(WITHOUT_BUCKET)
    assert limited == {"back-channel-logout", "break-glass", "install-bundle", "install-report", "saml_acs"}


def guess(url: str, client: Client) -> tuple[int, bool, str]:
    """The status, whether it says when to come again, and the kind of text."""
    response = client.post(url, "ABCD-EFGH-JKLM-NPQR-STUV-WXYZ", content_type="text/plain")
    says_when = int(response.headers.get("Retry-After", 0)) in about(30)
    return response.status_code, says_when, response.headers["Content-Type"]


@pytest.mark.parametrize(
    ("url", "status", "kind"),
    [
        ("/install/bundle/", 410, "text/plain; charset=utf-8"),
        ("/install/report/", 401, "text/plain; charset=utf-8"),
        ("/accounts/oidc/corp/back-channel-logout/", 400, "application/json"),
        ("/break-glass/", 410, "text/html; charset=utf-8"),
    ],
)
def test_guesses_of_an_address_come_to_an_end(url: str, status: int, kind: str, settings: Settings) -> None:
    settings.ONRAMP_ADDRESS_RATE = 2
    client = Client()

    assert [guess(url, client) for _ in range(3)] == [(status, False, kind), (status, False, kind), (429, True, kind)]
    seconds_pass(30)
    assert guess(url, client)[0] == status
    # Elsewhere nobody waits.
    assert guess(url, Client(REMOTE_ADDR="203.0.113.7"))[0] == status


def test_a_guess_is_refused_even_if_it_were_right(settings: Settings) -> None:
    settings.ONRAMP_ADDRESS_RATE = 1
    code, client = code_for(make_ready_person()), Client()
    guess("/install/bundle/", client)

    assert client.post("/install/bundle/", code, content_type="text/plain").status_code == 429
    seconds_pass(60)
    assert client.post("/install/bundle/", code, content_type="text/plain").status_code == 200


def test_good_codes_of_one_office_are_no_guesses(settings: Settings) -> None:
    settings.ONRAMP_ADDRESS_RATE = 1
    person = make_ready_person()

    def fetch() -> int:
        return Client().post("/install/bundle/", code_for(person), content_type="text/plain").status_code

    assert [fetch() for _ in range(3)] == [200, 200, 200]
    # A good one that comes too early is no guess either.
    Verification.objects.filter(person=person).update(outcome="blocked")
    assert [fetch() for _ in range(3)] == [409, 409, 409]


# --- Programs


@pytest.mark.parametrize("url", ["/api/v1/people", "/scim/v2/Users"])
def test_tokens_that_are_none_come_to_an_end(url: str, settings: Settings) -> None:
    settings.ONRAMP_ADDRESS_RATE = 2
    client = Client(headers={"Authorization": "Bearer nothing"})

    answers = [client.get(url) for _ in range(3)]

    assert [answer.status_code for answer in answers] == [401, 401, 429]
    assert int(answers[2].headers["Retry-After"]) in about(30)
    assert answers[2].headers["Content-Type"] == answers[0].headers["Content-Type"]
    assert str(answers[2].json()["status"]) == "429"


def test_a_token_is_good_for_so_many_requests_and_its_neighbour_waits_for_nothing(settings: Settings) -> None:
    settings.ONRAMP_TOKEN_RATE = 2
    owner = make_person("carla.soto@acme.example", role=Role.ADMIN)
    busy, other = (make_token(ApiScope.COSTS, owner=owner) for _ in range(2))

    def ask(token: str) -> int:
        return Client().get("/api/v1/costs", headers={"Authorization": f"Bearer {token}"}).status_code

    assert [ask(busy) for _ in range(3)] == [200, 200, 429]
    assert ask(other) == 200
