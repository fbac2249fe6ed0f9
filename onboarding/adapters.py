"""What allauth asks us at sign-in: who may come in, and what happens once we know who it is."""

from __future__ import annotations

from typing import Any, NoReturn

import requests
import structlog
from allauth.account.adapter import DefaultAccountAdapter
from allauth.account.auth_backends import AuthenticationBackend
from allauth.core.exceptions import ImmediateHttpResponse
from allauth.socialaccount.adapter import DefaultSocialAccountAdapter
from allauth.socialaccount.models import SocialLogin
from allauth.socialaccount.providers.base import AuthError
from django.conf import settings
from django.contrib.auth import logout
from django.core.exceptions import ImproperlyConfigured, PermissionDenied
from django.db import IntegrityError, transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse

from onboarding import oidc_logout, people, sessions
from onboarding.models import User
from onboarding.oidc import (
    CorporateProvider,
    IdentityProviderSession,
    IdentityProviderUnavailable,
    SignInRefused,
    is_path,
)
from onboarding.people import Claims, GroupsOverage
from onboarding.saml import CorporateSAMLProvider

log = structlog.get_logger(__name__)


class Backend(AuthenticationBackend):  # type: ignore[misc]  # untyped base
    """Whose session it is. The person behind the user, and their team, come in the same query: every page asks."""

    def get_user(self, user_id: int) -> User | None:
        try:
            user = User.objects.select_related("person__team").get(pk=user_id)
        except User.DoesNotExist:
            return None
        return user if self.user_can_authenticate(user) else None


class AccountAdapter(DefaultAccountAdapter):  # type: ignore[misc]  # untyped base
    """No local accounts."""

    def is_open_for_signup(self, request: HttpRequest) -> bool:
        return False

    def is_safe_url(self, url: str | None) -> bool:
        """allauth's own answer lets every allowed host's URLs pass; people only ever go to a path."""
        return is_path(url or "")

    def get_client_ip(self, request: HttpRequest) -> str:
        """As the trusted proxies say. A request that came past them is its peer's, where allauth would refuse or fail.

        Raises PermissionDenied where the server knows no peer either, as behind a Unix socket.
        """
        try:
            return str(super().get_client_ip(request))
        except (ImproperlyConfigured, PermissionDenied):
            peer: str = request.META.get("REMOTE_ADDR", "")
            if not peer:
                raise PermissionDenied from None
            return peer

    def add_message(self, *args: Any, **kwargs: Any) -> None:
        """The pages say what there is to say; allauth's messages would pile up until something shows them."""

    @transaction.atomic
    def login(self, request: HttpRequest, user: User) -> None:
        """Whoever comes in, by whichever protocol, comes by here."""
        super().login(request, user)
        people.record_sign_in(user)

    def post_login(self, request: HttpRequest, user: User, **options: Any) -> HttpResponse:
        """The session is there, and allauth's row of it: both learn what signing out will need."""
        response: HttpResponse = super().post_login(request, user, **options)
        if login := (options["signal_kwargs"] or {}).get("sociallogin"):
            oidc_logout.remember(request, login)
        return response

    def respond_user_inactive(self, request: HttpRequest, user: User) -> HttpResponse:
        """A user whom Django's own flag switches off sees the page of a person switched off in the portal."""
        return deactivated(request)


class SocialAccountAdapter(DefaultSocialAccountAdapter):  # type: ignore[misc]  # untyped base
    """Who comes in. allauth finds the user by provider and `sub`, or by SAML's NameID; never by e-mail."""

    def get_provider(
        self, request: HttpRequest, provider: str, client_id: str | None = None
    ) -> CorporateProvider | CorporateSAMLProvider:
        app = self.get_app(request, provider=provider, client_id=client_id)
        return (CorporateSAMLProvider if app.provider == CorporateSAMLProvider.id else CorporateProvider)(request, app)

    def get_requests_session(self) -> requests.Session:
        return IdentityProviderSession(self.request)

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
    """Bring the person up to date, or turn them away: with nothing changed where they were deactivated or nobody
    knows their groups, and with every session ended where they left the groups that may come in."""
    is_saml = isinstance(sociallogin.provider, CorporateSAMLProvider)
    read = Claims.from_assertion if is_saml else Claims.from_userinfo
    try:
        claims = read(sociallogin.account.extra_data)
    except GroupsOverage:
        log.warning("sign_in_refused", reason="groups overage")
        raise ImmediateHttpResponse(groups_unknown(request)) from None
    with transaction.atomic():
        person = people.sync_from_claims(user=sociallogin.user, claims=claims)
        if not person.is_active:
            log.warning("sign_in_refused", person=person.pk, reason="deactivated")
            raise ImmediateHttpResponse(deactivated(request))
        may_sign_in = people.may_sign_in(people.groups_at_sign_in(person, claims))
        if not may_sign_in:
            sessions.end_all(person, actor="identity provider", reason="in none of the required groups")
    if not may_sign_in:
        log.warning("sign_in_refused", person=person.pk, reason="in none of the required groups")
        # This browser's own session may be among those that ended.
        logout(request)
        raise ImmediateHttpResponse(outsider(request))


def sign_in_failed(request: HttpRequest) -> HttpResponse:
    return render(request, "errors/sign_in_failed.html", {"retry_url": reverse("sign-in")}, status=401)


def deactivated(request: HttpRequest) -> HttpResponse:
    return _turned_away(request, is_deactivated=True)


def outsider(request: HttpRequest) -> HttpResponse:
    return _turned_away(request, is_outsider=True, required=sorted(settings.ONRAMP_REQUIRED_GROUPS))


def groups_unknown(request: HttpRequest) -> HttpResponse:
    return _turned_away(request, has_too_many_groups=True)


def _turned_away(request: HttpRequest, **context: Any) -> HttpResponse:
    return render(request, "errors/sign_in_failed.html", {"retry_url": reverse("sign-in"), **context}, status=403)
