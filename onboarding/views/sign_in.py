"""The front door, and the way out."""

from __future__ import annotations

from urllib.parse import urlsplit

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_POST, require_safe

from onboarding import sessions
from onboarding.oidc_logout import end_session_url
from onboarding.views.rules import ends_viewing, public, signed_in


@public
@require_safe
def sign_in(request: HttpRequest) -> HttpResponse:
    """Say what happens next, with one button. Somebody signed in goes straight to their setup."""
    if request.user.is_authenticated:
        return redirect("setup")
    return render(
        request,
        "sign_in.html",
        {
            "next": request.GET.get("next", ""),
            "is_configured": bool(settings.SOCIALACCOUNT_PROVIDERS["openid_connect"]["APPS"]),
            "provider_host": urlsplit(settings.ENVIRONMENT.oidc_issuer).netloc,
        },
    )


@ends_viewing
@signed_in
@require_POST
def sign_out(request: HttpRequest) -> HttpResponse:
    """Here first and in any case; then, by way of the browser, at the provider that this session came from."""
    at_provider = end_session_url(request)
    sessions.sign_out(request)
    return redirect(at_provider or "sign-in")
