"""Signing out at the identity provider, and being signed out by it."""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import jwt
import pytest
import time_machine
from allauth.socialaccount.models import SocialAccount
from allauth.usersessions.models import UserSession
from cryptography.hazmat.primitives.asymmetric import rsa
from django.contrib.sessions.models import Session
from django.core.cache import cache
from django.db import IntegrityError, transaction
from django.test import Client
from django.utils import timezone
from pytest_django.fixtures import Settings

from onboarding.models import AuditEvent, LogoutToken
from tests.factories import make_person
from tests.web.identity_provider import (
    ANA,
    ATTACKER,
    BRUNO,
    Provider,
    answering,
    changed_claims,
    configure,
    has_token,
    is_signed_in,
    issuer_of,
    loopback_socket,
    serving_app,
    sign_in,
    unsigned,
)

pytestmark = pytest.mark.django_db

SIGN_OUT = "/sign-out/"
BACK_CHANNEL = "/accounts/oidc/corp/back-channel-logout/"
EVENT = "http://schemas.openid.net/event/backchannel-logout"
DISCOVERY = "/.well-known/openid-configuration"


def asked(url: str) -> dict[str, str]:
    return dict(parse_qsl(urlsplit(url).query))


# --- Out by the portal


def test_signing_out_ends_the_session_and_goes_on_to_the_provider(client: Client, idp: Provider) -> None:
    sign_in(client)
    cookie = client.cookies["session"].value

    response = client.post(SIGN_OUT)

    assert response.status_code == 302
    assert response["Location"].startswith(idp.issuer + "/logout?")
    query = asked(response["Location"])
    assert set(query) == {"client_id", "id_token_hint", "post_logout_redirect_uri"}
    assert (query["client_id"], query["post_logout_redirect_uri"]) == ("onramp", "http://localhost:8000/")
    assert unsigned(query["id_token_hint"])["sub"] == "ana.nunez"
    assert not UserSession.objects.exists()
    stolen = Client()
    stolen.cookies["session"] = cookie
    assert stolen.get("/setup/").status_code == 302
    event = AuditEvent.objects.get(action="person.signed_out")
    assert (event.actor, event.target) == (ANA.email, ANA.email)


def test_the_database_holds_no_id_token_to_read(client: Client, idp: Provider) -> None:
    sign_in(client)
    hint = asked(client.post(SIGN_OUT)["Location"])["id_token_hint"]
    sign_in(client)

    kept = json.dumps(Session.objects.get(session_key=client.session.session_key).get_decoded())

    assert "id_token" in kept
    assert not any(part in kept for part in hint.split("."))
    assert not has_token(kept)


def with_one_bit_changed(kept: str) -> str:
    raw = bytearray(base64.urlsafe_b64decode(kept))
    raw[20] ^= 1
    return base64.urlsafe_b64encode(raw).decode()


@pytest.mark.parametrize("change", [with_one_bit_changed, lambda kept: kept[:15], lambda kept: kept[:16]])
def test_an_id_token_that_the_database_changed_is_not_shown_and_nothing_else_is_lost(
    client: Client, idp: Provider, change: Callable[[str], str]
) -> None:
    sign_in(client)
    session = client.session
    session["oidc"] = {"provider": "corp", "id_token": change(session["oidc"]["id_token"])}
    session.save()

    assert set(asked(client.post(SIGN_OUT)["Location"])) == {"client_id", "post_logout_redirect_uri"}


def test_an_id_token_too_long_for_an_address_is_left_out(
    client: Client, idp: Provider, own_keys: rsa.RSAPrivateKey
) -> None:
    idp.rewrite_id_token(changed_claims(own_keys, {"groups": [f"group-{number}" for number in range(400)]}, "RS256"))
    sign_in(client)

    location = client.post(SIGN_OUT)["Location"]

    assert set(asked(location)) == {"client_id", "post_logout_redirect_uri"}
    assert len(location) < 4000


@pytest.mark.parametrize(
    "endpoint", ["", None, "https://elsewhere.example/logout", "javascript:alert(1)", "http://localhost/logout"]
)
def test_without_a_page_there_that_browsers_would_open_it_ends_here(
    client: Client, idp: Provider, endpoint: str | None
) -> None:
    idp.rewrites[DISCOVERY] = lambda document: document | {"end_session_endpoint": endpoint}
    sign_in(client)

    assert client.post(SIGN_OUT)["Location"] == "/"
    assert not is_signed_in(client)


