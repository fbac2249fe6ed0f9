"""OpenID Connect as the portal speaks it: what allauth leaves out of the protocol, and nothing else.

allauth runs the authorization code flow with PKCE and a single-use `state`. Here are the checks it does not make
(nonce, ID-token signature, issuer), and the provider's documents kept for an outage. Sources: OpenID Connect Core 1.0
3.1.3.7 (ID token), 5.3.2 (userinfo), 15.5.2 (nonce); Discovery 1.0 4.3 (issuer); RFC 9207 (`iss` in the answer);
RFC 8725 (algorithms). Signing out is in `oidc_logout`.
"""

from __future__ import annotations

import hashlib
import hmac
import time
from base64 import urlsafe_b64encode
from collections.abc import Callable
from functools import cached_property
from typing import Any
from urllib.parse import urlsplit

import jwt
import requests
import structlog
from allauth.socialaccount.adapter import get_adapter
from allauth.socialaccount.models import SocialLogin, SocialToken
from allauth.socialaccount.providers.base import AuthProcess
from allauth.socialaccount.providers.oauth2.client import OAuth2Error
from allauth.socialaccount.providers.openid_connect.provider import OpenIDConnectProvider
from allauth.socialaccount.providers.openid_connect.views import OpenIDConnectOAuth2Adapter
from django.conf import settings
from django.core.cache import cache
from django.http import HttpRequest
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme

log = structlog.get_logger(__name__)

Document = dict[str, Any]

# Asymmetric only: with HS256 the provider's public key would do as the secret, and "none" needs no key.
ALGORITHMS = ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA"]
CLOCK_SKEW = 60  # seconds
LONGEST_SUBJECT = 191  # the column's

# Discovery document and keys, in seconds: fresh for so long; used up to so old while the provider does not
# answer, which is then asked again only so often, because each try holds a worker until it times out.
FRESH_FOR = 10 * 60
STALE_FOR = 24 * 60 * 60
ASK_AGAIN_AFTER = 30
# A call that fails later than this, in seconds, held its page up: the page makes no other. Less than the timeout of a
# call, and together with it less than anybody is to wait.
WAITED_IN_VAIN = 0.5


class IdentityProviderUnavailable(Exception):
    """The provider does not answer, or not as a provider does. Trying again later may help."""


class UnpublishedKey(jwt.InvalidKeyError):
    """A token is signed with a key that the provider does not publish."""


class SignInRefused(OAuth2Error):  # type: ignore[misc]  # untyped base
    """The provider's answer does not prove who this is. The message names the check and holds no data."""


# --- Reaching the provider


class IdentityProviderSession(requests.Session):
    """Requests with a bound on connecting and on reading, no retries, and one error for an outage.

    A provider that stands still is waited for once while a page is made, and not at each of its endpoints in turn.
    """

    def __init__(self, page: Any) -> None:
        """`page` is the HttpRequest that is being answered; None outside of one."""
        super().__init__()
        self._page = page

    def send(self, request: requests.PreparedRequest, **options: Any) -> requests.Response:
        if getattr(self._page, "has_waited_for_provider", False):
            raise IdentityProviderUnavailable("asked before, and waited in vain")
        began = time.monotonic()
        try:
            return self._send(request, **options)
        except IdentityProviderUnavailable:
            if self._page is not None and time.monotonic() - began > WAITED_IN_VAIN:
                self._page.has_waited_for_provider = True
            raise

    def _send(self, request: requests.PreparedRequest, **options: Any) -> requests.Response:
        options["timeout"] = settings.SOCIALACCOUNT_REQUESTS_TIMEOUT
        # Each hop would have its own timeout, and a redirected token request would carry our secret along.
        options["allow_redirects"] = False
        try:
            response = super().send(request, **options)
        except requests.RequestException as error:
            raise IdentityProviderUnavailable(type(error).__name__) from error
        if response.status_code >= 500 or response.status_code == 429:
            raise IdentityProviderUnavailable(f"HTTP {response.status_code}")
        return response


def is_secure(url: str) -> bool:
    """Whether `url` is https, or stays on this machine."""
    parts = urlsplit(url)
    is_loopback = parts.hostname in {"localhost", "127.0.0.1", "::1"}
    return bool(parts.hostname) and (parts.scheme == "https" or (parts.scheme == "http" and is_loopback))


def _get_document(url: str) -> Document:
    with get_adapter().get_requests_session() as session:
        response = session.get(url)
    return _json_object(response)


def _json_object(response: requests.Response) -> Document:
    try:
        document = response.json() if response.status_code == 200 else None
    except ValueError:
        document = None
    if not isinstance(document, dict):
        raise IdentityProviderUnavailable(f"HTTP {response.status_code} without a JSON object")
    return document


