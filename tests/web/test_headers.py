"""What every answer tells browsers, in an installation as it should be: over TLS, behind a proxy."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.http import HttpResponse
from django.test import Client
from pytest_django import Settings

from onboarding.enums import CodePurpose
from tests.repository.pages import Company, Page, admin_paths, failing_after_an_event, make_company, pages
from tests.web.observatory import policy_of, score
from tests.web.production import HOST, behind_a_proxy, production_settings
from tests.web.test_attacks import WITHOUT_CSRF

pytestmark = pytest.mark.django_db

PAGES = pages()
# Answers that anybody may keep, each with its reason.
KEPT = {
    "script": "a script of ours, the same for everybody",
    "onramp-sh": "as above",
    "onramp-ps1": "as above",
}
# Cookies that hold nothing: how somebody reads the portal.
_OPEN_COOKIES = {"theme", "language"}


@pytest.fixture(autouse=True)
def _production(settings: Settings) -> None:
    for name, value in production_settings().items():
        setattr(settings, name, value)


@pytest.fixture
def company() -> Company:
    return make_company()


def answers(company: Company, page: Page) -> list[Any]:
    """To everybody who may come, by reading and by sending."""
    url = page.url(company.stand_ins())
    clients = [behind_a_proxy(company.client(who)) for who in ("anonymous", "person", "admin")]
    return [answer for client in clients for answer in (client.get(url), client.post(url))]


def assert_is_protected(response: Any) -> None:
    assert response.headers["Strict-Transport-Security"] == "max-age=31536000; includeSubDomains; preload"
    assert_is_closed(response)


def assert_is_closed(response: Any) -> None:
    """All but the word on TLS, which counts for nothing over plain HTTP and is not sent there: RFC 6797, 7.2."""
    headers = response.headers
    policy = policy_of(response)
    assert policy["default-src"] == policy["object-src"] == policy["base-uri"] == ["'none'"]
    assert policy["frame-ancestors"] == ["'none'"]
    assert "unsafe" not in headers["Content-Security-Policy"]
    assert "*" not in headers["Content-Security-Policy"]
    assert policy["form-action"][0] == "'self'"
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Referrer-Policy"] == "same-origin"
    assert headers["X-Frame-Options"] == "DENY"
    assert headers["Cross-Origin-Opener-Policy"] == "same-origin"
    assert headers["Cross-Origin-Resource-Policy"] == "same-origin"
    assert set(re.findall(r"=(\S*?)(?:,|$)", headers["Permissions-Policy"])) == {"()"}
    assert {"camera=()", "geolocation=()", "microphone=()"} <= set(headers["Permissions-Policy"].split(", "))
    assert not {"Server", "X-Powered-By", "Access-Control-Allow-Origin"} & set(headers)


def assert_cookies_are_closed(response: Any) -> None:
    """What only ends a cookie has no value in it."""
    for cookie in filter(lambda cookie: cookie.value, response.cookies.values()):
        assert cookie["secure"], cookie.key
        assert cookie["samesite"] in ("Lax", "Strict"), cookie.key
        assert cookie["path"] == "/" or cookie.key.startswith("saml"), cookie.key
        assert not cookie["domain"], cookie.key
        if cookie.key not in _OPEN_COOKIES:
            assert cookie["httponly"], cookie.key
            assert cookie.key.startswith("__Host-"), cookie.key


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_answer_is_protected(page: Page, company: Company) -> None:
    for response in answers(company, page):
        assert_is_protected(response)
        assert_cookies_are_closed(response)
        if page.name not in KEPT:
            assert "no-store" in response.headers["Cache-Control"]
        if isinstance(response, HttpResponse) and response.content:
            assert re.fullmatch(
                r"text/(html|plain|csv); charset=utf-8|application/[a-z.+-]+", response.headers["Content-Type"]
            )


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_mozillas_observatory_would_give_every_page_its_best_grade(page: Page, company: Company) -> None:
    assert min(score(response) for response in answers(company, page)) >= 125


@pytest.mark.parametrize("path", ["img/mark.svg", "js/onramp.js", "css/base.css", "fonts/overpass.woff2"])
def test_files_are_protected_as_well(path: str, settings: Settings) -> None:
    settings.WHITENOISE_USE_FINDERS = settings.WHITENOISE_AUTOREFRESH = True

    response = behind_a_proxy(Client()).get(f"/static/{path}")

    assert (response.status_code, bool(response.getvalue())) == (200, True)
    assert re.fullmatch(r"(text/.+|image/svg\+xml); charset=\"?utf-8\"?|font/woff2", response.headers["Content-Type"])
    assert_is_protected(response)
    assert not response.cookies


def test_djangos_admin_is_protected_as_well(company: Company) -> None:
    client = behind_a_proxy(company.client("admin"))
    for path in {"/" + re.sub(r"<[^>]+>", "1", path) for path in admin_paths() if "(?" not in path}:
        response = client.get(path)
        assert_is_protected(response)
        assert_cookies_are_closed(response)
        assert response.status_code != 200 or "no-store" in response.headers["Cache-Control"], path


@pytest.mark.parametrize(
    ("status", "method", "url", "headers"),
    [
        (404, "get", "/nowhere/", {}),
        (400, "get", "/", {"Host": "evil.example"}),
        (403, "get", "/people/", {}),
        (405, "get", "/setup/verify/", {}),
        (500, "post", "/setup/verify/", {}),
    ],
)
def test_pages_of_what_went_wrong_are_protected(
    status: int, method: str, url: str, headers: dict[str, str], company: Company
) -> None:
    client = behind_a_proxy(company.client("person"))
    with failing_after_an_event():
        response = getattr(client, method)(url, headers=headers)

    assert response.status_code == status
    assert_is_protected(response)
    assert "no-store" in response.headers["Cache-Control"]


def test_signing_in_leaves_closed_cookies_only(company: Company) -> None:
    """The session's own cookie, as a visit writes it anew."""
    client = behind_a_proxy(company.client("person"))
    client.post("/preferences/language/", {"language": "es", "next": "/setup/"})
    client.post("/preferences/theme/", {"theme": "dark"})
    client.get("/setup/")

    assert "__Host-session" in client.cookies
    for key in ("theme", "language"):
        assert client.cookies[key]["secure"]
        assert client.cookies[key]["samesite"] == "Lax"


