"""The product's pages. A view's name is its URL's name is its template's name."""

from __future__ import annotations

from django.urls import path

from onboarding.views import (
    account,
    bundle,
    diagnose,
    health,
    install,
    plan_edit,
    plans,
    preferences,
    requests,
    setup,
    sign_in,
)

urlpatterns = [
    path("", sign_in.sign_in, name="sign-in"),
    path("sign-out/", sign_in.sign_out, name="sign-out"),
    path("setup/", setup.setup, name="setup"),
    path("setup/verification/", setup.setup_verification, name="setup-verification"),
    path("setup/verify/", setup.setup_verify, name="setup-verify"),
    path("setup/ask/", setup.setup_ask, name="setup-ask"),
    path("bundle/", bundle.bundle, name="bundle"),
    path("bundle/make/", bundle.bundle_make, name="bundle-make"),
    path("bundle/download/", bundle.bundle_download, name="bundle-download"),
    path("install/codes/", install.install_codes, name="install-codes"),
    path("install/bundle/", install.install_bundle, name="install-bundle"),
    path("install/report/", install.install_report, name="install-report"),
    path("install/scripts/<str:name>", install.script, name="script"),
    path("onramp.sh", install.script, {"name": "onramp.sh"}, name="onramp-sh"),
    path("onramp.ps1", install.script, {"name": "onramp.ps1"}, name="onramp-ps1"),
    path("diagnose/", diagnose.diagnose, name="diagnose"),
    path("diagnose/ask/", diagnose.diagnose_ask, name="diagnose-ask"),
    path("account/", account.account, name="account"),
    path("account/verify/", account.account_verify, name="account-verify"),
    path("plans/", plans.plans, name="plans"),
    path("plans/<slug:slug>/", plans.plan, name="plan"),
    path("plans/<slug:slug>/edit/", plan_edit.plan_edit, name="plan-edit"),
    path("requests/", requests.requests, name="requests"),
    path("requests/<int:pk>/close/", requests.request_close, name="request-close"),
    path("preferences/theme/", preferences.theme, name="theme"),
    path("preferences/language/", preferences.language, name="language"),
    path("livez", health.livez, name="livez"),
    path("readyz", health.readyz, name="readyz"),
]
