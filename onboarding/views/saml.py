"""To the company's identity provider and back, by SAML. The sign-in page is elsewhere."""

from __future__ import annotations

from collections.abc import Callable

import structlog
from allauth.socialaccount.adapter import get_adapter
from allauth.socialaccount.helpers import complete_social_login
from allauth.socialaccount.models import SocialApp
from allauth.socialaccount.sessions import LoginSession
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_GET, require_POST

from onboarding.adapters import groups_unknown, sign_in_failed
from onboarding.oidc import IdentityProviderUnavailable, SignInRefused
from onboarding.people import GroupsOverage
from onboarding.saml import CorporateSAMLProvider
from onboarding.views.limits import limited_by_address, page
from onboarding.views.oidc import identity_provider_down, sign_in_url
from onboarding.views.rules import public

log = structlog.get_logger(__name__)

# How long the finish may come after the answer: a redirect.
FINISH_WITHIN = 120  # seconds


@public
@never_cache
def login(request: HttpRequest, organization_slug: str) -> HttpResponse:
    """Send the person to the provider. POST only: a link elsewhere cannot start a sign-in."""
    if request.method != "POST":
        return redirect(sign_in_url(request))
    return _run(request, _provider(request, organization_slug).redirect_from_request)


@public
@never_cache
@csrf_exempt
@require_POST
@limited_by_address(page)
def acs(request: HttpRequest, organization_slug: str) -> HttpResponse:
    """The provider's answer, checked. It comes from the provider's page, so without the cookie of our session.

    What it proves waits in a session of its own for the redirect, which the browser does send our cookie with.
    """
    provider = _provider(request, organization_slug)

    def check(request: HttpRequest) -> HttpResponse:
        encoded, relay_state = (request.POST.get(name, "") for name in ("SAMLResponse", "RelayState"))
        answer = provider.read_answer(encoded, relay_state=relay_state)
        response = redirect("saml_finish_acs", organization_slug=organization_slug)
        waiting = _waiting(request)
        waiting.store["answer"] = answer
        waiting.store.set_expiry(FINISH_WITHIN)
        waiting.save(response)
        response.cookies[waiting.cookie_name]["httponly"] = True
        return response

    return _run(request, check)


@public
@never_cache
@require_GET
def finish_acs(request: HttpRequest, organization_slug: str) -> HttpResponse:
    """Sign in whom the answer names, if this browser asked for it."""
    provider = _provider(request, organization_slug)

    def finish(request: HttpRequest) -> HttpResponse:
        waiting = _waiting(request)
        answer = waiting.store.get("answer")
        if not answer:
            raise SignInRefused("answer: none waits for this browser")
        waiting.delete()
        state = provider.state_of(request, answer)
        sociallogin = provider.sociallogin_from_response(request, answer["facts"])
        sociallogin.state = state
        response: HttpResponse = complete_social_login(request, sociallogin)
        return response

    return _run(request, finish)


@public
@require_GET
def metadata(request: HttpRequest, organization_slug: str) -> HttpResponse:
    """Who we are, for the provider to read. Nothing in it is secret."""
    document = _provider(request, organization_slug).library_settings().get_sp_metadata()
    return HttpResponse(document, content_type="application/samlmetadata+xml; charset=utf-8")


def _provider(request: HttpRequest, organization_slug: str) -> CorporateSAMLProvider:
    try:
        provider: CorporateSAMLProvider = get_adapter().get_provider(
            request, provider=CorporateSAMLProvider.id, client_id=organization_slug
        )
    except SocialApp.DoesNotExist:
        raise Http404 from None
    return provider


def _waiting(request: HttpRequest) -> LoginSession:
    return LoginSession(request, "saml_acs_session", "saml-acs-session")


def _run(request: HttpRequest, step: Callable[[HttpRequest], HttpResponse]) -> HttpResponse:
    try:
        return step(request)
    except SignInRefused as error:
        log.warning("sign_in_failed", reason=str(error))
        return sign_in_failed(request)
    except GroupsOverage:
        log.warning("sign_in_refused", reason="groups overage")
        return groups_unknown(request)
    except IdentityProviderUnavailable as error:
        return identity_provider_down(request, error)