def kept_document(
    url: str,
    *,
    check: Callable[[Document], None],
    must_be_new: bool = False,
    get: Callable[[str], Document] = _get_document,
) -> Document:
    """The JSON object at `url`: from the cache while fresh, and while stale if the provider does not answer.

    `check` raises IdentityProviderUnavailable for an object that may not be kept. With `must_be_new` the
    provider is asked whatever the cache holds. `get` asks it, where the answer is not JSON.
    """
    key = "oidc:" + hashlib.sha256(url.encode()).hexdigest()
    kept, now = cache.get(key), time.time()
    if kept and not must_be_new and now < kept["ask_at"]:
        return dict(kept["document"])
    try:
        document = get(url)
        check(document)
    except IdentityProviderUnavailable as error:
        if kept is None or must_be_new:
            raise
        log.warning("identity_provider_unavailable", url=url, reason=str(error), used="stale document")
        ask_at, lifetime = now + ASK_AGAIN_AFTER, kept["until"] - now
        cache.set(key, kept | {"ask_at": ask_at}, timeout=max(1, lifetime))
        return dict(kept["document"])
    kept = {"document": document, "ask_at": now + FRESH_FOR, "until": now + STALE_FOR}
    cache.set(key, kept, timeout=STALE_FOR)
    return document


def _check_keys(document: Document) -> None:
    if not isinstance(document.get("keys"), list):
        raise IdentityProviderUnavailable("the key set has no keys")


# --- The protocol


def nonce_of(code_verifier: str) -> str:
    """The nonce of the sign-in that has this PKCE verifier.

    Core 15.5.2: keep a random value in the session, send its hash. The verifier is that value: random, kept
    in the session under `state`, usable once, and what allauth hands back before any token is read.
    """
    digest = hashlib.sha256(b"onramp nonce:" + code_verifier.encode()).digest()
    return urlsafe_b64encode(digest).rstrip(b"=").decode()


class CorporateOIDCAdapter(OpenIDConnectOAuth2Adapter):  # type: ignore[misc]  # untyped base
    """The provider's side of one sign-in."""

    @cached_property
    def openid_config(self) -> Document:
        return kept_document(self.get_provider().server_url, check=self._check_discovery)

    @cached_property
    def issuer(self) -> str:
        return str(self.get_provider().app.settings["server_url"])

    @property
    def client_id(self) -> str:
        return str(self.get_provider().app.client_id)

    def _check_discovery(self, document: Document) -> None:
        if document.get("issuer") != self.issuer:
            raise IdentityProviderUnavailable("discovery names another issuer than ONRAMP_OIDC_ISSUER")
        # Where it signs people out is looked at when somebody is sent there.
        needed = {"authorization_endpoint", "token_endpoint", "jwks_uri"}
        for name in sorted(needed | {"userinfo_endpoint"}):
            if (name in needed or document.get(name)) and not is_secure(str(document.get(name, ""))):
                raise IdentityProviderUnavailable(f"discovery has no {name} over https")

    def get_callback_url(self, request: HttpRequest, app: Any) -> str:
        """Where the provider sends people back to: our public address, whatever the Host header says."""
        path = reverse("openid_connect_callback", kwargs={"provider_id": self.provider_id})
        return f"{settings.PUBLIC_URL}{path}"

    def get_access_token_data(
        self, request: HttpRequest, app: Any, client: Any, pkce_code_verifier: str | None = None
    ) -> Document:
        self._check_answering_issuer(request.GET.get("iss"))
        if not pkce_code_verifier:
            raise SignInRefused("the sign-in began without PKCE")
        self._nonce = nonce_of(pkce_code_verifier)
        tokens: Document = super().get_access_token_data(request, app, client, pkce_code_verifier)
        return tokens

    def _check_answering_issuer(self, issuer: str | None) -> None:
        """RFC 9207 2.4: another provider's answer is refused, and so is none where one is promised."""
        is_promised = self.openid_config.get("authorization_response_iss_parameter_supported") is True
        if issuer != self.issuer and (issuer is not None or is_promised):
            raise SignInRefused("iss: the answer is another issuer's")

    def complete_login(self, request: HttpRequest, app: Any, token: SocialToken, **kwargs: Any) -> SocialLogin:
        """The login that the tokens prove. Userinfo goes first: ID tokens may hold shortened lists."""
        id_token = str(kwargs["response"].get("id_token") or "")
        claims = self._id_token_claims(id_token)
        userinfo = self._userinfo(token.token, subject=claims["sub"])
        login: SocialLogin = self.get_provider().sociallogin_from_response(request, claims | userinfo)
        # Signing out shows it to the provider again.
        login.id_token = id_token
        return login

    def _userinfo(self, access_token: str, *, subject: str) -> Document:
        """What the provider says of `subject` now; empty where the provider has no userinfo endpoint."""
        url = self.openid_config.get("userinfo_endpoint")
        if not url:
            return {}
        with get_adapter().get_requests_session() as session:
            response = session.get(url, headers={"Authorization": f"Bearer {access_token}"})
        if response.status_code in {400, 401, 403}:
            raise SignInRefused(f"userinfo: HTTP {response.status_code}")
        claims = _json_object(response)
        if claims.get("sub") != subject:
            raise SignInRefused("userinfo: sub is not the ID token's")
        return {name: value for name, value in claims.items() if value is not None}

    def _id_token_claims(self, id_token: str) -> Document:
        """The ID token's claims, once every check of Core 3.1.3.7 has passed."""
        try:
            claims = self.verified(id_token, required=["iss", "sub", "aud", "exp", "iat"])
        except jwt.PyJWTError as error:
            # The error's class and not its text, which may quote the token.
            raise SignInRefused(f"ID token: {type(error).__name__}") from None
        if not hmac.compare_digest(str(claims.get("nonce", "")).encode(), self._nonce.encode()):
            raise SignInRefused("ID token: the nonce is another sign-in's")
        if not 0 < len(str(claims["sub"])) <= LONGEST_SUBJECT:
            raise SignInRefused("ID token: sub is empty, or too long to be kept")
        return claims

    def verified(self, token: str, *, required: list[str], is_asked_for: bool = True) -> Document:
        """The claims of a token that the provider signed for this client, and that is in time.

        Raises PyJWTError. A token that nobody asked for does not make the portal fetch keys as often as it comes.
        """
        claims: Document = jwt.decode(
            token,
            self._signing_key(token, is_asked_for=is_asked_for),
            algorithms=ALGORITHMS,
            issuer=self.issuer,
            audience=self.client_id,
            leeway=CLOCK_SKEW,
            options={"require": required},
        )
        is_shared = isinstance(claims["aud"], list) and len(claims["aud"]) > 1
        if claims.get("azp", None if is_shared else self.client_id) != self.client_id:
            raise jwt.InvalidAudienceError("azp is not this client")
        return claims

    def _signing_key(self, token: str, *, is_asked_for: bool) -> jwt.PyJWK:
        """The provider's key that the token's header names. An unknown one is looked up anew: keys rotate."""
        header = jwt.get_unverified_header(token)
        if header.get("alg") not in ALGORITHMS:
            raise jwt.InvalidAlgorithmError
        url = self.openid_config["jwks_uri"]
        key = _find_key(kept_document(url, check=_check_keys), header)
        if key is None and (is_asked_for or cache.add("oidc:keys-looked-up", 1, timeout=ASK_AGAIN_AFTER)):
            key = _find_key(kept_document(url, check=_check_keys, must_be_new=True), header)
        if key is None:
            raise UnpublishedKey
        return jwt.PyJWK(key, algorithm=header["alg"])