def test_an_origin_that_the_operator_names_is_opened(client: Client, idp: Provider, settings: Settings) -> None:
    settings.ONRAMP_OIDC_ORIGINS = ("https://elsewhere.example",)
    idp.rewrites[DISCOVERY] = lambda document: document | {"end_session_endpoint": "https://elsewhere.example/out?a=b"}
    sign_in(client)

    location = client.post(SIGN_OUT)["Location"]

    assert location.startswith("https://elsewhere.example/out?a=b&")
    assert asked(location)["client_id"] == "onramp"


def test_browsers_may_follow_the_form_to_the_provider(client: Client) -> None:
    policy = client.get("/")["Content-Security-Policy"]
    [allowed] = [part for part in policy.split("; ") if part.startswith("form-action")]
    assert "http://localhost:9" in allowed.split()


def test_with_the_provider_down_it_ends_here(client: Client, idp: Provider, settings: Settings) -> None:
    sign_in(client)
    cache.clear()
    with loopback_socket() as closed:
        configure(settings, issuer=issuer_of(closed))

    assert client.post(SIGN_OUT)["Location"] == "/"
    assert not is_signed_in(client)


def test_a_session_of_another_origin_ends_here(client: Client, idp: Provider) -> None:
    person = make_person()
    assert person.user is not None
    client.force_login(person.user)

    assert client.post(SIGN_OUT)["Location"] == "/"
    assert not is_signed_in(client)
    assert idp.asked == []


def test_a_link_cannot_sign_anybody_out(client: Client, idp: Provider) -> None:
    sign_in(client)
    assert client.get(SIGN_OUT).status_code == 405
    forging = Client(enforce_csrf_checks=True)
    forging.cookies = client.cookies
    assert forging.post(SIGN_OUT).status_code == 403
    assert is_signed_in(client)


# --- Out by the provider


def logout_token(idp: Provider, header: dict[str, Any] | None = None, **changes: Any) -> str:
    """Properly signed, as the specification's example; `changes` of None leave a claim out."""
    now = int(time.time())
    claims = {
        "iss": idp.issuer,
        "aud": "onramp",
        "iat": now,
        "exp": now + 120,
        "jti": "bWJq",
        "sub": "ana.nunez",
        "sid": "08a5019c",
        "events": {EVENT: {}},
    }
    said = {name: value for name, value in (claims | changes).items() if value is not None}
    return jwt.encode(said, ATTACKER, algorithm="RS256", headers={"kid": "own", "typ": "logout+jwt"} | (header or {}))


def send(token: str, **extra: Any) -> Any:
    """As the provider does: no cookie, no CSRF token, no browser."""
    response = Client(enforce_csrf_checks=True).post(BACK_CHANNEL, {"logout_token": token}, **extra)
    assert "no-store" in response["Cache-Control"]
    return response


def signed_in_as(idp: Provider, key: rsa.RSAPrivateKey, sid: str | None, someone: Any = ANA) -> Client:
    """A browser, signed in; the provider calls the session `sid`."""
    idp.rewrite_id_token(changed_claims(key, {"sid": sid}, "RS256"))
    client = Client()
    sign_in(client, someone)
    assert is_signed_in(client)
    return client


def known_to_the_provider() -> Client:
    """As `signed_in_as`, without going there: for what must not end."""
    client, person = Client(), make_person(ANA.email)
    assert person.user is not None
    client.force_login(person.user)
    SocialAccount.objects.create(user=person.user, provider="corp", uid="ana.nunez")
    UserSession.objects.create(
        user=person.user,
        session_key=client.session.session_key or "",
        ip="127.0.0.1",
        data={"provider": "corp", "sub": "ana.nunez", "sid": "08a5019c"},
    )
    return client


def test_what_must_not_end_can_end(idp: Provider, own_keys: rsa.RSAPrivateKey) -> None:
    client = known_to_the_provider()

    assert send(logout_token(idp)).status_code == 200

    assert not is_signed_in(client)


def test_it_ends_the_session_that_it_names(idp: Provider, own_keys: rsa.RSAPrivateKey) -> None:
    this, other = (signed_in_as(idp, own_keys, sid) for sid in ("08a5019c", "another"))

    assert send(logout_token(idp)).status_code == 200

    assert not is_signed_in(this)
    assert this.get("/setup/")["Location"].startswith("/?next=")
    assert is_signed_in(other)
    event = AuditEvent.objects.get(action="session.ended")
    assert (event.actor, event.target, event.details["sessions"]) == ("identity provider", ANA.email, 1)


