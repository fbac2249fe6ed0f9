"""Signing in and out with a provider that nobody here wrote: npm's oidc-provider, PKCE required, both logouts on."""

from __future__ import annotations

import re
from collections.abc import Iterator
from html import unescape
from typing import Any
from urllib.parse import urljoin, urlsplit

import pytest
import requests
from allauth.usersessions.models import UserSession
from django.core.cache import cache
from pytest_django.fixtures import Settings
from pytest_django.live_server_helper import LiveServer

from onboarding.enums import Role
from onboarding.models import AuditEvent, LogoutToken, Person
from tests.conformance.claude_code import Unavailable
from tests.conformance.openid_provider import running
from tests.web.identity_provider import CALLBACK, LOGIN, SECRET, configure

pytestmark = [pytest.mark.conformance, pytest.mark.django_db(transaction=True)]

ANA = {"email": "ana.nunez@acme.example", "name": "Ana Núñez", "groups": ["onramp-admins", "claude-platform"]}
BRUNO = {"email": "bruno.rey@acme.example", "name": "Bruno Rey", "roles": ["onramp-auditors"]}


@pytest.fixture(scope="module")
def issuer(live_server: LiveServer) -> Iterator[str]:
    """The provider, which knows the portal as a client."""
    client = {
        "client_id": "onramp",
        "client_secret": SECRET,
        "token_endpoint_auth_method": "client_secret_post",
        "redirect_uris": [live_server.url + CALLBACK],
        "post_logout_redirect_uris": [live_server.url + "/"],
        "backchannel_logout_uri": live_server.url + "/accounts/oidc/corp/back-channel-logout/",
        "backchannel_logout_session_required": True,
    }
    try:
        with running({"client": client, "people": {"ana": ANA, "bruno": BRUNO}}) as issuer:
            yield issuer
    except Unavailable as error:
        pytest.skip(str(error))


@pytest.fixture
def portal(live_server: LiveServer, issuer: str, settings: Settings) -> str:
    """Where the portal is, which knows the provider as the company's."""
    cache.clear()
    configure(settings, issuer=issuer)
    settings.PUBLIC_URL = live_server.url
    return live_server.url


class Browser(requests.Session):
    """What a browser does with plain forms: it sends their fields back, and follows redirects."""

    def press(self, page: requests.Response, action: str = "", **fields: str) -> requests.Response:
        """Submit the page's form whose action ends so."""
        forms = re.findall(r"<form([^>]*)>(.*?)</form>", page.text, re.DOTALL)
        [(attributes, inner)] = [form for form in forms if _attribute(form[0], "action").endswith(action)][:1]
        hidden = [tag for tag in re.findall(r"<input[^>]*>", inner) if 'type="hidden"' in tag]
        data = {_attribute(tag, "name"): _attribute(tag, "value") for tag in hidden}
        url = urljoin(page.url, _attribute(attributes, "action"))
        return self.post(url, data=data | fields, headers={"Origin": _origin(url)}, timeout=10)


def _attribute(tag: str, name: str) -> str:
    found = re.search(rf'\b{name}="([^"]*)"', tag)
    return unescape(found[1]) if found else ""


def _origin(url: str) -> str:
    return "{0.scheme}://{0.netloc}".format(urlsplit(url))


def sign_in(portal: str, name: str) -> tuple[Browser, requests.Response]:
    """Press the portal's button and do as the provider's pages say; where that ends."""
    browser = Browser()
    page = browser.press(browser.get(portal + "/", timeout=10), LOGIN)
    page = browser.press(page, login=name, password="any")
    return browser, browser.press(page)


def is_signed_in(browser: Browser, portal: str) -> bool:
    return browser.get(portal + "/sessions/", timeout=10, allow_redirects=False).status_code == 200


def test_somebody_signs_in_with_groups(portal: str) -> None:
    browser, page = sign_in(portal, "ana")

    assert (page.status_code, urlsplit(page.url).path) == (200, "/setup/")
    person = Person.objects.get()
    assert (person.email, person.name, person.role) == (ANA["email"], ANA["name"], Role.ADMIN)
    row = UserSession.objects.get()
    assert row.data["sub"] == "ana"
    assert len(row.data["sid"]) > 8
    assert is_signed_in(browser, portal)


def test_somebody_signs_in_with_app_roles(portal: str) -> None:
    sign_in(portal, "bruno")
    assert Person.objects.get().role == Role.AUDITOR


def test_signing_out_of_the_portal_signs_out_of_the_provider(portal: str, issuer: str) -> None:
    browser, page = sign_in(portal, "ana")

    page = browser.press(page, "/sign-out/")
    assert page.url.startswith(issuer)
    assert not is_signed_in(browser, portal)
    page = browser.press(page, "/session/end/confirm", logout="yes")

    assert page.url == portal + "/"
    again = browser.press(page, LOGIN)
    assert again.url.startswith(issuer)
    assert 'name="password"' in again.text


def test_signing_out_of_the_provider_signs_out_of_the_portal(portal: str, issuer: str) -> None:
    """Of the browser that did so, and of no other."""
    browser, _ = sign_in(portal, "ana")
    other, _ = sign_in(portal, "ana")

    browser.press(browser.get(issuer + "/session/end", timeout=10), "/session/end/confirm", logout="yes")

    assert not is_signed_in(browser, portal)
    assert is_signed_in(other, portal)
    event = AuditEvent.objects.get(action="session.ended")
    assert (event.actor, event.target) == ("identity provider", ANA["email"])
    assert LogoutToken.objects.count() == 1


def test_it_lets_nobody_in_without_pkce(portal: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """What the other tests show would show less if it did."""
    browser = Browser()
    front = browser.get(portal + "/", timeout=10)
    send = requests.Session.send

    def without_challenge(session: Any, request: requests.PreparedRequest, **options: Any) -> requests.Response:
        request.url = re.sub(r"&code_challenge(_method)?=[^&]+", "", request.url or "")
        return send(session, request, **options)

    monkeypatch.setattr(requests.Session, "send", without_challenge)
    page = browser.press(front, LOGIN)

    assert (page.status_code, urlsplit(page.url).path) == (401, CALLBACK)
    assert "code_challenge" in page.url or "PKCE" in page.url
