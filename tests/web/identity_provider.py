"""A real identity provider on loopback, the way a browser signs in at it, and what a forger would send instead.

nanoidp in a thread: the fixture `idp` is it, configured as the portal's; its answers can be rewritten.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import re
import socket
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, urlsplit

import jwt
import pytest
import requests
from cryptography.hazmat.primitives.asymmetric import rsa
from django.core.cache import cache
from django.test import Client
from werkzeug.serving import make_server
from werkzeug.test import run_wsgi_app

from sandbox.idp import PASSWORD, make_app, replace_people, username_of
from tests.serving import serving

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment
    from pytest_django.fixtures import Settings

LOGIN = "/accounts/oidc/corp/login/"
CALLBACK = LOGIN + "callback/"
SECRET = "the-client-secret"
HOSTILE = 'Zoë "O\'Brien" \\ $(touch /tmp/onramp-pwned) `id` 🚀 שלום'


@dataclass(frozen=True)
class Someone:
    email: str
    name: str
    groups: Sequence[str] = ()


ANA = Someone("ana.nunez@acme.example", "Ana Núñez", ["claude-platform", "onramp-admins"])
BRUNO = Someone("bruno.rey@acme.example", "Bruno Rey", ["claude-platform"])
ROBERT = Someone("robert.tables@acme.example", HOSTILE)
PEOPLE = [ANA, BRUNO, ROBERT]

Rewrite = Callable[[dict[str, Any]], dict[str, Any]]


@dataclass
class Provider:
    """nanoidp in a thread. `rewrites` change its JSON answers by path; `asked` are the paths asked for."""

    issuer: str
    state: Path
    rewrites: dict[str, Rewrite] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)

    def rewrite_id_token(self, change: Callable[[str], str]) -> None:
        self.rewrites["/token"] = lambda tokens: tokens | {"id_token": change(tokens["id_token"])}


@contextmanager
def serving_app(app: WSGIApplication, server_socket: socket.socket) -> Iterator[None]:
    port = server_socket.getsockname()[1]
    with serving(make_server("127.0.0.1", port, app, threaded=True, fd=server_socket.fileno())):
        yield


def loopback_socket() -> socket.socket:
    return socket.create_server(("127.0.0.1", 0), backlog=16)


def issuer_of(server_socket: socket.socket) -> str:
    return f"http://localhost:{server_socket.getsockname()[1]}"


def answering(status: str, body: bytes) -> WSGIApplication:
    def app(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        start_response(status, [("Content-Type", "application/json"), ("Location", "/elsewhere")])
        return [body]

    return app


@pytest.fixture(scope="module")
def running_provider(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Provider]:
    state = tmp_path_factory.mktemp("idp")
    with loopback_socket() as server_socket:
        provider = Provider(issuer_of(server_socket), state)
        app = make_app(
            PEOPLE,
            issuer=provider.issuer,
            client_id="onramp",
            client_secret=SECRET,
            redirect_uris=["http://localhost:8000" + CALLBACK],
            state=state,
        )
        with serving_app(_rewriting(app, provider), server_socket):
            yield provider


def _rewriting(app: WSGIApplication, provider: Provider) -> WSGIApplication:
    def rewritten(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        path = environ["PATH_INFO"]
        provider.asked.append(path)
        if path not in provider.rewrites:
            return app(environ, start_response)
        chunks, status, _ = run_wsgi_app(app, environ, buffered=True)
        document = provider.rewrites[path](json.loads(b"".join(chunks)))
        start_response(status, [("Content-Type", "application/json")])
        return [json.dumps(document).encode()]

    return rewritten


@pytest.fixture
def idp(running_provider: Provider, settings: Settings) -> Iterator[Provider]:
    """The provider, configured as the portal's, with nothing kept of earlier tests."""
    cache.clear()
    configure(settings, issuer=running_provider.issuer)
    yield running_provider
    running_provider.rewrites.clear()
    running_provider.asked.clear()
    replace_people(PEOPLE, state=running_provider.state)


