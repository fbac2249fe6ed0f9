"""Django's admin, for break-glass: read the rows; change what the portal has no page of its own for.

Budgets, prices and multipliers have one, which asks for a reason: here they are only to be read.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from allauth.account.models import EmailAddress
from allauth.socialaccount.models import SocialAccount, SocialApp, SocialToken
from allauth.usersessions.models import UserSession
from django.contrib import admin
from django.contrib.auth.models import Group
from django.db import transaction
from django.db.models import Model
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from onboarding import statuses
from onboarding.enums import Installed
from onboarding.installed import with_installed
from onboarding.models import (
    Account,
    AdminRequest,
    AuditEvent,
    BillingFetch,
    BudgetAlert,
    Bundle,
    Caller,
    Enrolment,
    Finding,
    IdentityCenter,
    Ingestion,
    LogSource,
    Notification,
    OneTimeCode,
    Person,
    Plan,
    PlanRevision,
    Price,
    Principal,
    Sweep,
    Team,
    Verification,
)

if TYPE_CHECKING:
    ModelAdmin = admin.ModelAdmin[Any]
else:
    # The class takes parameters in its stubs only.
    ModelAdmin = admin.ModelAdmin

# Sign-in is allauth's and the identity provider's business, and roles come from groups: nothing to edit here.
for model in (Group, EmailAddress, SocialAccount, SocialToken, SocialApp, UserSession):
    if admin.site.is_registered(model):
        admin.site.unregister(model)


class Audited(ModelAdmin):
    """Every change made here leaves an audit event, in the same transaction (the admin's views are atomic)."""

    def save_model(self, request: HttpRequest, obj: Model, form: Any, change: bool) -> None:
        super().save_model(request, obj, form, change)
        _record(request, "changed" if change else "added", obj, fields=sorted(form.changed_data))

    def delete_model(self, request: HttpRequest, obj: Model) -> None:
        _record(request, "deleted", obj)
        super().delete_model(request, obj)

    @transaction.atomic
    def delete_queryset(self, request: HttpRequest, queryset: Any) -> None:
        for obj in queryset:
            _record(request, "deleted", obj)
        super().delete_queryset(request, queryset)


def _record(request: HttpRequest, action: str, obj: Model, **details: Any) -> None:
    kind = obj._meta.model_name
    actor = str(getattr(request.user, "person", request.user))
    AuditEvent.objects.record(actor=actor, action=f"{kind}.{action}", target=str(obj)[:254], **details)


class ReadOnly(ModelAdmin):
    """What the portal writes for itself is nobody's to edit."""

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


@admin.register(Account)
class AccountAdmin(Audited):
    list_display = ("account_id", "name", "role_arn")
    readonly_fields = ("price_multiplier",)


@admin.register(IdentityCenter)
class IdentityCenterAdmin(Audited):
    list_display = ("name", "region", "start_url")


@admin.register(Plan)
class PlanAdmin(Audited):
    list_display = ("name", "slug")
    prepopulated_fields = {"slug": ("name",)}
    readonly_fields = ("person_budget",)


@admin.register(PlanRevision)
class PlanRevisionAdmin(ReadOnly):
    """Revisions never change; `manage.py seed` publishes new ones."""

    list_display = ("plan", "number", "is_current", "account", "region", "published_at")
    list_filter = ("is_current", "plan")
    list_select_related = ("plan", "account")


@admin.register(Team)
class TeamAdmin(Audited):
    list_display = ("name", "group", "plan", "cost_centre", "monthly_budget")
    list_select_related = ("plan",)
    readonly_fields = ("monthly_budget",)


class InstalledFilter(admin.SimpleListFilter):
    title = _("bundle")
    parameter_name = "installed"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(each.value, str(each.label)) for each in Installed]

    def queryset(self, request: HttpRequest, queryset: Any) -> Any:
        wanted = self.value()
        return queryset.filter(installed=wanted) if wanted in Installed.values else queryset


@admin.register(Person)
class PersonAdmin(Audited):
    """Team and role come from the identity provider at each sign-in; the portal's own page deactivates somebody, which
    ends sessions and rights, too."""

    list_display = ("email", "name", "team", "role", "is_active", "seen_at", "bundle", "revision")
    list_filter = (InstalledFilter, "role", "is_active", "team")
    list_select_related = ("team",)
    search_fields = ("email", "name")
    readonly_fields = ("user", "email", "name", "team", "role", "is_active", "seen_at", "monthly_budget")

    def has_add_permission(self, request: HttpRequest) -> bool:
        """People appear when they sign in, or are seeded."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Whoever leaves is deactivated: what they used and did stays theirs."""
        return False

    def get_queryset(self, request: HttpRequest) -> Any:
        return with_installed(super().get_queryset(request))

    def save_model(self, request: HttpRequest, obj: Model, form: Any, change: bool) -> None:
        super().save_model(request, obj, form, change)
        statuses.refresh([obj.pk])

    @admin.display(description=_("bundle"))
    def bundle(self, obj: Any) -> str:
        return str(Installed(obj.installed).label)

    @admin.display(description=_("installed revision"), ordering="installed_number", empty_value="")
    def revision(self, obj: Any) -> str | None:
        return f"{obj.installed_plan}, {obj.installed_number}" if obj.installed_number else None


