"""`manage.py check`: settings that are well-formed one by one and do not work together."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, Tags, Warning, register


@register(Tags.security)
def sign_in(app_configs: Any, **_: Any) -> list[CheckMessage]:
    """The identity provider is named whole, or not at all."""
    environment = settings.ENVIRONMENT
    if not environment.oidc_issuer:
        hint = "Set ONRAMP_OIDC_ISSUER, ONRAMP_OIDC_CLIENT_ID and ONRAMP_OIDC_CLIENT_SECRET."
        return [Warning("Nobody can sign in: no identity provider is configured.", hint=hint, id="onramp.W001")]
    if not environment.oidc_client_id or environment.oidc_client_secret is None:
        hint = "Set ONRAMP_OIDC_CLIENT_ID and ONRAMP_OIDC_CLIENT_SECRET (or its _FILE)."
        return [Error("The identity provider is named without the portal's client.", hint=hint, id="onramp.E001")]
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
