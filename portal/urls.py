"""URLs: the product's pages, the identity provider's callback, and Django's admin for break-glass."""

from __future__ import annotations

from django.contrib import admin
from django.urls import include, path

handler400 = "onboarding.views.errors.bad_request"
handler403 = "onboarding.views.errors.permission_denied"
handler404 = "onboarding.views.errors.not_found"
handler500 = "onboarding.views.errors.server_error"

urlpatterns = [
    path("", include("onboarding.urls")),
    path("django-admin/", admin.site.urls),
]
