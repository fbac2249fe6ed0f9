"""Sign-in, through the real redirects, against a real identity provider on loopback."""

from __future__ import annotations

import base64
import json
import re
import time
from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest
import requests
import time_machine
from allauth.account.models import EmailAddress
from allauth.socialaccount.models import SocialAccount
from cryptography.hazmat.primitives.asymmetric import rsa
from django.core.cache import cache
from django.db import IntegrityError
from django.test import Client

from onboarding import adapters, oidc, people
from onboarding.enums import Role
from onboarding.models import AuditEvent, Person, Team, User
from portal.logs import redact
from sandbox.idp import replace_people
from tests.repository.pages import failing_after_an_event
from tests.serving import asked
from tests.web.identity_provider import (
    ANA,
    BRUNO,
    CALLBACK,
    HOSTILE,
    LOGIN,
    ROBERT,
    SECRET,
    Provider,
    Someone,
    answering,
    authenticate,
    changed_claims,
    configure,
    finish,
    has_token,
    is_signed_in,
    issuer_of,
    loopback_socket,
    serving_app,
    sign_in,
    signed_by_the_attacker,
    start,
    unsigned,
    with_the_public_key_as_secret,
    without_signature,
)

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment
    from pytest_django.fixtures import Settings

pytestmark = pytest.mark.django_db


@pytest.fixture
def team() -> Team:
    return Team.objects.create(name="Platform", group="claude-platform")


def assert_refused(client: Client, response: Any) -> None:
    assert response.status_code == 401
    assert not is_signed_in(client)
    assert not User.objects.exists()
    assert not Person.objects.exists()


# --- Coming in


def test_first_sign_in_creates_the_person_with_team_and_role(client: Client, idp: Provider, team: Team) -> None:
    response = sign_in(client)
    assert response["Location"] == "/setup/"
    account = SocialAccount.objects.get()
    assert (account.provider, account.uid) == ("corp", "ana.nunez")
    person = Person.objects.get()
    assert person.user == account.user == User.objects.get()
    assert (person.email, person.name) == (ANA.email, ANA.name)
    assert (person.team, person.role) == (team, Role.ADMIN)
    assert is_signed_in(client)


def test_coming_in_and_leaving_leave_one_event_each(client: Client, idp: Provider) -> None:
    sign_in(Client())
    first = list(AuditEvent.objects.order_by("pk").values_list("action", flat=True))

    sign_in(client)
    client.post("/sign-out/")

    assert first == ["person.created", "person.signed_in"]
    later = AuditEvent.objects.order_by("pk")[len(first) :]
    assert [(event.action, event.actor) for event in later] == [
        ("person.signed_in", ANA.email),
        ("person.signed_out", ANA.email),
    ]


def test_nobody_comes_in_unrecorded(idp: Provider) -> None:
    client = Client(raise_request_exception=False)
    sign_in(Client())
    recorded, answer = AuditEvent.objects.count(), authenticate(start(client), ANA)

    with failing_after_an_event():
        assert finish(client, answer).status_code == 500

    assert AuditEvent.objects.count() == recorded
    assert not is_signed_in(client)


def test_later_sign_in_takes_away_team_and_role(client: Client, idp: Provider, team: Team) -> None:
    sign_in(client)
    replace_people([Someone(ANA.email, ANA.name)], state=idp.state)
    sign_in(Client())
    person = Person.objects.get()
    assert (person.team, person.role) == (None, Role.PERSON)
    assert not User.objects.get().is_superuser


def test_later_sign_in_adds_team_and_role(client: Client, idp: Provider, team: Team) -> None:
    sign_in(client, ROBERT)
    replace_people([replace(ROBERT, groups=ANA.groups)], state=idp.state)
    sign_in(Client(), ROBERT)
    person = Person.objects.get()
    assert (person.team, person.role) == (team, Role.ADMIN)


def test_changed_email_is_the_same_person(client: Client, idp: Provider) -> None:
    sign_in(client)
    replace_people([replace(ANA, email="ana.nunez@acme-group.example")], state=idp.state)
    sign_in(Client())
    assert Person.objects.get().email == "ana.nunez@acme-group.example"
    assert User.objects.count() == 1


def test_two_subjects_with_one_email_are_two_users(client: Client, idp: Provider) -> None:
    sign_in(client)
    idp.rewrites["/userinfo"] = lambda claims: claims | {"email": ANA.email}
    response = sign_in(Client(), BRUNO)
    assert response["Location"] == "/setup/"
    assert User.objects.count() == Person.objects.count() == 2
    assert not EmailAddress.objects.exists()


