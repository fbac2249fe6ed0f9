"""To the company's identity provider and back. The sign-in page is elsewhere."""

from __future__ import annotations

from urllib.parse import urlencode

import requests
import structlog
from allauth.socialaccount.models import SocialApp
from allauth.socialaccount.providers.oauth2.views import (
    OAuth2CallbackView,
    OAuth2LoginView,
    OAuth2View,
)
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_GET, require_POST

from onboarding.oidc import CorporateOIDCAdapter, CorporateProvider, IdentityProviderUnavailable, safe_next
from onboarding.oidc_logout import LogoutRefused, end_sessions
from onboarding.views.limits import limited_by_address, oauth_error
from onboarding.views.rules import public

log = structlog.get_logger(__name__)

RETRY_AFTER = 30  # seconds


@public
@never_cache
def login(request: HttpRequest, provider_id: str) -> HttpResponse:
    """Send the person to the provider. POST only: a link elsewhere cannot start a sign-in."""
    if request.method != "POST":
        return redirect(sign_in_url(request))
    return _run(OAuth2LoginView, request, provider_id)


@public
@never_cache
@require_GET
def callback(request: HttpRequest, provider_id: str) -> HttpResponse:
    """The person is back with a code; sign them in."""
    return _run(OAuth2CallbackView, request, provider_id)


@public
@never_cache
@csrf_exempt
@require_POST
@limited_by_address(oauth_error)
def back_channel_logout(request: HttpRequest, provider_id: str) -> HttpResponse:
    """The provider itself says that somebody signed out there. Answers as Back-Channel Logout 1.0, 2.8: 200 or 400."""
    adapter = _adapter(request, provider_id)
    try:
        ended = end_sessions(adapter, request.POST.get("logout_token", ""))
    except LogoutRefused as error:
        log.warning("logout_refused", reason=str(error))
        return JsonResponse({"error": "invalid_request", "error_description": str(error)}, status=400)
    except IdentityProviderUnavailable as error:
        log.warning("identity_provider_unavailable", reason=str(error))
        return JsonResponse({"error": "temporarily_unavailable"}, status=400)
    log.info("signed_out_at_provider", sessions=ended)
    return HttpResponse()


def _run(step: type[OAuth2View], request: HttpRequest, provider_id: str) -> HttpResponse:
    adapter = _adapter(request, provider_id)
    try:
        response: HttpResponse = step.adapter_view(adapter)(request)
    except (IdentityProviderUnavailable, requests.RequestException) as error:
        return identity_provider_down(request, error)
    return response


def _adapter(request: HttpRequest, provider_id: str) -> CorporateOIDCAdapter:
    """The provider of this name, if it speaks OpenID Connect: allauth also finds one by its protocol, and SAML's."""
    adapter = CorporateOIDCAdapter(request, provider_id)
    try:
        app = adapter.get_provider().app
    except SocialApp.DoesNotExist:
        raise Http404 from None
    if app.provider != CorporateProvider.id or app.provider_id != provider_id:
        raise Http404
    return adapter


def identity_provider_down(request: HttpRequest, error: Exception) -> HttpResponse:
    """What people see while nobody can sign in."""
    reason = str(error) if isinstance(error, IdentityProviderUnavailable) else type(error).__name__
    log.warning("identity_provider_unavailable", reason=reason)
    context = {"retry_url": sign_in_url(request)}
    response = render(request, "errors/identity_provider_down.html", context, status=503)
    response["Retry-After"] = str(RETRY_AFTER)
    return response


def sign_in_url(request: HttpRequest) -> str:
    """The sign-in page, which goes on to where the person wanted to be."""
    target = safe_next(request)
    return reverse("sign-in") + (f"?{urlencode({'next': target})}" if target else "")
