"""`manage.py check`: settings that are well-formed one by one and do not work together."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, Tags, Warning, register

from portal.environment import Environment


@register(Tags.security)
def sign_in(app_configs: Any, **_: Any) -> list[CheckMessage]:
    """Each identity provider is named whole, once, or not at all.

    The protocols are imported where they are asked: a worker signs nobody in, and has no use for 30 MB of them.
    """
    environment = settings.ENVIRONMENT
    if not environment.oidc_issuer and not environment.saml_ways:
        hint = "Set ONRAMP_OIDC_ISSUER with its client, or ONRAMP_SAML_METADATA_URL: docs/sign-in.md."
        return [Warning("Nobody can sign in: no identity provider is configured.", hint=hint, id="onramp.W001")]
    return [*_oidc(environment), *_saml(environment)]


def _oidc(environment: Environment) -> list[CheckMessage]:
    if not environment.oidc_issuer:
        return []
    if not environment.oidc_client_id or not environment.oidc_client_secret:
        hint = "Set ONRAMP_OIDC_CLIENT_ID and ONRAMP_OIDC_CLIENT_SECRET (or its _FILE)."
        return [Error("The identity provider is named without the portal's client.", hint=hint, id="onramp.E001")]
    from onboarding.oidc import is_secure

    if not is_secure(environment.oidc_issuer):
        hint = "Only a host on this machine may do without TLS."
        return [Error("The identity provider's issuer is not https.", hint=hint, id="onramp.E006")]
    return []


def _saml(environment: Environment) -> list[CheckMessage]:
    if not environment.saml_ways:
        return []
    if len(environment.saml_ways) > 1:
        hint = "Keep one of ONRAMP_SAML_METADATA_URL, ONRAMP_SAML_METADATA_FILE, and ONRAMP_SAML_IDP_…"
        return [Error("The SAML identity provider is named in more than one way.", hint=hint, id="onramp.E002")]
    if not environment.saml_provider:
        hint = "Set ONRAMP_SAML_IDP_ENTITY_ID, ONRAMP_SAML_IDP_SSO_URL and ONRAMP_SAML_IDP_CERTIFICATE_FILE."
        return [Error("The SAML identity provider is named by half.", hint=hint, id="onramp.E003")]
    return _trusted(environment.saml_provider)


def _trusted(provider: dict[str, str]) -> list[CheckMessage]:
    """Whatever comes over plain HTTP, anybody on the way may have written: also the certificates."""
    from onboarding.oidc import IdentityProviderUnavailable, is_secure
    from onboarding.saml import describe

    for name in ("metadata_url", "sso_url"):
        if name in provider and not is_secure(provider[name]):
            hint = "Only a host on this machine may do without TLS."
            return [Error("The SAML identity provider's address is not https.", hint=hint, id="onramp.E004")]
    try:
        if "metadata_url" not in provider:
            describe(provider)
    except IdentityProviderUnavailable as error:
        hint = "It needs an entity id, a SingleSignOnService by HTTP-Redirect over https, and a signing certificate."
        return [Error(f"The SAML identity provider's {error}.", hint=hint, id="onramp.E005")]
    return []


@register(Tags.security)
def proxies(app_configs: Any, **_: Any) -> list[CheckMessage]:
    """Behind a proxy that ends TLS, a request looks like plain HTTP unless the proxy's word is taken."""
    environment = settings.ENVIRONMENT
    if environment.is_https and not environment.trusted_proxies:
        return [
            Warning(
                "ONRAMP_PUBLIC_URL is https, but no proxy is trusted to say so.",
                hint="Set ONRAMP_TRUSTED_PROXIES to the number of proxies, or each page redirects to itself.",
                id="onramp.W002",
            )
        ]
    return []


@register(Tags.security)
def secret_key(app_configs: Any, **_: Any) -> list[CheckMessage]:
    """A key of this machine's own signs what no other machine can read."""
    is_embedded = settings.DATABASES["default"]["ENGINE"].endswith("sqlite3")
    if not settings.ENVIRONMENT.secret_key and not is_embedded:
        return [
            Warning(
                "The secret key is one that this machine made for itself, and the database is shared.",
                hint="Set ONRAMP_SECRET_KEY (or its _FILE) to the same on every machine, or people are signed out at "
                "each change of machine.",
                id="onramp.W003",
            )
        ]
    return []