@admin.register(Price)
class PriceAdmin(ReadOnly):
    list_display = ("model_id", "endpoint_kind", "token_class", "usd_per_million", "valid_from", "source")
    list_filter = ("endpoint_kind", "token_class")
    search_fields = ("model_id",)


@admin.register(LogSource)
class LogSourceAdmin(ReadOnly):
    list_display = ("account", "region", "destination", "read_until", "latest_at", "problem", "problem_detail")
    list_filter = ("problem", "region")
    list_select_related = ("account",)


@admin.register(Ingestion)
class IngestionAdmin(ReadOnly):
    """Runs over logs. What they read is on the pages about costs, added up: of usage entries there may be millions."""

    list_display = ("source", "state", "queued_at", "finished_at", "files", "lines", "new", "duplicates", "unreadable")
    list_filter = ("state",)
    list_select_related = ("source__account",)


@admin.register(Caller)
class CallerAdmin(ReadOnly):
    list_display = ("arn", "person", "claimed_by")
    list_select_related = ("person",)
    search_fields = ("arn", "person__email")


@admin.register(BillingFetch)
class BillingFetchAdmin(ReadOnly):
    list_display = ("account", "source", "since", "until", "state", "requests", "problem", "queued_at", "finished_at")
    list_filter = ("source", "state", "problem")
    list_select_related = ("account",)


@admin.register(BudgetAlert)
class BudgetAlertAdmin(ReadOnly):
    list_display = ("month", "team", "person", "kind", "percent", "spent", "mailed_at", "posted_at", "problem")
    list_filter = ("month", "kind", "problem")
    list_select_related = ("team", "person")


@admin.register(Verification)
class VerificationAdmin(ReadOnly):
    list_display = ("person", "revision", "trigger", "state", "outcome", "queued_at", "finished_at")
    list_filter = ("state", "outcome")
    list_select_related = ("person", "revision__plan")


@admin.register(Finding)
class FindingAdmin(ReadOnly):
    list_display = ("check_name", "subject", "outcome", "layer", "reason", "checked_at")
    list_filter = ("check_name", "outcome", "layer")


@admin.register(Principal)
class PrincipalAdmin(ReadOnly):
    list_display = ("person", "account", "permission_set", "role_arn", "is_chosen", "seen_at")
    list_select_related = ("person", "account")


@admin.register(Bundle)
class BundleAdmin(ReadOnly):
    list_display = ("person", "revision", "platform", "digest", "created_at")
    list_select_related = ("person", "revision__plan")


@admin.register(Enrolment)
class EnrolmentAdmin(ReadOnly):
    list_display = ("person", "machine", "os", "cli_version", "revision", "outcome", "reported_at")
    list_filter = ("outcome", "cli_version")
    list_select_related = ("person", "revision__plan")
    search_fields = ("person__email", "machine")


@admin.register(OneTimeCode)
class OneTimeCodeAdmin(ReadOnly):
    """Of a code itself nothing is kept but its digest, and that helps nobody here."""

    list_display = ("person", "purpose", "platform", "created_at", "expires_at", "used_at")
    list_filter = ("purpose",)
    list_select_related = ("person",)
    exclude = ("digest",)


@admin.register(Sweep)
class SweepAdmin(ReadOnly):
    list_display = ("trigger", "plan", "account", "state", "people", "queued_at", "finished_at")
    list_filter = ("state", "trigger")
    list_select_related = ("plan", "account")


@admin.register(AdminRequest)
class AdminRequestAdmin(ReadOnly):
    list_display = ("person", "check_name", "reason", "state", "created_at", "closed_by")
    list_filter = ("state",)
    list_select_related = ("person",)


@admin.register(Notification)
class NotificationAdmin(ReadOnly):
    list_display = ("kind", "person", "day", "state", "sent_at", "problem")
    list_filter = ("kind", "state", "problem")
    list_select_related = ("person",)


@admin.register(AuditEvent)
class AuditEventAdmin(ReadOnly):
    list_display = ("at", "actor", "action", "target")
    list_filter = ("action",)
    search_fields = ("actor", "target")
