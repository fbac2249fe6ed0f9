"""A person's own page: what they may use, what blocks them, the bundle; and the verification while it runs."""

from __future__ import annotations

import datetime as dt
from typing import Any

from django.db import transaction
from django.http import HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from onboarding.access import Access, access_of
from onboarding.checks.run import open_verification
from onboarding.enums import Platform, Readiness, Trigger
from onboarding.models import Person, PlanRevision
from onboarding.tasks import enqueue_verification
from onboarding.views.findings import Board, board_of
from onboarding.views.rules import PersonRequest, for_people


@for_people
@never_cache
@require_safe
def setup(request: PersonRequest) -> HttpResponseBase:
    """The answer first. The first visit after a sign-in, or under a new plan revision, starts a verification."""
    access = access_of(request.person)
    if access.revision is not None and _is_due(request, access):
        _verify(request.person, access.revision, Trigger.SIGN_IN)
        access = access_of(request.person)
    return render(request, "setup.html", _context(request, access))


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
    """Verify again. Joins the verification under way, if there is one."""
    access = access_of(request.person)
    if access.revision is not None:
        _verify(request.person, access.revision, Trigger.RECHECK)
    return redirect("setup")


def _is_due(request: PersonRequest, access: Access) -> bool:
    """Not verified against the current plan today, or not since the person signed in."""
    newest, signed_in_at = access.verification, request.user.last_login
    return access.is_due or (newest is not None and signed_in_at is not None and newest.queued_at < signed_in_at)


@transaction.atomic
def _verify(person: Person, revision: PlanRevision, trigger: Trigger) -> None:
    verification = open_verification(person=person, revision=revision, trigger=trigger, actor=person.email)
    enqueue_verification(verification)


def _context(request: PersonRequest, access: Access) -> dict[str, Any]:
    board = board_of(access.verification) if access.verification else None
    return {
        "access": access,
        "board": board,
        "state": _state(access),
        "platforms": Platform,
        "platform": _platform(request),
        "poll_seconds": _poll_seconds(board) if board else None,
    }


def _state(access: Access) -> str:
    """Which page this is: `no-plan`, `live`, `ready`, `blocked` or `unknown`."""
    if access.revision is None or access.verification is None:
        return "no-plan"
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
