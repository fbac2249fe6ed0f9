"""Signing out at the identity provider as well, and being signed out by it.

Sources: OpenID Connect RP-Initiated Logout 1.0, 2 (the request); OpenID Connect Back-Channel Logout 1.0, 2.4 (the
token), 2.6 (its checks); RFC 8725 (algorithms, types).
"""

from __future__ import annotations

import datetime as dt
import hashlib
import secrets
import time
from base64 import urlsafe_b64decode, urlsafe_b64encode
from contextlib import suppress
from typing import Any
from urllib.parse import urlencode, urlsplit

import jwt
import structlog
from allauth.socialaccount.models import SocialApp, SocialLogin
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from django.conf import settings
from django.db import IntegrityError, transaction
from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone
from django.utils.crypto import salted_hmac

from onboarding import sessions
from onboarding.models import LogoutToken
from onboarding.oidc import CLOCK_SKEW, CorporateOIDCAdapter, Document, IdentityProviderUnavailable, SignInRefused

log = structlog.get_logger(__name__)

# Where a session keeps the ID token it began with, encrypted, and by which provider.
_KEPT = "oidc"
# A longer one does not fit into the address of a request, which goes without it.
_LONGEST_HINT = 4000
# NIST SP 800-38D, 8.2: random ones are of 96 bits.
_NONCE_BYTES = 12

_EVENT = "http://schemas.openid.net/event/backchannel-logout"
_TYPES = ("logout+jwt", "application/logout+jwt", "jwt")
_LONGEST_LOGOUT_TOKEN = 16_384
_OLDEST_LOGOUT_TOKEN = 600  # seconds; providers give them two minutes


class LogoutRefused(Exception):
    """The logout token does not prove that the provider ended a session. The message names the check, no data."""


# --- Coming in


def remember(request: HttpRequest, login: SocialLogin) -> None:
    """Keep with the new session what both ways out need. A sign-in without an ID token has neither."""
    id_token: str = getattr(login, "id_token", "")
    if not id_token:
        return
    provider, claims = login.account.provider, login.account.extra_data
    sealed = _sealed(id_token) if len(id_token) <= _LONGEST_HINT else ""
    request.session[_KEPT] = {"provider": provider, "id_token": sealed}
    sessions.note(request, provider=provider, sub=str(claims["sub"]), sid=str(claims.get("sid") or ""))


def _sealed(id_token: str) -> str:
    """Encrypted with AES-256-GCM, behind its nonce. The key is the portal's secret: the database alone gives no token
    away."""
    nonce = secrets.token_bytes(_NONCE_BYTES)
    return urlsafe_b64encode(nonce + _key(settings.SECRET_KEY).encrypt(nonce, id_token.encode(), None)).decode()


def _key(secret: str) -> AESGCM:
    return AESGCM(salted_hmac("onboarding.oidc_logout", "id_token", secret=secret, algorithm="sha256").digest())


# --- Out by the portal


def end_session_url(request: HttpRequest) -> str:
    """Where the browser goes to sign out at the provider, too. Empty where this session is not its, or it has no such
    page, does not answer, or has it at an origin to which browsers would not let a form of ours lead."""
    kept = request.session.get(_KEPT)
    if not kept:
        return ""
    adapter = CorporateOIDCAdapter(request, kept["provider"])
    try:
        url = str(adapter.openid_config.get("end_session_endpoint") or "")
    except (IdentityProviderUnavailable, SocialApp.DoesNotExist) as error:
        log.warning("signed_out_here_only", reason=type(error).__name__)
        return ""
    if url and _origin(url) not in {_origin(each) for each in (adapter.issuer, *settings.ONRAMP_OIDC_ORIGINS)}:
        log.warning("signed_out_here_only", reason="ONRAMP_OIDC_ORIGINS lacks the origin of end_session_endpoint")
        return ""
    return _with_query(url, adapter.client_id, kept["id_token"]) if url else ""


def _origin(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}".lower()


def _with_query(url: str, client_id: str, sealed: str) -> str:
    query = {"client_id": client_id, "post_logout_redirect_uri": settings.PUBLIC_URL + reverse("sign-in")}
    if hint := _opened(sealed):
        query["id_token_hint"] = hint
    return f"{url}{'&' if '?' in url else '?'}{urlencode(query)}"


def _opened(sealed: str) -> str:
    """The ID token, with the secret of now or an earlier one; empty where none was kept, or the portal has forgotten
    the secret it had then."""
    with suppress(ValueError):
        kept = urlsafe_b64decode(sealed)
        for secret in (settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS):
            with suppress(InvalidTag):
                return _key(secret).decrypt(kept[:_NONCE_BYTES], kept[_NONCE_BYTES:], None).decode()
    return ""


# --- Out by the provider


def end_sessions(adapter: CorporateOIDCAdapter, logout_token: str) -> int:
    """End the sessions that a logout token names; how many there were.

    Raises LogoutRefused, and IdentityProviderUnavailable where its keys are not to be had.
    """
    claims = _checked(adapter, logout_token)
    with transaction.atomic():
        _use_up(claims)
        return sessions.end_at_provider(
            provider=adapter.provider_id, subject=claims.get("sub") or "", sid=claims.get("sid") or ""
        )


def _checked(adapter: CorporateOIDCAdapter, logout_token: str) -> Document:
    if len(logout_token) > _LONGEST_LOGOUT_TOKEN:
        raise LogoutRefused("too long")
    try:
        _check_type(jwt.get_unverified_header(logout_token).get("typ"))
        claims = adapter.verified(
            logout_token, required=["iss", "aud", "iat", "exp", "jti", "events"], is_asked_for=False
        )
    except (jwt.PyJWTError, SignInRefused) as error:
        raise LogoutRefused(type(error).__name__) from None
    _check_says_logout(claims)
    return claims


def _check_type(name: Any) -> None:
    """RFC 8725 3.11: a token that says it is something else is. Older providers do not say."""
    if name is not None and str(name).lower() not in _TYPES:
        raise LogoutRefused("typ")


def _check_says_logout(claims: Document) -> None:
    """Back-Channel Logout 2.6, steps 5 to 8: so that no other token of the provider passes for one."""
    events = claims["events"]
    if not isinstance(events, dict) or not isinstance(events.get(_EVENT), dict):
        raise LogoutRefused("events")
    if "nonce" in claims:
        raise LogoutRefused("nonce: it is an ID token")
    named = [claims[name] for name in ("sub", "sid") if name in claims]
    if not named or not all(isinstance(value, str) and value for value in named):
        raise LogoutRefused("neither sub nor sid")
    if not isinstance(claims["jti"], str) or not claims["jti"]:
        raise LogoutRefused("jti")
    if claims["iat"] < time.time() - _OLDEST_LOGOUT_TOKEN - CLOCK_SKEW:
        raise LogoutRefused("iat: too old")


def _use_up(claims: Document) -> None:
    """2.6, step 7: `jti` counts once. It is remembered for as long as the checks above would let it pass."""
    now = timezone.now()
    LogoutToken.objects.filter(expires_at__lt=now).delete()
    last = min(claims["exp"], claims["iat"] + _OLDEST_LOGOUT_TOKEN) + CLOCK_SKEW
    digest = hashlib.sha256(f"{claims['iss']} {claims['jti']}".encode()).hexdigest()
    expires_at = now + dt.timedelta(seconds=max(0, last - now.timestamp()) + 1)
    try:
        with transaction.atomic():
            LogoutToken.objects.create(digest=digest, expires_at=expires_at)
    except IntegrityError:
        raise LogoutRefused("jti: used before") from None
