"""A person's own page: what they may use, what blocks them, the bundle; and the verification while it runs."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from typing import Any

from django.db import transaction
from django.http import Http404, HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from onboarding.access import Access, access_of
from onboarding.checks.registry import BY_NAME
from onboarding.checks.run import open_verification
from onboarding.enums import Platform, Readiness, Trigger
from onboarding.forms.asking import AskForm, NoteForm
from onboarding.models import AdminRequest, Bundle, Person, PlanRevision, VerificationFinding
from onboarding.models.requests import ACCESS
from onboarding.requests import ask_about_finding, ask_for_access, requests_of
from onboarding.tasks import enqueue_verification
from onboarding.views.findings import Board, board_of
from onboarding.views.install import commands_for
from onboarding.views.machines import machines_of, newest_bundle
from onboarding.views.requests import title_of
from onboarding.views.rules import PersonRequest, for_people, viewable

# How long an admin's answer is shown among the person's requests.
_ANSWER_SHOWN = dt.timedelta(days=14)


@viewable
@for_people
@never_cache
@require_safe
def setup(request: PersonRequest) -> HttpResponseBase:
    """The answer first. The first visit after a sign-in, or under a new plan revision, starts a verification: the
    person's own visit, and not that of an admin who views as them.
    """
    access = access_of(request.person)
    if access.revision is not None and request.viewed_by is None and _is_due(request, access):
        _verify(request.person, access.revision, Trigger.SIGN_IN)
        access = access_of(request.person)
    return render(request, "setup.html", _context(request, access))


@viewable
@for_people
@never_cache
@require_safe
def setup_verification(request: PersonRequest) -> HttpResponseBase:
    """The part of the page that is polled while a verification lives; when it ends, the whole page comes anew."""
    access = access_of(request.person)
    if access.verification is None or not access.verification.is_live:
        response = HttpResponse(status=286)  # htmx stops polling
        response["HX-Redirect"] = reverse("setup")
        return response
    return render(request, "setup.html#live", _context(request, access))


@for_people
@require_POST
def setup_verify(request: PersonRequest) -> HttpResponseBase:
    """Verify again, everything or the one check that is named. Joins the verification under way, if there is one."""
    access = access_of(request.person)
    rechecked = request.POST.get("check", "")
    if access.revision is not None:
        _verify(request.person, access.revision, Trigger.RECHECK, rechecked if rechecked in BY_NAME else "")
    return redirect("setup")


@for_people
@require_POST
def setup_ask(request: PersonRequest) -> HttpResponseBase:
    """Hand a finding of one of one's own verifications to the admins."""
    form = AskForm(request.POST)
    verification = access_of(request.person).verification
    if verification is None or not form.is_valid():
        return redirect("setup")
    # The page may be older than the newest verification: what it showed is still theirs to ask about.
    answers = VerificationFinding.objects.filter(verification__person=request.person)
    asked = answers.filter(finding=form.cleaned_data["finding"]).order_by("-verification__queued_at")
    answer = asked.select_related("finding__last_known", "verification").first()
    if answer is None:
        raise Http404
    ask_about_finding(person=request.person, answer=answer, note=form.cleaned_data["note"])
    return redirect("setup")


@for_people
@require_POST
def setup_ask_access(request: PersonRequest) -> HttpResponseBase:
    """Ask the admins for a team or a plan; who has both asks about what blocks them instead."""
    form = NoteForm(request.POST)
    if form.is_valid() and access_of(request.person).revision is None:
        ask_for_access(person=request.person, note=form.cleaned_data["note"])
    return redirect("setup")


def _is_due(request: PersonRequest, access: Access) -> bool:
    """Not verified against the current plan today, or not since the person signed in."""
    newest, signed_in_at = access.verification, request.user.last_login
    return access.is_due or (newest is not None and signed_in_at is not None and newest.queued_at < signed_in_at)


@transaction.atomic
def _verify(person: Person, revision: PlanRevision, trigger: Trigger, rechecked: str = "") -> None:
    verification = open_verification(
        person=person, revision=revision, trigger=trigger, actor=person.email, rechecked=rechecked
    )
    enqueue_verification(verification)


def _context(request: PersonRequest, access: Access) -> dict[str, Any]:
    board, state = _board(access), _state(access)
    requests = requests_of(request.person)
    machines = machines_of(access) if state == "ready" else []
    return {
        "access": access,
        "board": board,
        "requests": requests,
        "asked": _recently(requests.values()),
        "asked_access": requests.get(f"|{ACCESS}"),
        "state": state,
        "machines": machines,
        "connected": next((each for each in machines if each.state in ("answered", "connected")), None),
        "outdated": _outdated(access) if state == "ready" else None,
        "platforms": Platform,
        "platform": _platform(request),
        "poll_seconds": _poll_seconds(board) if board else None,
        **commands_for(access),
    }


def _outdated(access: Access) -> Bundle | None:
    """The bundle the person took last, where a newer revision of the plan is current."""
    bundle = newest_bundle(access)
    return bundle if bundle and access.revision and bundle.revision_id != access.revision.pk else None


def _board(access: Access) -> Board | None:
    """The board of the newest verification."""
    verification = access.verification
    if verification is None:
        return None
    verification.person = access.person  # read already
    return board_of(verification)


def _recently(requests: Iterable[AdminRequest]) -> list[tuple[str, AdminRequest]]:
    """What the person waits for, and what was answered lately, each with its title; the newest first."""
    since = timezone.now() - _ANSWER_SHOWN
    shown = [row for row in requests if row.closed_at is None or row.closed_at > since]
    return [(title_of(row), row) for row in sorted(shown, key=lambda row: row.created_at, reverse=True)]


def _state(access: Access) -> str:
    """Which page this is: `no-plan`, `unverified`, `live`, `ready`, `blocked` or `unknown`."""
    if access.revision is None:
        return "no-plan"
    if access.verification is None:
        return "unverified"
    if access.verification.is_live:
        return "live"
    if access.is_ready:
        return "ready"
    return "blocked" if access.verification.outcome == Readiness.BLOCKED else "unknown"


def _poll_seconds(board: Board) -> int:
    """Eager while somebody watches a run that takes seconds, patient when it takes long."""
    age = timezone.now() - board.verification.queued_at
    if age < dt.timedelta(seconds=30):
        return 1
    return 3 if age < dt.timedelta(minutes=2) else 15


def _platform(request: PersonRequest) -> Platform:
    """The platform to offer first: what the URL says, else what the browser says. Only ever a default."""
    asked = request.GET.get("os", "")
    if asked in Platform.values:
        return Platform(asked)
    agent = request.headers.get("User-Agent", "")
    if "Windows" in agent:
        return Platform.WINDOWS
    return Platform.MACOS if "Mac OS" in agent else Platform.LINUX