def test_with_the_sid_alone_it_does_too(idp: Provider, own_keys: rsa.RSAPrivateKey) -> None:
    this, other = (signed_in_as(idp, own_keys, sid) for sid in ("08a5019c", "another"))

    assert send(logout_token(idp, sub=None)).status_code == 200

    assert (is_signed_in(this), is_signed_in(other)) == (False, True)


def test_without_a_sid_it_ends_all_of_the_person(idp: Provider, own_keys: rsa.RSAPrivateKey) -> None:
    mine = [signed_in_as(idp, own_keys, sid) for sid in ("08a5019c", "another", None)]
    other = signed_in_as(idp, own_keys, "theirs", BRUNO)

    assert send(logout_token(idp, sid=None)).status_code == 200

    assert [is_signed_in(client) for client in mine] == [False] * 3
    assert is_signed_in(other)
    assert AuditEvent.objects.get(action="session.ended").details["sessions"] == 3


def test_a_sid_of_somebody_else_ends_nothing(idp: Provider, own_keys: rsa.RSAPrivateKey) -> None:
    other = signed_in_as(idp, own_keys, "08a5019c", BRUNO)

    assert send(logout_token(idp)).status_code == 200

    assert is_signed_in(other)
    assert not AuditEvent.objects.filter(action="session.ended").exists()


def test_sessions_that_the_provider_did_not_begin_stay(idp: Provider, own_keys: rsa.RSAPrivateKey) -> None:
    signed_in_as(idp, own_keys, "08a5019c")
    client = Client()
    client.force_login(UserSession.objects.get().user)

    assert send(logout_token(idp, sid=None)).status_code == 200

    assert is_signed_in(client)


@pytest.mark.parametrize("typ", ["logout+jwt", "application/logout+jwt", "JWT", None])
def test_older_types_are_taken(idp: Provider, own_keys: rsa.RSAPrivateKey, typ: str | None) -> None:
    client = known_to_the_provider()

    assert send(logout_token(idp, {"typ": typ})).status_code == 200

    assert not is_signed_in(client)


@pytest.mark.parametrize(
    "changes",
    [
        {"iss": "https://evil.example"},
        {"iss": None},
        {"aud": "another-client"},
        {"aud": None},
        {"aud": ["onramp", "another-client"]},
        {"iat": None},
        {"iat": 1},
        {"iat": 4_000_000_000},
        {"exp": 1},
        {"exp": None},
        {"jti": None},
        {"jti": ""},
        {"jti": 7},
        {"sub": None, "sid": None},
        {"sub": ""},
        {"sid": ["08a5019c"]},
        {"events": None},
        {"events": {}},
        {"events": {EVENT: "yes"}},
        {"events": [EVENT]},
        {"events": {"http://schemas.openid.net/event/other": {}}},
        {"nonce": "n-0S6_WzA2Mj"},
    ],
    ids=str,
)
def test_a_token_that_says_something_else_is_refused(
    idp: Provider, own_keys: rsa.RSAPrivateKey, changes: dict[str, Any]
) -> None:
    assert_refused(known_to_the_provider(), send(logout_token(idp, **changes)))


def assert_refused(client: Client, response: Any) -> None:
    assert response.status_code == 400
    assert response.json()["error"] == "invalid_request"
    assert is_signed_in(client)
    assert not LogoutToken.objects.exists()
    assert not AuditEvent.objects.filter(action="session.ended").exists()


def _part(value: dict[str, Any]) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()


OTHER_KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)
FORGERIES: dict[str, Callable[[Provider], str]] = {
    "alg none": lambda idp: jwt.encode(unsigned(logout_token(idp)), "", algorithm="none", headers={"kid": "own"}),
    "HS256": lambda idp: jwt.encode(
        unsigned(logout_token(idp)),
        "the-client-secret-of-32-bytes-or-so",
        algorithm="HS256",
        headers={"kid": "own"},
    ),
    "another key": lambda idp: jwt.encode(
        unsigned(logout_token(idp)), OTHER_KEY, algorithm="RS256", headers={"kid": "own"}
    ),
    "tampered": lambda idp: ".".join(
        [(parts := logout_token(idp).split("."))[0], _part(unsigned(logout_token(idp)) | {"sid": "mine"}), parts[2]]
    ),
    "type of an access token": lambda idp: logout_token(idp, {"typ": "at+jwt"}),
    "unknown key": lambda idp: logout_token(idp, {"kid": "unknown"}),
    "too long": lambda idp: logout_token(idp, padding="x" * 17_000),
    "garbage": lambda idp: "not.a.token",
    "nothing": lambda idp: "",
}


