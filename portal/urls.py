"""URLs: the product's pages, the identity provider's callback, and Django's admin for break-glass."""

from __future__ import annotations

from django.contrib import admin
from django.urls import path

from onboarding import urls as onboarding
from onboarding.views import oidc, saml

handler400 = "onboarding.views.errors.bad_request"
handler403 = "onboarding.views.errors.permission_denied"
handler404 = "onboarding.views.errors.not_found"
handler500 = "onboarding.views.errors.server_error"

urlpatterns = [
    # Not included: a level of its own would be looked through by every request, and it has no prefix.
    *onboarding.urlpatterns,
    # allauth's own names: its flow reverses them.
    path("accounts/oidc/<slug:provider_id>/login/", oidc.login, name="openid_connect_login"),
    path("accounts/oidc/<slug:provider_id>/login/callback/", oidc.callback, name="openid_connect_callback"),
    path(
        "accounts/oidc/<slug:provider_id>/back-channel-logout/", oidc.back_channel_logout, name="back-channel-logout"
    ),
    path("accounts/saml/<slug:organization_slug>/login/", saml.login, name="saml_login"),
    path("accounts/saml/<slug:organization_slug>/acs/", saml.acs, name="saml_acs"),
    path("accounts/saml/<slug:organization_slug>/acs/finish/", saml.finish_acs, name="saml_finish_acs"),
    path("accounts/saml/<slug:organization_slug>/metadata/", saml.metadata, name="saml_metadata"),
    path("django-admin/", admin.site.urls),
]
