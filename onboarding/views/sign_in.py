"""The front door, and the way out."""

from __future__ import annotations

from urllib.parse import urlsplit

from django.conf import settings
from django.contrib.auth import logout
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_POST, require_safe

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
    logout(request)
    return redirect("sign-in")