def test_plain_http_leads_to_the_same_host_over_tls(company: Company) -> None:
    client = company.client("anonymous")
    client.defaults |= {"SERVER_NAME": HOST, "HTTP_X_FORWARDED_PROTO": "http"}

    assert client.get("/setup/").headers["Location"] == f"https://{HOST}/setup/"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_no_program_is_led_from_plain_http_to_tls(page: Page, company: Company) -> None:
    """It is told: its token or code was seen on the way."""
    client = company.client("anonymous")
    client.defaults |= {"SERVER_NAME": HOST, "HTTP_X_FORWARDED_PROTO": "http"}
    is_for_programs = page.rule == "token" or page.name in WITHOUT_CSRF

    response = client.post(page.url(company.stand_ins()), headers={"Authorization": "Bearer secret"})

    if page.name in ("livez", "readyz", "metrics"):
        assert response.status_code in (404, 405)
    else:
        assert response.status_code == (403 if is_for_programs else 301)
        assert ("Location" in response.headers) is not is_for_programs
        assert_is_closed(response)
        assert response.headers["Cache-Control"] == "no-store"


def test_a_code_is_kept_by_nothing_on_its_way(company: Company) -> None:
    """The bundle that it fetches names a person's models and account."""
    client = behind_a_proxy(company.client("anonymous"))
    response = client.post("/install/bundle/", company.codes[CodePurpose.INSTALL], content_type="text/plain")

    assert response.status_code == 200
    assert "no-store" in response.headers["Cache-Control"]
    assert_is_protected(response)