def configure(settings: Settings, *, issuer: str) -> None:
    app = {
        "provider_id": "corp",
        "name": "Acme SSO",
        "client_id": "onramp",
        "secret": SECRET,
        "settings": {"server_url": issuer},
    }
    settings.PUBLIC_URL = "http://localhost:8000"
    settings.SOCIALACCOUNT_PROVIDERS = {
        "openid_connect": {
            "OAUTH_PKCE_ENABLED": True,
            "SCOPE": ["openid", "profile", "email"],
            "APPS": [app],
        }
    }
    settings.ONRAMP_OIDC_GROUPS_CLAIM = "groups"
    settings.ONRAMP_ADMIN_GROUPS = frozenset({"onramp-admins"})
    settings.ONRAMP_AUDITOR_GROUPS = frozenset({"onramp-auditors"})


# --- Walking through


def start(client: Client, **form: str) -> str:
    """Press the portal's button; the URL of the provider it sends us to."""
    response = client.post(LOGIN, form)
    assert response.status_code == 302, response.content
    return response["Location"]


def authenticate(url: str, someone: Someone) -> str:
    """Sign in at the provider as a browser does; the URL it sends us back to."""
    with requests.Session() as browser:
        page = browser.get(url, timeout=5)
        hidden = re.search(r'name="transaction_id" value="([^"]+)"', page.text)
        assert hidden is not None, page.text
        form = {"transaction_id": hidden[1], "username": username_of(someone.email), "password": PASSWORD}
        answer = browser.post(page.url, data=form, timeout=5, allow_redirects=False)
    assert answer.status_code == 302, answer.text
    return str(answer.headers["Location"])


def finish(client: Client, url: str, **extra: str) -> Any:
    parts = urlsplit(url)
    assert (parts.scheme, parts.netloc, parts.path) == ("http", "localhost:8000", CALLBACK)
    return client.get(parts.path, dict(parse_qsl(parts.query)) | extra)


def sign_in(client: Client, someone: Someone = ANA, **form: str) -> Any:
    return finish(client, authenticate(start(client, **form), someone))


def is_signed_in(client: Client) -> bool:
    return "_auth_user_id" in client.session


# --- What a forger sends


ATTACKER = rsa.generate_private_key(public_exponent=65537, key_size=2048)


def unsigned(id_token: str) -> dict[str, Any]:
    claims: dict[str, Any] = jwt.decode(id_token, options={"verify_signature": False})
    return claims


def signed_by_the_attacker(id_token: str, **header: str) -> str:
    """The same claims under the same key id, or another; the wrong key."""
    kept = {"kid": jwt.get_unverified_header(id_token)["kid"]} | header
    return jwt.encode(unsigned(id_token), ATTACKER, algorithm="RS256", headers=kept)


def without_signature(id_token: str) -> str:
    header = {"kid": jwt.get_unverified_header(id_token)["kid"]}
    return jwt.encode(unsigned(id_token), key="", algorithm="none", headers=header)


def with_the_public_key_as_secret(idp: Provider) -> Callable[[str], str]:
    """RFC 8725 2.1: HS256, keyed with the provider's published key. Made by hand: PyJWT will not."""

    def change(id_token: str) -> str:
        keys = requests.get(idp.issuer + "/.well-known/jwks.json", timeout=5).json()["keys"]
        header = {"alg": "HS256", "typ": "JWT", "kid": keys[0]["kid"]}
        parts = [_base64(json.dumps(part).encode()) for part in (header, unsigned(id_token))]
        signature = hmac.digest(json.dumps(keys[0]).encode(), ".".join(parts).encode(), hashlib.sha256)
        return ".".join([*parts, _base64(signature)])

    return change


def _base64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


@pytest.fixture
def own_keys(idp: Provider) -> rsa.RSAPrivateKey:
    """The provider publishes a key the test holds, so that properly signed ID tokens can say anything."""
    public = json.loads(jwt.algorithms.RSAAlgorithm.to_jwk(ATTACKER.public_key()))
    idp.rewrites["/.well-known/jwks.json"] = lambda _: {"keys": [public | {"kid": "own", "use": "sig"}]}
    return ATTACKER


def changed_claims(key: rsa.RSAPrivateKey, changes: dict[str, Any], algorithm: str) -> Callable[[str], str]:
    def change(id_token: str) -> str:
        claims = {name: value for name, value in (unsigned(id_token) | changes).items() if value is not None}
        return jwt.encode(claims, key, algorithm=algorithm, headers={"kid": "own"})

    return change


def has_token(text: str) -> bool:
    """Whether a JWT stands in it. Its first three letters alone may stand in anything random."""
    return re.search(r"eyJ[\w-]+\.[\w-]+\.", text) is not None