def test_groups_only_in_the_id_token_count(client: Client, idp: Provider, team: Team) -> None:
    idp.rewrites["/userinfo"] = lambda claims: {"sub": claims["sub"], "email": None}
    sign_in(client)
    person = Person.objects.get()
    assert (person.team, person.email, person.name) == (team, ANA.email, ANA.name)


def test_provider_without_userinfo_is_enough(client: Client, idp: Provider) -> None:
    idp.rewrites["/.well-known/openid-configuration"] = lambda document: {
        name: value for name, value in document.items() if name != "userinfo_endpoint"
    }
    sign_in(client)
    assert Person.objects.get().name == ANA.name
    assert "/userinfo" not in idp.asked


def test_hostile_name_survives(client: Client, idp: Provider) -> None:
    sign_in(client, ROBERT)
    assert Person.objects.get().name == HOSTILE


def test_people_are_synced_once_a_sign_in(client: Client, idp: Provider, monkeypatch: pytest.MonkeyPatch) -> None:
    calls = []
    real = people.sync_from_claims

    def counted(**arguments: Any) -> Person:
        calls.append(arguments["claims"].subject)
        return real(**arguments)

    monkeypatch.setattr(people, "sync_from_claims", counted)
    sign_in(client)
    assert calls == ["ana.nunez"]
    sign_in(client)
    assert calls == ["ana.nunez"] * 2


@pytest.mark.parametrize("error", [RuntimeError, IntegrityError])
def test_nothing_is_left_when_the_first_sign_in_fails_half_way(
    client: Client,
    idp: Provider,
    settings: Settings,
    monkeypatch: pytest.MonkeyPatch,
    error: type[Exception],
) -> None:
    def broken(**_: Any) -> Person:
        raise error

    monkeypatch.setattr(people, "sync_from_claims", broken)
    settings.DEBUG_PROPAGATE_EXCEPTIONS = True
    with pytest.raises(error):
        sign_in(client)
    assert not User.objects.exists()
    assert not SocialAccount.objects.exists()


