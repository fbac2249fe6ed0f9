"""Django's admin, for break-glass: who may enter, and that it asks nobody for a password."""

from __future__ import annotations

from typing import Any

from django.contrib.admin import AdminSite as DjangosAdminSite
from django.contrib.auth.decorators import login_not_required
from django.contrib.auth.views import redirect_to_login
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.utils.decorators import method_decorator

from onboarding.enums import Role
from onboarding.models import Person


class AdminSite(DjangosAdminSite):
    def has_permission(self, request: HttpRequest) -> bool:
        """The portal's admins, asked anew at each request: a right lost is lost at once, not with the session."""
        is_admin = Person.objects.filter(user=request.user.pk, is_active=True, role=Role.ADMIN).exists()
        return is_admin and super().has_permission(request)

    @method_decorator(login_not_required)
    def login(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """There are no local passwords: strangers go to sign in, everybody else is refused."""
        if request.user.is_authenticated:
            raise PermissionDenied
        return redirect_to_login(request.GET.get("next", ""))

    def logout(  # type: ignore[override]  # Django's own shows a page that says goodbye
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """The way out is the portal's own, which leaves an audit event."""
        # Not above: Django imports this module in every process, and workers sign nobody out.
        from onboarding.views.sign_in import sign_out

        return sign_out(request)