@pytest.mark.parametrize("forge", FORGERIES.values(), ids=FORGERIES.keys())
def test_a_forged_token_is_refused(
    idp: Provider, own_keys: rsa.RSAPrivateKey, forge: Callable[[Provider], str]
) -> None:
    assert_refused(known_to_the_provider(), send(forge(idp)))


def test_an_id_token_is_no_logout_token(client: Client, idp: Provider) -> None:
    sign_in(client)
    id_token = asked(client.post(SIGN_OUT)["Location"])["id_token_hint"]
    sign_in(client)

    assert_refused(client, send(id_token))


def test_a_replayed_token_is_refused(idp: Provider, own_keys: rsa.RSAPrivateKey) -> None:
    token = logout_token(idp)
    signed_in_as(idp, own_keys, "08a5019c")
    assert send(token).status_code == 200
    again = signed_in_as(idp, own_keys, "08a5019c")

    response = send(token)

    assert response.status_code == 400
    assert "jti" in response.json()["error_description"]
    assert is_signed_in(again)


def test_a_token_is_remembered_until_it_is_too_old_and_then_forgotten(
    idp: Provider, own_keys: rsa.RSAPrivateKey
) -> None:
    token = logout_token(idp, exp=int(time.time()) + 10**9)
    assert send(token).status_code == 200
    [row] = LogoutToken.objects.all()

    with time_machine.travel(row.expires_at.timestamp() - 1, tick=False):
        assert send(token).status_code == 400
        assert LogoutToken.objects.filter(pk=row.pk).exists()
    with time_machine.travel(row.expires_at.timestamp() + 1, tick=False):
        assert send(token).status_code == 400
        assert send(logout_token(idp, jti="next")).status_code == 200
    assert not LogoutToken.objects.filter(pk=row.pk).exists()


def test_a_token_counts_once() -> None:
    LogoutToken.objects.create(digest="a" * 64, expires_at=timezone.now())

    with pytest.raises(IntegrityError), transaction.atomic():
        LogoutToken.objects.create(digest="a" * 64, expires_at=timezone.now())


def test_unknown_keys_are_looked_up_now_and_then_only(idp: Provider, own_keys: rsa.RSAPrivateKey) -> None:
    """Anybody may send tokens: they must not make the portal ask the provider each time."""
    send(logout_token(idp))
    idp.asked.clear()

    for number in range(3):
        send(logout_token(idp, {"kid": f"unknown-{number}"}))

    assert idp.asked.count("/.well-known/jwks.json") == 1


def test_a_rotated_key_is_found(idp: Provider, own_keys: rsa.RSAPrivateKey) -> None:
    client = signed_in_as(idp, own_keys, "08a5019c")
    published = idp.rewrites["/.well-known/jwks.json"]({})["keys"]
    idp.rewrites["/.well-known/jwks.json"] = lambda _: {"keys": [key | {"kid": "new"} for key in published]}

    assert send(logout_token(idp, {"kid": "new"})).status_code == 200

    assert not is_signed_in(client)


def test_without_its_keys_a_logout_fails_and_may_come_again(
    idp: Provider, own_keys: rsa.RSAPrivateKey, settings: Settings
) -> None:
    client = signed_in_as(idp, own_keys, "08a5019c")
    token = logout_token(idp)
    cache.clear()
    with loopback_socket() as broken, serving_app(answering("503 Service Unavailable", b""), broken):
        configure(settings, issuer=issuer_of(broken))
        response = send(token)
    assert (response.status_code, response.json()["error"]) == (400, "temporarily_unavailable")
    configure(settings, issuer=idp.issuer)

    assert send(token).status_code == 200

    assert not is_signed_in(client)


def test_only_posts_and_only_a_provider_that_there_is(client: Client, idp: Provider) -> None:
    assert client.get(BACK_CHANNEL).status_code == 405
    assert client.post(BACK_CHANNEL.replace("corp", "other"), {"logout_token": "a.b.c"}).status_code == 404


def test_what_is_refused_stays_out_of_the_log(
    idp: Provider, own_keys: rsa.RSAPrivateKey, caplog: pytest.LogCaptureFixture
) -> None:
    token = logout_token(idp, aud="another-client")
    send(token)
    assert "InvalidAudienceError" in caplog.text
    assert token not in caplog.text
