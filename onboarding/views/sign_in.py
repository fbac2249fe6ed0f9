"""The front door, and the way out."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_POST, require_safe

from onboarding import sessions
from onboarding.oidc_logout import end_session_url
from onboarding.saml import sign_in_url
from onboarding.views.rules import ends_viewing, public, signed_in


@public
@require_safe
def sign_in(request: HttpRequest) -> HttpResponse:
    """Say what happens next, with a button for each configured way. Somebody signed in goes on to their setup."""
    if request.user.is_authenticated:
        return redirect("setup")
    return render(request, "sign_in.html", {"next": request.GET.get("next", ""), "ways": _ways()})


def _ways() -> list[dict[str, str]]:
    """Where each button leads: the URL it posts to, and the host of the provider as far as settings tell."""
    providers: dict[str, Any] = settings.SOCIALACCOUNT_PROVIDERS
    apps = {name: provider["APPS"] for name, provider in providers.items()}
    ways = [
        (reverse("openid_connect_login", kwargs={"provider_id": app["provider_id"]}), app["settings"]["server_url"])
        for app in apps.get("openid_connect", [])
    ] + [
        (reverse("saml_login", kwargs={"organization_slug": app["client_id"]}), sign_in_url(app["settings"]["idp"]))
        for app in apps.get("saml", [])
    ]
    return [{"url": url, "host": urlsplit(provider).netloc} for url, provider in ways]


@ends_viewing
@signed_in
@require_POST
def sign_out(request: HttpRequest) -> HttpResponse:
    """Here first and in any case; then, by way of the browser, at the provider that this session came from."""
    at_provider = end_session_url(request)
    sessions.sign_out(request)
    return redirect(at_provider or "sign-in")
