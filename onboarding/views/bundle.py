"""A person's bundle: every file to read, what it changes, and the zip to take away."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from typing import Any

from django.http import HttpRequest, HttpResponseBase
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from onboarding.access import access_of
from onboarding.bundles import scripts
from onboarding.bundles.build import ZIP_FILENAME, build
from onboarding.bundles.make import NotVerified, inputs_for, make_bundle
from onboarding.bundles.stored import as_json, from_json
from onboarding.enums import Platform
from onboarding.views.bundle_choices import bundle_language, platform_named
from onboarding.views.install import attachment, commands_for
from onboarding.views.machines import changed_since, machines_of
from onboarding.views.rules import PersonRequest, for_people, signed_in, viewable

# Where the session keeps what the newest bundle was made of, and for how many seconds it may be fetched: long enough
# for a slow browser, too short to outlive a change of the plan by much.
_MADE, _FETCHED_WITHIN = "bundle_made", 120
# The guide as a page says what the guide says.
_NOT_SHOWN = frozenset({"GUIDE.html"})


@viewable
@for_people
@never_cache
@require_safe
def bundle(request: PersonRequest) -> HttpResponseBase:
    """Every byte the bundle holds, before anybody runs anything. Building it for show records nothing."""
    access = access_of(request.person)
    platform = platform_named(request.GET.get("os", ""))
    try:
        inputs = inputs_for(access, platform=platform, language=bundle_language())
    except NotVerified:
        return redirect("setup")
    built = build(inputs)
    context: dict[str, Any] = {
        "access": access,
        "files": _shown(built.files),
        "scripts": _scripts(built.files),
        "built": built,
        "platform": platform,
        "platforms": Platform,
        "changed": changed_since(access, inputs),
        "machines": machines_of(access),
    }
    return render(request, "bundle.html", context | commands_for(access))


def _shown(files: Mapping[str, bytes]) -> list[dict[str, Any]]:
    """What was made for this person, to read here."""
    mine = (name for name in files if name not in scripts.ALL | _NOT_SHOWN)
    return [{"name": name, "text": files[name].decode("utf-8-sig"), "size": len(files[name])} for name in mine]


def _scripts(files: Iterable[str]) -> list[dict[str, Any]]:
    """What is the same for everybody: with its own URL, and its digest."""
    return [
        {"name": name, "size": len(scripts.script(name)), "digest": scripts.script_digest(name)}
        for name in files
        if name in scripts.ALL
    ]


@for_people
@never_cache
@require_POST
def bundle_make(request: PersonRequest) -> HttpResponseBase:
    """Make the bundle and record it, then lead to its bytes; whoever's access does not work, to the page that says
    why.

    What it was made of waits in the session: fetching it asks nobody anything again, and may be repeated.
    """
    try:
        made = make_bundle(
            access_of(request.person),
            platform=platform_named(request.POST.get("platform", "")),
            language=bundle_language(),
            actor=request.person.email,
        )
    except NotVerified:
        return redirect("setup")
    request.session[_MADE] = {"inputs": as_json(made.inputs), "until": time.time() + _FETCHED_WITHIN}
    return redirect("bundle-download")


@signed_in
@never_cache
@require_safe
def bundle_download(request: HttpRequest) -> HttpResponseBase:
    """The zip that was made a moment ago, in this session; who has made none is led to the bundle's page."""
    made = request.session.get(_MADE)
    if made is None or made["until"] < time.time():
        return redirect("bundle")
    return attachment(build(from_json(made["inputs"])).archive, ZIP_FILENAME, "application/zip")
