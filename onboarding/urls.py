"""The product's pages. A view's name is its URL's name is its template's name."""

from __future__ import annotations

from django.urls import path

from onboarding.views import account, bundle, diagnose, health, preferences, requests, setup, sign_in

urlpatterns = [
    path("", sign_in.sign_in, name="sign-in"),
    path("sign-out/", sign_in.sign_out, name="sign-out"),
    path("setup/", setup.setup, name="setup"),
    path("setup/verification/", setup.setup_verification, name="setup-verification"),
    path("setup/verify/", setup.setup_verify, name="setup-verify"),
    path("setup/ask/", setup.setup_ask, name="setup-ask"),
    path("bundle/", bundle.bundle, name="bundle"),
    path("bundle/download/", bundle.bundle_download, name="bundle-download"),
    path("diagnose/", diagnose.diagnose, name="diagnose"),
    path("diagnose/ask/", diagnose.diagnose_ask, name="diagnose-ask"),
    path("account/", account.account, name="account"),
    path("account/verify/", account.account_verify, name="account-verify"),
    path("requests/", requests.requests, name="requests"),
    path("requests/<int:pk>/close/", requests.request_close, name="request-close"),
    path("preferences/theme/", preferences.theme, name="theme"),
    path("preferences/language/", preferences.language, name="language"),
    path("livez", health.livez, name="livez"),
    path("readyz", health.readyz, name="readyz"),
]
