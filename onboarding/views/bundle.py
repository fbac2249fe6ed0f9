"""A person's bundle: every file to read, and the zip to take away."""

from __future__ import annotations

from django.http import HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.utils.translation import get_language
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from onboarding.access import access_of
from onboarding.bundles.build import FILENAME, build
from onboarding.bundles.make import NotVerified, inputs_for, make_bundle
from onboarding.enums import Platform
from onboarding.views.rules import PersonRequest, for_people


@for_people
@never_cache
@require_safe
def bundle(request: PersonRequest) -> HttpResponseBase:
    """Every byte the bundle holds, before anybody runs anything. Building it for show records nothing."""
    access = access_of(request.person)
    platform = _platform(request.GET.get("os", ""))
    try:
        built = build(inputs_for(access, platform=platform, language=_language()))
    except NotVerified:
        return redirect("setup")
    files = [{"name": name, "text": data.decode("utf-8-sig"), "size": len(data)} for name, data in built.files.items()]
    context = {"access": access, "files": files, "built": built, "platform": platform, "platforms": Platform}
    return render(request, "bundle.html", context)


@for_people
@never_cache
@require_POST
def bundle_download(request: PersonRequest) -> HttpResponseBase:
    """The zip. Recorded, so a POST; somebody whose access does not work is sent to the page that says why."""
    try:
        built = make_bundle(
            access_of(request.person),
            platform=_platform(request.POST.get("platform", "")),
            language=_language(),
            actor=request.person.email,
        )
    except NotVerified:
        return redirect("setup")
    return HttpResponse(
        built.archive,
        content_type="application/zip",
        headers={"Content-Disposition": f'attachment; filename="{FILENAME}"'},
    )


def _platform(text: str) -> Platform:
    return Platform(text) if text in Platform.values else Platform.LINUX


def _language() -> str:
    return "es" if (get_language() or "").startswith("es") else "en"
