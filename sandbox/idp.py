"""The pretend company's OpenID Connect provider: nanoidp 3.4 in its OAuth 2.1 profile, with our people.

nanoidp keeps its configuration in module globals: one provider a process, the last one made wins. Its login
page has the fields `username` (an address, or its `username_of`) and `password`, and one submit button, "Authorize".
"""

from __future__ import annotations

import json
import logging
import re
import secrets
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol
from urllib.parse import parse_qs, quote, urlsplit

import yaml
from flask import Response, request
from nanoidp.app import create_app  # type: ignore[import-untyped]  # ships no types
from nanoidp.config import get_config  # type: ignore[import-untyped]  # ships no types
from werkzeug.datastructures import ImmutableMultiDict

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

PASSWORD = "onramp"  # everybody's, and no secret

# What this company's provider tells the portal, and in which of the two places.
_CLAIMS = {
    "id_token": dict.fromkeys(("email", "email_verified", "name", "preferred_username", "groups")),
    "userinfo": dict.fromkeys(("name",)),
}
# nanoidp replaces ${NAME} and ${NAME:default} in every value and has no escape; this one's default is "$".
_DOLLAR = "${ONRAMP_SANDBOX_DOLLAR:$}"
_REMOTE = re.compile(r'<link[^>]*href="https?://[^>]*>|<script[^>]*src="https?://[^>]*></script>')


class Member(Protocol):
    """Somebody who can sign in."""

    @property
    def email(self) -> str: ...
    @property
    def name(self) -> str: ...
    @property
    def groups(self) -> Sequence[str]: ...


def make_app(
    people: Iterable[Member],
    *,
    issuer: str,
    client_id: str,
    client_secret: str,
    redirect_uris: Sequence[str],
    state: Path,
) -> WSGIApplication:
    """The provider as a WSGI app, with its YAML files and signing keys in the folder `state`.

    One confidential client that sends its secret in the body; PKCE S256 required; redirect URIs compared
    exactly. Everybody's password is `PASSWORD`. The nonce of the request comes back in the ID token.
    """
    state.mkdir(parents=True, exist_ok=True)
    client = _client(client_id, client_secret, redirect_uris)
    _write(state / "settings.yaml", _settings(issuer, client, keys=state / "keys"))
    _write(state / "users.yaml", _users(people))
    # Before the app is made: nanoidp logs each part of its start-up.
    for name in ("nanoidp", "werkzeug"):
        logging.getLogger(name).setLevel(logging.WARNING)
    app = create_app(str(state), strict_config=True)
    # Cookies know no ports: on localhost Flask's default name, "session", is the portal's cookie.
    app.config["SESSION_COOKIE_NAME"] = "sandbox_idp"
    app.before_request(_take_an_address_for_its_user_name)
    app.after_request(_without_remote_files)
    return _asking_for_claims(app)


def replace_people(people: Iterable[Member], *, state: Path) -> None:
    """Change who there is, in which groups, while the provider made in `state` runs."""
    _write(state / "users.yaml", _users(people))
    get_config().reload()


def username_of(email: str) -> str:
    """What somebody signs in as, and their `sub`: the part before the @, in lower case.

    nanoidp's `sub` is the user name. It is not the e-mail, and outlives a change of domain or of case.
    """
    return email.partition("@")[0].lower()


def _write(path: Path, document: dict[str, Any]) -> None:
    path.write_text(yaml.safe_dump(document, allow_unicode=True), encoding="utf-8")


def _client(client_id: str, client_secret: str, redirect_uris: Sequence[str]) -> dict[str, Any]:
    return {
        "client_id": client_id,
        "client_secret": client_secret,
        # allauth's choice where the provider offers both.
        "token_endpoint_auth_method": "client_secret_post",
        "redirect_uris": list(redirect_uris),
    }


def _settings(issuer: str, client: dict[str, Any], *, keys: Path) -> dict[str, Any]:
    """nanoidp's settings.yaml; keys as in `nanoidp config-schema --file settings.yaml`."""
    return {
        "config_version": 1,
        "config_validation": "strict",
        "security_profile": "oauth21",
        "server": {"port": urlsplit(issuer).port or 80},
        "oauth": {
            "issuer": issuer,
            "audience": client["client_id"],
            "require_pkce": True,
            "clients": [client],
        },
        "jwt": {"keys_dir": str(keys)},
        "session": {"secret_key": secrets.token_urlsafe(32)},
        "logging": {"level": "WARNING", "log_token_requests": False, "verbose_logging": False},
        "cors_allowed_origins": [],
    }


def _users(people: Iterable[Member]) -> dict[str, Any]:
    """nanoidp's users.yaml. Two people with one user name are refused: one would sign in as the other."""
    users: dict[str, Any] = {}
    for person in people:
        username = username_of(person.email)
        if username in users:
            raise ValueError(f"two people sign in as {username!r}: {users[username]['email']} and {person.email}")
        users[username] = {
            "password": PASSWORD,
            "email": _literal(person.email),
            "groups": [_literal(group) for group in person.groups],
            "attributes": {"name": _literal(person.name)},
            "roles": [],
        }
    return {"config_version": 1, "users": users}


def _literal(text: str) -> str:
    return text.replace("${", _DOLLAR + "{")


def _take_an_address_for_its_user_name() -> None:
    """Corporate sign-in takes addresses, and `make run` prints them; nanoidp looks people up by user name alone."""
    typed = request.form.get("username", "").strip()
    person = get_config().get_user(username_of(typed))
    if person is not None and person.email.lower() == typed.lower():
        request.form = ImmutableMultiDict(request.form.to_dict() | {"username": person.username})


def _without_remote_files(response: Response) -> Response:
    """nanoidp's pages take their looks from a CDN; the sandbox reaches nothing beyond this machine."""
    if response.mimetype == "text/html" and not response.direct_passthrough:
        response.set_data(_REMOTE.sub("", response.get_data(as_text=True)))
    return response


def _asking_for_claims(app: WSGIApplication) -> WSGIApplication:
    """`app`, whose every authorization request asks for `_CLAIMS`.

    Company providers map claims to a client in their own configuration. nanoidp cannot, but honours the
    `claims` request parameter (OpenID Connect Core 5.5), so it is added to requests that come without one.
    """
    asked = "&claims=" + quote(json.dumps(_CLAIMS))

    def mapped(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        query = environ.get("QUERY_STRING", "")
        parameters = parse_qs(query)
        if environ["PATH_INFO"] == "/authorize" and "client_id" in parameters and "claims" not in parameters:
            environ["QUERY_STRING"] = query + asked
        return app(environ, start_response)

    return mapped
