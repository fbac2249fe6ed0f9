"""The sandbox's identity provider, asked the way a client and a browser ask it."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

import jwt
import pytest
from werkzeug.test import Client, TestResponse

from sandbox.idp import PASSWORD, make_app, replace_people, username_of

ISSUER = "http://localhost:9321"
CALLBACK = "http://localhost:8000/accounts/oidc/corp/login/callback/"
VERIFIER = "v" * 43
HOSTILE = 'Zoë "O\'Brien" \\ $(touch /tmp/onramp-pwned) `id` ${HOME} ${HOME:x} <b>&amp; 🚀 שלום'


@dataclass(frozen=True)
class Someone:
    email: str
    name: str
    groups: Sequence[str]


ANA = Someone("ana.nunez@acme.example", "Ana Núñez", ("claude-platform", "onramp-admins"))
ROBERT = Someone("robert.tables@acme.example", HOSTILE, ("claude-platform",))
IRIS = Someone("Iris.Vega@Acme.example", "Iris Vega", ())


@pytest.fixture
def idp(tmp_path: Path) -> Client:
    return Client(_make([ANA, ROBERT, IRIS], tmp_path))


def _make(people: list[Someone], state: Path) -> Any:
    return make_app(
        people,
        issuer=ISSUER,
        client_id="onramp",
        client_secret="s3cret",
        redirect_uris=[CALLBACK],
        state=state,
    )


def _authorize(idp: Client, **changes: str | None) -> TestResponse:
    challenge = base64.urlsafe_b64encode(hashlib.sha256(VERIFIER.encode()).digest()).rstrip(b"=").decode()
    parameters = {
        "response_type": "code",
        "client_id": "onramp",
        "redirect_uri": CALLBACK,
        "scope": "openid profile email",
        "state": "some-state",
        "nonce": "some-nonce",
        "code_challenge": challenge,
        "code_challenge_method": "S256",
    } | changes
    present = {name: value for name, value in parameters.items() if value is not None}
    return idp.get("/authorize?" + urlencode(present), base_url=ISSUER)


def _sign_in(idp: Client, page: TestResponse, *, username: str, password: str = PASSWORD) -> TestResponse:
    hidden = re.search(r'name="transaction_id" value="([^"]+)"', page.text)
    assert hidden is not None
    form = {"username": username, "password": password, "transaction_id": hidden[1]}
    return idp.post("/authorize", data=form, base_url=ISSUER)


def _tokens(idp: Client, *, email: str) -> dict[str, Any]:
    answer = _sign_in(idp, _authorize(idp), username=username_of(email))
    code = dict(parse_qsl(urlsplit(answer.location).query))["code"]
    form = {
        "grant_type": "authorization_code",
        "code": code,
        "redirect_uri": CALLBACK,
        "client_id": "onramp",
        "client_secret": "s3cret",
        "code_verifier": VERIFIER,
    }
    tokens: dict[str, Any] = json.loads(idp.post("/token", data=form, base_url=ISSUER).text)
    return tokens


def _id_token(idp: Client, tokens: dict[str, Any]) -> dict[str, Any]:
    keys = jwt.PyJWKSet.from_json(idp.get("/.well-known/jwks.json", base_url=ISSUER).text)
    key = keys[jwt.get_unverified_header(tokens["id_token"])["kid"]]
    claims: dict[str, Any] = jwt.decode(tokens["id_token"], key, audience="onramp", issuer=ISSUER)
    return claims


def _userinfo(idp: Client, tokens: dict[str, Any]) -> dict[str, Any]:
    headers = {"Authorization": f"Bearer {tokens['access_token']}"}
    claims: dict[str, Any] = json.loads(idp.get("/userinfo", headers=headers, base_url=ISSUER).text)
    return claims


def test_id_token_carries_the_nonce_and_the_claims(idp: Client) -> None:
    claims = _id_token(idp, _tokens(idp, email=ANA.email))
    assert claims["nonce"] == "some-nonce"
    assert claims["sub"] == "ana.nunez"
    assert claims["email"] == ANA.email
    assert claims["email_verified"] is True
    assert claims["name"] == ANA.name
    assert claims["groups"] == list(ANA.groups)


def test_userinfo_carries_the_claims(idp: Client) -> None:
    claims = _userinfo(idp, _tokens(idp, email=ANA.email))
    assert claims["sub"] == "ana.nunez"
    assert (claims["email"], claims["email_verified"], claims["name"]) == (ANA.email, True, ANA.name)
    assert claims["groups"] == list(ANA.groups)


def test_hostile_name_survives(idp: Client) -> None:
    tokens = _tokens(idp, email=ROBERT.email)
    assert _id_token(idp, tokens)["name"] == HOSTILE
    assert _userinfo(idp, tokens)["name"] == HOSTILE


def test_email_keeps_its_case_and_the_user_name_does_not(idp: Client) -> None:
    claims = _userinfo(idp, _tokens(idp, email=IRIS.email))
    assert (claims["sub"], claims["email"]) == ("iris.vega", "Iris.Vega@Acme.example")


@pytest.mark.parametrize("typed", ["iris.vega", IRIS.email, "iris.vega@acme.example"])
def test_people_sign_in_with_their_address_or_the_part_before_the_at(idp: Client, typed: str) -> None:
    assert _sign_in(idp, _authorize(idp), username=typed).location.startswith(f"{CALLBACK}?code=")


@pytest.mark.parametrize("typed", ["@acme.example", "iris.vega@elsewhere.example", "nobody@acme.example"])
def test_an_address_that_is_nobodys_is_refused(idp: Client, typed: str) -> None:
    answer = _sign_in(idp, _authorize(idp), username=typed)
    assert "Invalid username or password" in answer.text


def test_replaced_people_have_their_new_groups(idp: Client, tmp_path: Path) -> None:
    replace_people([Someone(ANA.email, ANA.name, ("claude-web",))], state=tmp_path)
    assert _userinfo(idp, _tokens(idp, email=ANA.email))["groups"] == ["claude-web"]


def test_people_with_one_user_name_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="two people sign in as"):
        _make([ANA, Someone("Ana.Nunez@other.example", "Another Ana", ())], tmp_path)


@pytest.mark.parametrize(
    "changes",
    [
        {"code_challenge": None, "code_challenge_method": None},
        {"code_challenge": VERIFIER, "code_challenge_method": "plain"},
    ],
)
def test_authorization_without_pkce_s256_is_refused(idp: Client, changes: dict[str, str | None]) -> None:
    answer = _authorize(idp, **changes)
    assert answer.location.startswith(CALLBACK)
    assert "error=invalid_request" in answer.location


@pytest.mark.parametrize("uri", [CALLBACK + "x", CALLBACK[:-1], CALLBACK + "?a=b", "https://evil.example/"])
def test_redirect_uri_is_compared_exactly(idp: Client, uri: str) -> None:
    assert _authorize(idp, redirect_uri=uri).status_code == 400


def test_wrong_password_is_refused(idp: Client) -> None:
    answer = _sign_in(idp, _authorize(idp), username="ana.nunez", password="wrong")
    assert answer.status_code == 200
    assert "Invalid username or password" in answer.text


def test_login_page_stays_on_this_machine_and_out_of_the_portals_cookie(idp: Client) -> None:
    page = _authorize(idp)
    assert 'name="username"' in page.text
    assert 'name="password"' in page.text
    assert "https://" not in page.text
    assert page.headers["Set-Cookie"].startswith("sandbox_idp=")
