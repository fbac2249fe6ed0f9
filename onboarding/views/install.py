"""How a machine gets a bundle with one line, and reports back: the script, the one-time codes, and both endpoints."""

from __future__ import annotations

from django.conf import settings
from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.cache import cache_control, never_cache
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST, require_safe

from onboarding.access import Access, access_of
from onboarding.bundles import archive, scripts
from onboarding.bundles.build import TAR_FILENAME, ZIP_FILENAME, Built
from onboarding.bundles.credentials import login
from onboarding.bundles.make import NotVerified, make_bundle
from onboarding.bundles.platforms import COMMANDS
from onboarding.enrolments import LONGEST_REPORT, BadCode, BadReport, issue_codes, record_report, redeem
from onboarding.enums import CodePurpose, CredentialMethod, Platform
from onboarding.views.bundle_choices import bundle_language, platform_named
from onboarding.views.limits import limited_by_address, sentence
from onboarding.views.rules import PersonRequest, for_people, public

# A code has 24 characters; what is much longer is none, and is not read.
_LONGEST_CODE = 200
_SCHEME = "Onramp "


@for_people
@never_cache
@require_POST
def install_codes(request: PersonRequest) -> HttpResponseBase:
    """Two new codes, shown on this page and never again: one fetches the bundle, one sends the doctor's report."""
    access = access_of(request.person)
    if not access.is_ready:
        return redirect("setup")
    platform = platform_named(request.POST.get("platform", ""))
    codes = issue_codes(
        person=request.person, purposes=list(CodePurpose), platform=platform, language=bundle_language()
    )
    shown = {purpose.value: code for purpose, code in codes.items()}
    context = {"access": access, "codes": shown, "platform": platform}
    return render(request, "install-codes.html", context | commands_for(access))


def commands_for(access: Access) -> dict[str, object]:
    """What a page needs to say how to install: the commands of each platform, where the scripts are and what their
    bytes are, and how this plan's people get credentials."""
    revision = access.revision
    method = CredentialMethod(revision.credential_method) if revision else None
    return {
        "commands": {platform.value: COMMANDS[platform] for platform in Platform},
        "one_lines": {platform.value: _one_line(platform) for platform in Platform},
        "login": login(method, revision.plan.aws_profile) if method and revision else "",
        "script_digests": {name.rpartition(".")[2]: scripts.script_digest(name) for name in scripts.PUBLISHED},
    }


def _one_line(platform: Platform) -> str:
    """Saved first and then run, so that what was cut on the way does nothing."""
    portal = settings.PUBLIC_URL
    if platform == Platform.WINDOWS:
        run = "powershell -NoProfile -ExecutionPolicy Bypass -File onramp.ps1"
        return f"curl.exe -fsSL {portal}/onramp.ps1 -o onramp.ps1; {run} {portal}"
    return f"curl -fsSL {portal}/onramp.sh -o onramp.sh && sh onramp.sh {portal}"


@public
@cache_control(public=True, max_age=300)
@require_safe
def script(request: HttpRequest, name: str) -> HttpResponseBase:
    """A script of ours, to read or to run; the same for everybody, so anybody may have it."""
    if name not in scripts.ALL:
        raise Http404
    return HttpResponse(scripts.script(name), content_type="text/plain; charset=utf-8")


@public
@csrf_exempt
@never_cache
@require_POST
@limited_by_address(sentence)
def install_bundle(request: HttpRequest) -> HttpResponseBase:
    """A person's bundle for a one-time code, which is the body: in no URL, and in no log. A GET would let a link
    preview use it up.

    Answers for scripts: 200 with a tar or a zip; 410 where the code is not good; 409 where access is not verified.
    """
    code = _short_body(request)
    try:
        built = _make(code)
    except BadCode:
        return _said(410, _("The code is unknown, used or expired. Get a new one in Onramp."))
    except NotVerified:
        return _said(409, _("Your access is not verified at the moment. Open Onramp to see why."))
    if request.GET.get("format") == "zip":
        return attachment(built.archive, ZIP_FILENAME, "application/zip")
    return attachment(archive.pack_tar(built.files), TAR_FILENAME, "application/x-tar")


@transaction.atomic
def _make(code: str) -> Built:
    """Whatever keeps the bundle from being made leaves the code good."""
    row = redeem(code, CodePurpose.INSTALL)
    access, platform = access_of(row.person), Platform(row.platform)
    return make_bundle(access, platform=platform, language=row.language, actor=row.person.email).built


@public
@csrf_exempt
@never_cache
@require_POST
@limited_by_address(sentence)
def install_report(request: HttpRequest) -> HttpResponseBase:
    """What a doctor found, for a one-time code in the Authorization header.

    Answers for scripts: 204; 401 where the code is not good; 400 where this is no report; 413 where it is too long.
    """
    authorization = request.headers.get("Authorization", "")
    if _length(request) > LONGEST_REPORT:
        return _said(413, _("This is too long for a report of the doctor."))
    try:
        record_report(code=authorization.removeprefix(_SCHEME).strip(), content=request.body)
    except BadCode:
        return _said(401, _("The code is unknown, used or expired. Get a new one in Onramp."))
    except BadReport:
        return _said(400, _("This is not a report of Onramp's doctor."))
    return HttpResponse(status=204)


def _short_body(request: HttpRequest) -> str:
    if _length(request) > _LONGEST_CODE:
        return ""
    return request.body.decode("utf-8", "replace").strip()


def _length(request: HttpRequest) -> int:
    """How long the body says it is; Django reads no more than that."""
    length = request.headers.get("Content-Length", "")
    return int(length) if length.isascii() and length.isdigit() else 0


def _said(status: int, sentence: str) -> HttpResponse:
    return HttpResponse(f"{sentence}\n", status=status, content_type="text/plain; charset=utf-8")


def attachment(content: bytes, filename: str, content_type: str) -> HttpResponse:
    """A download under a name of ours."""
    disposition = f'attachment; filename="{filename}"'
    return HttpResponse(content, content_type=content_type, headers={"Content-Disposition": disposition})
