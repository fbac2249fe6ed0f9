"""What admins take: the settings of a whole plan for device management, and a copy of somebody's bundle to help them.

Both hold nothing that is not verified, and both leave a record.
"""

from __future__ import annotations

from django.http import HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST

from onboarding.access import access_of
from onboarding.bundles import managed
from onboarding.bundles.build import ZIP_FILENAME
from onboarding.bundles.inputs import UnsafeValue
from onboarding.bundles.make import NotVerified, copy_for_support
from onboarding.enums import Platform, SettingsScope
from onboarding.forms.people import CopyForm
from onboarding.models import Person, PlanRevision
from onboarding.views.bundle_choices import bundle_language, platform_named
from onboarding.views.install import attachment
from onboarding.views.rules import PersonRequest, for_admins


@for_admins
@never_cache
@require_POST
def plan_managed_bundle(request: PersonRequest, slug: str) -> HttpResponseBase:
    """Of the current revision, where it is for device management at all; the plan's page says what is missing."""
    current = PlanRevision.objects.with_sources().filter(is_current=True, settings_scope=SettingsScope.MANAGED)
    revision = get_object_or_404(current, plan__slug=slug)
    platform = platform_named(request.POST.get("platform", ""))
    try:
        built = managed.make_managed(
            revision, platform=platform, language=bundle_language(), actor=request.person.email
        )
    except (NotVerified, UnsafeValue):
        return redirect("plan", slug)
    return attachment(built.archive, managed.FILENAME, "application/zip")


@for_admins
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def person_bundle(request: PersonRequest, pk: int) -> HttpResponseBase:
    """The rule is the person's own: nothing that is not verified for them, now."""
    person = get_object_or_404(Person.objects.select_related("team"), pk=pk, is_active=True)
    access = access_of(person)
    form = CopyForm(request.POST if request.method == "POST" else None)
    if form.is_bound and form.is_valid():
        said = {"reason": form.cleaned_data["reason"], "actor": request.person.email}
        platform = Platform(form.cleaned_data["platform"])
        try:
            built = copy_for_support(access, platform=platform, language=bundle_language(), **said)
        except NotVerified:
            return redirect("person-bundle", pk)
        return attachment(built.archive, ZIP_FILENAME, "application/zip")
    return render(request, "person_bundle.html", {"whose": person, "access": access, "form": form, "lints": ()})