def _find_key(document: Document, header: Document) -> Document | None:
    """The key with the header's `kid`; the only signing key where the header names none."""

    def fits(key: Any) -> bool:
        return (
            isinstance(key, dict)
            and key.get("use", "sig") == "sig"
            and key.get("alg", header["alg"]) == header["alg"]
            and header.get("kid", key.get("kid")) == key.get("kid")
        )

    keys = [key for key in document["keys"] if fits(key)]
    return keys[0] if len(keys) == 1 else None


class CorporateProvider(OpenIDConnectProvider):  # type: ignore[misc]  # untyped base
    """The company's provider, as allauth's flow sees it."""

    oauth2_adapter_class = CorporateOIDCAdapter
    pkce_enabled_default = True

    def wk_server_url(self, url: str) -> str:
        """Discovery 4.1: a slash that ends the issuer is not doubled."""
        return f"{url.rstrip('/')}/.well-known/openid-configuration"

    def get_pkce_params(self) -> dict[str, Any]:
        """PKCE's parameters, and with them the nonce: allauth keeps the verifier and sends the rest."""
        params: dict[str, Any] = super().get_pkce_params()
        return params | {"nonce": nonce_of(params["code_verifier"])}

    def get_redirect_from_request_kwargs(self, request: HttpRequest) -> dict[str, Any]:
        """Only `next` comes from the request: not the scope, nor `auth_params`, nor the process."""
        return {"process": AuthProcess.LOGIN, "next_url": safe_next(request)}

    def extract_common_fields(self, data: Document) -> dict[str, Any]:
        """A name for Django's own admin. The e-mail is Person's: allauth would compare it with others'."""
        return {"username": data.get("preferred_username")}

    def extract_email_addresses(self, data: Document) -> list[Any]:
        return []


def safe_next(request: HttpRequest) -> str | None:
    """The request's `next`, if it is a path on the portal."""
    url = request.POST.get("next") or request.GET.get("next") or ""
    return url if is_path(url) else None


def is_path(url: str) -> bool:
    return url.startswith("/") and url_has_allowed_host_and_scheme(url, allowed_hosts=None)