def test_first_sign_in_in_two_tabs_is_one_person(
    client: Client, idp: Provider, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The other tab's sign-in lands between this one's look and its save."""
    real = adapters.SocialAccountAdapter.pre_social_login

    def overtaken(adapter: Any, request: Any, sociallogin: Any) -> None:
        real(adapter, request, sociallogin)
        monkeypatch.undo()
        sign_in(Client())

    monkeypatch.setattr(adapters.SocialAccountAdapter, "pre_social_login", overtaken)
    assert sign_in(client)["Location"] == "/setup/"
    assert is_signed_in(client)
    assert User.objects.count() == Person.objects.count() == 1


def test_session_id_rotates_at_sign_in(client: Client, idp: Provider) -> None:
    back = authenticate(start(client), ANA)
    before = client.session.session_key
    finish(client, back)
    assert is_signed_in(client)
    assert client.session.session_key != before


def test_no_token_is_kept(client: Client, idp: Provider) -> None:
    sign_in(client)
    kept = json.dumps([SocialAccount.objects.get().extra_data, dict(client.session.items())])
    assert not has_token(kept)


# --- The request


def test_authorization_request_has_pkce_state_and_nonce(client: Client, idp: Provider) -> None:
    url = start(client)
    assert url.startswith(idp.issuer + "/authorize?")
    query = {name: values[0] for name, values in parse_qs(urlsplit(url).query).items()}
    assert query["response_type"] == "code"
    assert query["code_challenge_method"] == "S256"
    assert set(query["scope"].split()) == {"openid", "profile", "email"}
    assert len(query["code_challenge"]) == len(query["nonce"]) == 43
    assert len(query["state"]) >= 16
    assert query["nonce"] != query["code_challenge"]


def test_each_sign_in_has_its_own_nonce(client: Client, idp: Provider) -> None:
    nonces = {parse_qs(urlsplit(start(client)).query)["nonce"][0] for _ in range(3)}
    assert len(nonces) == 3


def test_redirect_uri_is_not_the_host_headers(client: Client, idp: Provider) -> None:
    response = client.post(LOGIN, headers={"host": "127.0.0.1"})
    query = parse_qs(urlsplit(response["Location"]).query)
    assert query["redirect_uri"] == ["http://localhost:8000" + CALLBACK]


def test_request_cannot_change_the_authorization_request(client: Client, idp: Provider) -> None:
    forged = {
        "auth_params": "redirect_uri=https://evil.example/&nonce=mine&prompt=none",
        "scope": "offline_access",
        "process": "connect",
    }
    response = client.post(f"{LOGIN}?{urlencode(forged)}", forged)
    query = parse_qs(urlsplit(response["Location"]).query)
    assert query["redirect_uri"] == ["http://localhost:8000" + CALLBACK]
    assert query["nonce"] != ["mine"]
    assert "prompt" not in query
    assert "offline_access" not in query["scope"][0]
    [(state, *_)] = client.session["socialaccount_states"].values()
    assert state["process"] == "login"


def test_login_needs_the_csrf_token(idp: Provider) -> None:
    assert Client(enforce_csrf_checks=True).post(LOGIN).status_code == 403


def test_login_on_get_is_the_sign_in_page(client: Client, idp: Provider) -> None:
    assert client.get(LOGIN)["Location"] == "/"
    assert client.get(LOGIN, {"next": "/setup/"})["Location"] == "/?next=%2Fsetup%2F"
    assert client.get(LOGIN, {"next": "https://evil.example/"})["Location"] == "/"
    assert idp.asked == []


def test_unknown_provider_is_not_found(client: Client, idp: Provider) -> None:
    assert client.post(LOGIN.replace("corp", "other")).status_code == 404
    assert client.get(CALLBACK.replace("corp", "other")).status_code == 404


def test_without_a_provider_nothing_is_found(client: Client, settings: Settings) -> None:
    settings.SOCIALACCOUNT_PROVIDERS = {"openid_connect": {"APPS": []}}
    assert client.post(LOGIN).status_code == 404


def test_next_is_followed(client: Client, idp: Provider) -> None:
    assert sign_in(client, next="/setup/?step=2")["Location"] == "/setup/?step=2"


@pytest.mark.parametrize(
    "target",
    [
        "https://evil.example/",
        "//evil.example/",
        "///evil.example/",
        "/\\evil.example/",
        "\\\\evil.example/",
        "javascript:alert(1)",
        "http:evil.example",
        "/\t/evil.example/",
        "https://localhost@evil.example/",
        "http://localhost:9999/",
    ],
)
def test_next_stays_on_the_portal(client: Client, idp: Provider, target: str) -> None:
    back = authenticate(start(client, next=target), BRUNO)
    assert finish(client, back, next=target)["Location"] == "/setup/"


# --- Answers that prove nothing


def test_replayed_callback_is_refused(client: Client, idp: Provider) -> None:
    back = authenticate(start(client), ANA)
    finish(client, back)
    client.logout()
    assert finish(client, back).status_code == 401
    assert not is_signed_in(client)


def test_callback_in_another_browser_is_refused(client: Client, idp: Provider) -> None:
    back = authenticate(start(client), ANA)
    other = Client()
    assert_refused(other, finish(other, back))


def test_forged_code_is_refused(client: Client, idp: Provider) -> None:
    back = authenticate(start(client), ANA)
    assert_refused(client, finish(client, back, code="forged"))


def test_code_of_another_sign_in_is_refused(client: Client, idp: Provider) -> None:
    """Code injection: the victim's code in the attacker's own sign-in. PKCE binds it."""
    stolen = parse_qs(urlsplit(authenticate(start(Client()), ANA)).query)["code"][0]
    back = authenticate(start(client), BRUNO)
    assert_refused(client, finish(client, back, code=stolen))


@pytest.mark.parametrize("state", ["", "unknown"])
def test_unknown_state_is_refused(client: Client, idp: Provider, state: str) -> None:
    back = authenticate(start(client), ANA)
    assert_refused(client, finish(client, back, state=state))
    assert "/token" not in idp.asked


def test_cancelled_sign_in_is_refused(client: Client, idp: Provider) -> None:
    state = parse_qs(urlsplit(start(client)).query)["state"][0]
    assert_refused(client, client.get(CALLBACK, {"error": "access_denied", "state": state}))


def test_answer_of_another_issuer_is_refused(client: Client, idp: Provider) -> None:
    back = authenticate(start(client), ANA)
    assert_refused(client, finish(client, back, iss="https://evil.example"))
    assert "/token" not in idp.asked


def test_answer_without_the_promised_issuer_is_refused(client: Client, idp: Provider) -> None:
    promise = {"authorization_response_iss_parameter_supported": True}
    idp.rewrites["/.well-known/openid-configuration"] = lambda document: document | promise
    assert_refused(client, sign_in(client))
    back = authenticate(start(client), ANA)
    assert finish(client, back, iss=idp.issuer)["Location"] == "/setup/"


def test_wrong_nonce_is_refused(client: Client, idp: Provider) -> None:
    url = re.sub(r"nonce=[^&]+", "nonce=another", start(client))
    assert_refused(client, finish(client, authenticate(url, ANA)))


def test_missing_nonce_is_refused(client: Client, idp: Provider) -> None:
    url = re.sub(r"&nonce=[^&]+", "", start(client))
    assert_refused(client, finish(client, authenticate(url, ANA)))


@pytest.mark.parametrize(
    "change",
    [
        signed_by_the_attacker,
        lambda token: signed_by_the_attacker(token, kid="attacker"),
        without_signature,
        lambda token: token.rpartition(".")[0] + ".",
        lambda token: "not.a.token",
        lambda token: "",
    ],
    ids=["another key", "unknown key", "alg none", "signature cut off", "garbage", "no token"],
)
def test_forged_id_token_is_refused(client: Client, idp: Provider, change: Callable[[str], str]) -> None:
    idp.rewrite_id_token(change)
    assert_refused(client, sign_in(client))


def test_id_token_with_the_public_key_as_secret_is_refused(client: Client, idp: Provider) -> None:
    idp.rewrite_id_token(with_the_public_key_as_secret(idp))
    assert_refused(client, sign_in(client))


@pytest.mark.parametrize("algorithm", ["RS256", "RS512", "PS256"])
def test_properly_signed_id_token_is_accepted(
    client: Client, idp: Provider, own_keys: rsa.RSAPrivateKey, algorithm: str
) -> None:
    idp.rewrite_id_token(changed_claims(own_keys, {"azp": "onramp"}, algorithm))
    assert sign_in(client)["Location"] == "/setup/"


@pytest.mark.parametrize("sub", ["", "x" * 192])
def test_a_subject_that_could_not_be_kept_is_refused(
    client: Client, idp: Provider, own_keys: rsa.RSAPrivateKey, sub: str
) -> None:
    idp.rewrite_id_token(changed_claims(own_keys, {"sub": sub}, "RS256"))
    idp.rewrites["/userinfo"] = lambda claims: claims | {"sub": sub}
    assert_refused(client, sign_in(client))


@pytest.mark.parametrize(
    "changes",
    [
        {"iss": "https://evil.example"},
        {"iss": None},
        {"aud": "another-client"},
        {"aud": None},
        {"aud": ["onramp", "another-client"]},
        {"azp": "another-client"},
        {"exp": 1},
        {"exp": None},
        {"iat": 4_000_000_000},
        {"nonce": "another"},
        {"nonce": None},
        {"sub": "bruno.rey"},
        {"sub": None},
    ],
    ids=str,
)
def test_id_token_that_says_something_else_is_refused(
    client: Client, idp: Provider, own_keys: rsa.RSAPrivateKey, changes: dict[str, Any]
) -> None:
    """Also `sub`: userinfo then speaks of somebody else."""
    idp.rewrite_id_token(changed_claims(own_keys, changes, "RS256"))
    assert_refused(client, sign_in(client))


def test_userinfo_of_somebody_else_is_refused(client: Client, idp: Provider) -> None:
    idp.rewrites["/userinfo"] = lambda claims: claims | {"sub": "bruno.rey"}
    assert_refused(client, sign_in(client))


def test_refused_sign_in_logs_no_secret(client: Client, idp: Provider, caplog: pytest.LogCaptureFixture) -> None:
    idp.rewrite_id_token(signed_by_the_attacker)
    back = authenticate(start(client), ANA)
    code = parse_qs(urlsplit(back).query)["code"][0]
    finish(client, back)
    # django-structlog logs the request's URL; the log's own processor masks it.
    written = redact(caplog.text)
    assert "InvalidSignatureError" in written
    assert code not in written
    assert SECRET not in caplog.text
    assert not has_token(caplog.text)


# --- Keys and discovery


def test_rotated_keys_are_fetched_again(client: Client, idp: Provider) -> None:
    idp.rewrites["/.well-known/jwks.json"] = lambda _: {"keys": []}
    assert_refused(client, sign_in(client))
    del idp.rewrites["/.well-known/jwks.json"]
    idp.asked.clear()
    assert sign_in(client)["Location"] == "/setup/"
    assert idp.asked.count("/.well-known/jwks.json") == 1


def test_documents_are_fetched_once(client: Client, idp: Provider) -> None:
    sign_in(client)
    sign_in(Client())
    assert idp.asked.count("/.well-known/openid-configuration") == 1
    assert idp.asked.count("/.well-known/jwks.json") == 1


def test_old_documents_are_fetched_again(client: Client, idp: Provider, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(oidc, "FRESH_FOR", 0)
    start(client)
    start(client)
    assert idp.asked.count("/.well-known/openid-configuration") == 2


@pytest.mark.parametrize(
    "change",
    [
        {"issuer": "https://evil.example"},
        {"issuer": None},
        {"authorization_endpoint": "javascript:alert(1)"},
        {"token_endpoint": "http://login.example/token"},
        {"userinfo_endpoint": "http://login.example/userinfo"},
        {"token_endpoint": None},
        {"jwks_uri": ""},
    ],
    ids=str,
)
def test_discovery_that_is_not_the_providers_is_an_outage(
    client: Client, idp: Provider, change: dict[str, Any]
) -> None:
    idp.rewrites["/.well-known/openid-configuration"] = lambda document: document | change
    assert_unavailable(client.post(LOGIN))
    idp.rewrites.clear()
    assert start(client)


# --- Outages


def assert_unavailable(response: Any) -> None:
    assert response.status_code == 503
    assert int(response["Retry-After"]) > 0
    assert response.templates[0].name == "errors/identity_provider_down.html"
    assert response.context["retry_url"].startswith("/")


def test_provider_down_at_login_is_a_503(client: Client, settings: Settings) -> None:
    cache.clear()
    with loopback_socket() as closed:
        configure(settings, issuer=issuer_of(closed))
    response = client.post(LOGIN, {"next": "/setup/"})
    assert_unavailable(response)
    assert response.context["retry_url"] == "/?next=%2Fsetup%2F"


def test_provider_hung_at_login_is_a_503_and_is_waited_for_once(client: Client, settings: Settings) -> None:
    cache.clear()
    with loopback_socket() as accepts_and_says_nothing:
        configure(settings, issuer=issuer_of(accepts_and_says_nothing))
        assert_unavailable(client.post(LOGIN))
        assert asked(accepts_and_says_nothing) == 1


@pytest.mark.parametrize(
    ("status", "body"),
    [
        ("500 Internal Server Error", b"{}"),
        ("503 Service Unavailable", b"{}"),
        ("429 Too Many Requests", b"{}"),
        ("404 Not Found", b"{}"),
        ("302 Found", b"{}"),
        ("200 OK", b"<html>maintenance</html>"),
        ("200 OK", b"[]"),
    ],
)
def test_discovery_that_is_no_discovery_is_a_503(client: Client, settings: Settings, status: str, body: bytes) -> None:
    cache.clear()
    with loopback_socket() as server_socket, serving_app(answering(status, body), server_socket):
        configure(settings, issuer=issuer_of(server_socket))
        assert_unavailable(client.post(LOGIN))


def test_redirects_of_the_provider_are_not_followed(client: Client, settings: Settings) -> None:
    with loopback_socket() as server_socket:
        issuer = issuer_of(server_socket)
        found = answering("302 Found", b"")
        elsewhere = answering("200 OK", discovery_of(issuer))

        def app(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
            is_asked_first = "well-known" in environ["PATH_INFO"]
            return (found if is_asked_first else elsewhere)(environ, start_response)

        cache.clear()
        configure(settings, issuer=issuer)
        with serving_app(app, server_socket):
            assert_unavailable(client.post(LOGIN))


def discovery_of(issuer: str) -> bytes:
    endpoints = ("authorization_endpoint", "token_endpoint", "jwks_uri", "userinfo_endpoint")
    return json.dumps({"issuer": issuer} | {name: f"{issuer}/{name}" for name in endpoints}).encode()


@pytest.fixture
def gone(settings: Settings) -> str:
    """The issuer of a provider that was there for one login and then went away."""
    cache.clear()
    with loopback_socket() as server_socket:
        issuer = issuer_of(server_socket)
        with serving_app(answering("200 OK", discovery_of(issuer)), server_socket):
            configure(settings, issuer=issuer)
            start(Client())
    return issuer


def test_provider_down_with_fresh_discovery_still_redirects(client: Client, gone: str) -> None:
    assert start(client).startswith(gone + "/authorization_endpoint?")


def later(seconds: float) -> time_machine.travel:
    return time_machine.travel(time.time() + seconds)


def test_provider_down_with_stale_discovery_still_redirects(client: Client, gone: str) -> None:
    with later(oidc.FRESH_FOR + 1):
        assert start(client).startswith(gone + "/authorization_endpoint?")
    with later(oidc.STALE_FOR - 60):
        assert start(client).startswith(gone + "/authorization_endpoint?")


def test_provider_down_with_discovery_of_yesterday_is_a_503(client: Client, gone: str) -> None:
    """However often it was used meanwhile."""
    with later(oidc.FRESH_FOR + 1):
        start(client)
    with later(oidc.STALE_FOR + 1):
        assert_unavailable(client.post(LOGIN))


def test_provider_down_is_not_asked_at_every_login(client: Client, gone: str, monkeypatch: pytest.MonkeyPatch) -> None:
    tries = []
    real = oidc.IdentityProviderSession.send

    def counted(session: Any, request: requests.PreparedRequest, **options: Any) -> Any:
        tries.append(request.url)
        return real(session, request, **options)

    monkeypatch.setattr(oidc.IdentityProviderSession, "send", counted)
    with later(oidc.FRESH_FOR + 1):
        start(client)
        start(client)
    assert len(tries) == 1


def test_provider_down_at_the_callback_is_a_503(client: Client, gone: str) -> None:
    state = parse_qs(urlsplit(start(client)).query)["state"][0]
    assert_unavailable(client.get(CALLBACK, {"code": "some-code", "state": state}))
    assert not is_signed_in(client)


def test_provider_hung_at_the_callback_is_a_503(
    client: Client, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also where it is asked for its discovery document again: it is waited for once, and not at each endpoint."""
    monkeypatch.setattr(oidc, "FRESH_FOR", 0)
    cache.clear()
    with loopback_socket() as server_socket:
        issuer = issuer_of(server_socket)
        configure(settings, issuer=issuer)
        with serving_app(answering("200 OK", discovery_of(issuer)), server_socket):
            state = parse_qs(urlsplit(start(client)).query)["state"][0]
        # The socket is still there: connections are accepted, and nobody says anything.
        assert_unavailable(client.get(CALLBACK, {"code": "some-code", "state": state}))
        assert asked(server_socket) == 1
    assert not is_signed_in(client)


def test_provider_that_hung_is_asked_again_by_the_next_request(
    client: Client, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(oidc, "FRESH_FOR", 0)
    settings.SOCIALACCOUNT_REQUESTS_TIMEOUT = 0.7
    cache.clear()
    with loopback_socket() as server_socket:
        issuer = issuer_of(server_socket)
        configure(settings, issuer=issuer)
        assert_unavailable(client.post(LOGIN))
        with serving_app(answering("200 OK", discovery_of(issuer)), server_socket):
            assert start(client).startswith(issuer + "/authorization_endpoint?")


@pytest.mark.parametrize("error", ["server_error", "temporarily_unavailable"])
def test_provider_that_says_it_is_down_is_a_503(client: Client, idp: Provider, error: str) -> None:
    state = parse_qs(urlsplit(start(client)).query)["state"][0]
    assert_unavailable(client.get(CALLBACK, {"error": error, "state": state}))
    assert client.get(CALLBACK, {"error": error, "state": state}).status_code == 401


# --- People who may not


def test_deactivated_person_is_refused(client: Client, idp: Provider) -> None:
    sign_in(client)
    client.logout()
    Person.objects.update(is_active=False, name="As it was")
    response = sign_in(client)
    assert response.status_code == 403
    assert not is_signed_in(client)
    assert Person.objects.get().name == "As it was"
    assert AuditEvent.objects.filter(action="person.signed_in").count() == 1


def test_deactivated_person_who_never_signed_in_is_refused(client: Client, idp: Provider) -> None:
    Person.objects.create(email=ANA.email, is_active=False)
    assert sign_in(client).status_code == 403
    assert not is_signed_in(client)
    assert not User.objects.exists()
    assert Person.objects.get().user is None


def test_deactivated_user_is_refused(client: Client, idp: Provider) -> None:
    sign_in(client)
    client.logout()
    User.objects.update(is_active=False)
    assert sign_in(client).status_code == 403
    assert not is_signed_in(client)
    assert AuditEvent.objects.filter(action="person.signed_in").count() == 1


# --- Groups that are missing, or too many


OVERAGE = {
    "_claim_names": {"groups": "src1"},
    "_claim_sources": {"src1": {"endpoint": "https://graph.example/groups"}},
}


@pytest.fixture
def _closed(settings: Settings) -> None:
    settings.ONRAMP_REQUIRED_GROUPS = frozenset({"claude-platform", "claude-users"})


@pytest.mark.usefixtures("_closed")
def test_a_required_group_lets_people_in(client: Client, idp: Provider) -> None:
    assert sign_in(client, BRUNO)["Location"] == "/setup/"


@pytest.mark.usefixtures("_closed")
def test_nobody_else_comes_in_and_nothing_is_left(client: Client, idp: Provider) -> None:
    response = sign_in(client, ROBERT)

    assert response.status_code == 403
    assert "You are in no group that may use Onramp" in response.content.decode()
    assert "claude-users" in response.content.decode()
    assert not is_signed_in(client)
    assert not User.objects.exists()
    assert not Person.objects.exists()


@pytest.mark.parametrize("has_other_browser", [True, False])
def test_a_required_group_lost_ends_every_session(
    client: Client, idp: Provider, settings: Settings, team: Team, has_other_browser: bool
) -> None:
    sign_in(client)
    other = Client() if has_other_browser else client
    replace_people([replace(ANA, groups=[])], state=idp.state)
    settings.ONRAMP_REQUIRED_GROUPS = frozenset({"claude-platform"})

    assert sign_in(other).status_code == 403

    assert not is_signed_in(client)
    assert not is_signed_in(other)
    person = Person.objects.get()
    assert (person.team, person.role) == (None, Role.PERSON)
    event = AuditEvent.objects.get(action="session.ended")
    assert (event.actor, event.target, event.details["sessions"]) == ("identity provider", ANA.email, 1)


@pytest.mark.parametrize(
    "overage", [OVERAGE, {"hasgroups": True}, {"hasgroups": "true"}, {"hasgroups": True, "roles": ["onramp-admins"]}]
)
def test_groups_overage_is_unknown_and_never_none(
    client: Client, idp: Provider, team: Team, overage: dict[str, Any]
) -> None:
    """As Entra ID says it: in the ID token of a member of very many groups."""
    sign_in(client)
    replace_people([replace(ANA, groups=[])], state=idp.state)
    idp.rewrites["/userinfo"] = lambda claims: claims | overage
    other = Client()

    response = sign_in(other)

    assert response.status_code == 403
    assert "app roles" in response.content.decode()
    assert not is_signed_in(other)
    assert is_signed_in(client)
    person = Person.objects.get()
    assert (person.team, person.role) == (team, Role.ADMIN)


def test_groups_overage_at_the_first_sign_in_leaves_nothing(
    client: Client, idp: Provider, own_keys: rsa.RSAPrivateKey
) -> None:
    idp.rewrite_id_token(changed_claims(own_keys, OVERAGE | {"groups": None}, "RS256"))

    assert sign_in(client).status_code == 403

    assert not User.objects.exists()
    assert not Person.objects.exists()


def test_app_roles_count_like_groups(client: Client, idp: Provider, team: Team) -> None:
    idp.rewrites["/userinfo"] = lambda claims: claims | {"roles": ["onramp-auditors", "claude-platform"]}
    sign_in(client, ROBERT)
    person = Person.objects.get()
    assert (person.team, person.role) == (team, Role.AUDITOR)


def test_groups_that_somebody_added_are_refused(client: Client, idp: Provider) -> None:
    """In the token, where the signature tells; and in the address, where nobody looks."""

    def tampered(id_token: str) -> str:
        head, _, signature = id_token.split(".")
        claims = json.dumps(unsigned(id_token) | {"groups": ["onramp-admins"]}).encode()
        return ".".join([head, base64.urlsafe_b64encode(claims).rstrip(b"=").decode(), signature])

    idp.rewrite_id_token(tampered)
    assert_refused(client, sign_in(client, ROBERT))
    idp.rewrites.clear()
    finish(client, authenticate(start(client), ROBERT), groups="onramp-admins", roles="onramp-admins")
    assert Person.objects.get().role == Role.PERSON
