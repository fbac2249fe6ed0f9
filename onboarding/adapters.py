"""What allauth asks us at sign-in: who may come in, and what happens once we know who it is."""

from __future__ import annotations

from typing import Any, NoReturn

import requests
import structlog
from allauth.account.adapter import DefaultAccountAdapter
from allauth.core.exceptions import ImmediateHttpResponse
from allauth.socialaccount.adapter import DefaultSocialAccountAdapter
from allauth.socialaccount.models import SocialLogin
from allauth.socialaccount.providers.base import AuthError
from django.db import IntegrityError, transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse

from onboarding import people
from onboarding.models import User
from onboarding.oidc import (
    CorporateProvider,
    IdentityProviderSession,
    IdentityProviderUnavailable,
    SignInRefused,
    is_path,
)
from onboarding.people import Claims
from onboarding.saml import CorporateSAMLProvider

log = structlog.get_logger(__name__)


class AccountAdapter(DefaultAccountAdapter):  # type: ignore[misc]  # untyped base
    """No local accounts."""

    def is_open_for_signup(self, request: HttpRequest) -> bool:
        return False

    def is_safe_url(self, url: str | None) -> bool:
        """allauth's own answer lets every allowed host's URLs pass; people only ever go to a path."""
        return is_path(url or "")

    def add_message(self, *args: Any, **kwargs: Any) -> None:
        """The pages say what there is to say; allauth's messages would pile up until something shows them."""

    def respond_user_inactive(self, request: HttpRequest, user: User) -> HttpResponse:
        """A user switched off in Django's admin sees the page of a person switched off in the portal."""
        return deactivated(request)


class SocialAccountAdapter(DefaultSocialAccountAdapter):  # type: ignore[misc]  # untyped base
    """Who comes in. allauth finds the user by provider and `sub`, or by SAML's NameID; never by e-mail."""

    def get_provider(
        self, request: HttpRequest, provider: str, client_id: str | None = None
    ) -> CorporateProvider | CorporateSAMLProvider:
        app = self.get_app(request, provider=provider, client_id=client_id)
        return (CorporateSAMLProvider if app.provider == CorporateSAMLProvider.id else CorporateProvider)(request, app)

    def get_requests_session(self) -> requests.Session:
        return IdentityProviderSession()

    def is_open_for_signup(self, request: HttpRequest, sociallogin: SocialLogin) -> bool:
        return True

    def pre_social_login(self, request: HttpRequest, sociallogin: SocialLogin) -> None:
        """A sign-in of somebody we know. Somebody new has no user yet: see `save_user`."""
        if sociallogin.is_existing:
            _admit(request, sociallogin)

    def save_user(self, request: HttpRequest, sociallogin: SocialLogin, form: Any = None) -> User:
        """A first sign-in: user, account and person together or not at all."""
        try:
            with transaction.atomic():
                super().save_user(request, sociallogin, form)
                _admit(request, sociallogin)
        except IntegrityError:
            # Another tab of the same person was faster. The user that was rolled back holds an id to forget.
            sociallogin.user = None
            sociallogin.lookup()
            if not sociallogin.is_existing:
                raise
            _admit(request, sociallogin)
        user: User = sociallogin.user
        return user

    def on_authentication_error(
        self,
        request: HttpRequest,
        provider: CorporateProvider,
        error: str | None = None,
        exception: Exception | None = None,
        extra_context: dict[str, Any] | None = None,
    ) -> NoReturn:
        """Forged, replayed or cancelled: 401. An outage that allauth caught goes on to the view: 503."""
        if isinstance(exception, requests.RequestException):
            raise IdentityProviderUnavailable(type(exception).__name__)
        is_our_sign_in = "state" in (extra_context or {})
        if is_our_sign_in and request.GET.get("error") in {"server_error", "temporarily_unavailable"}:
            raise IdentityProviderUnavailable("the provider says so")
        # Other exceptions' texts quote the provider's answer.
        reason = str(exception) if isinstance(exception, SignInRefused) else type(exception).__name__
        log.warning("sign_in_failed", error=error or AuthError.UNKNOWN, reason=reason if exception else "")
        raise ImmediateHttpResponse(sign_in_failed(request))


def _admit(request: HttpRequest, sociallogin: SocialLogin) -> None:
    """Bring the person up to date, and turn them away, with nothing changed, if they were deactivated."""
    is_saml = isinstance(sociallogin.provider, CorporateSAMLProvider)
    read = Claims.from_assertion if is_saml else Claims.from_userinfo
    claims = read(sociallogin.account.extra_data)
    with transaction.atomic():
        person = people.sync_from_claims(user=sociallogin.user, claims=claims)
        if not person.is_active:
            log.warning("sign_in_refused", person=person.pk, reason="deactivated")
            raise ImmediateHttpResponse(deactivated(request))


def sign_in_failed(request: HttpRequest) -> HttpResponse:
    return render(request, "errors/sign_in_failed.html", {"retry_url": reverse("sign-in")}, status=401)


def deactivated(request: HttpRequest) -> HttpResponse:
    context = {"retry_url": reverse("sign-in"), "is_deactivated": True}
    return render(request, "errors/sign_in_failed.html", context, status=403)
