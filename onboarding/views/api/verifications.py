"""Verifications of a person: what was found, in words and in the keys of the checks."""

from __future__ import annotations

import datetime as dt
from typing import Any

from django.db.models import Prefetch
from django.http import Http404, HttpRequest
from django.utils import timezone
from ninja import Router, Schema
from pydantic import Field

from onboarding.checks.registry import explain
from onboarding.enums import Actor, ApiScope, Layer, Outcome, Readiness, RunState, Trigger
from onboarding.models import Finding, Person, Verification, VerificationFinding
from onboarding.views.api.door import Token
from onboarding.views.api.pages import PROBLEMS_OF_ONE, Cursor, FewLimit, Id, Page, page_of

router = Router(auth=Token(ApiScope.VERIFICATIONS), tags=["verifications"])


class Answer(Schema):
    """A check's answer: keys (`outcome`, `layer`, `reason`) for programs; words in the language that was asked for."""

    outcome: Outcome
    layer: Layer | None = Field(description="Who said no, or could not say.")
    reason: str = Field(description="The check's key for what it found.")
    checked_at: dt.datetime
    title: str
    summary: str
    remedy: str = Field(description="What the person can do.")
    admin_remedy: str = Field(description="What an admin can do.")
    actor: Actor = Field(description="Who can act on it.")


class FindingOut(Answer):
    """An answer, and which question it answers.

    Where nobody could tell, `last_known` is the newest answer that was one; it stands while `last_known_stands`.
    """

    check: str
    about: str = Field(description="An inference profile's id; empty: the person.")
    last_known: Answer | None
    last_known_stands: bool


class VerificationOut(Schema):
    id: int
    state: RunState
    outcome: Readiness | None = Field(description="Null until it is done.")
    trigger: Trigger
    plan: str
    revision: int
    role_arn: str | None
    verified_profiles: list[str]
    queued_at: dt.datetime
    started_at: dt.datetime | None
    finished_at: dt.datetime | None
    findings: list[FindingOut]


@router.get(
    "/{id}/verifications", response={200: Page[VerificationOut], **PROBLEMS_OF_ONE}, operation_id="list_verifications"
)
def verifications(request: HttpRequest, id: Id, cursor: Cursor = None, limit: FewLimit = 10) -> dict[str, object]:
    """A person's verifications, the newest first. Words follow `Accept-Language`: English or Spanish."""
    if not Person.objects.filter(pk=id).exists():
        raise Http404
    answers = VerificationFinding.objects.select_related("finding__last_known")
    rows = (
        Verification.objects.filter(person=id)
        .select_related("revision__plan", "principal")
        .prefetch_related(Prefetch("answers", queryset=answers))
    )
    found, next_cursor = page_of(rows, cursor, limit, newest_first=True)
    return {"items": [_told(each) for each in found], "next_cursor": next_cursor}


def _told(verification: Verification) -> dict[str, Any]:
    fields = ("id", "state", "trigger", "verified_profiles", "queued_at", "started_at", "finished_at")
    return {
        **{name: getattr(verification, name) for name in fields},
        "outcome": verification.outcome or None,
        "plan": verification.revision.plan.slug,
        "revision": verification.revision.number,
        "role_arn": verification.principal.role_arn if verification.principal else None,
        "findings": [_finding(each) for each in verification.answers.all()],
    }


def _finding(place: VerificationFinding) -> dict[str, Any]:
    finding = place.finding
    known = finding.last_known
    return {
        **_answer(finding),
        "check": place.check_name,
        "about": place.about,
        "last_known": _answer(known) if known else None,
        "last_known_stands": finding.standing(timezone.now()) is not finding,
    }


def _answer(finding: Finding) -> dict[str, Any]:
    words = explain(finding)
    return {
        "outcome": finding.outcome,
        "layer": finding.layer or None,
        "reason": finding.reason,
        "checked_at": finding.checked_at,
        "title": words.title,
        "summary": words.summary,
        "remedy": words.remedy,
        "admin_remedy": words.admin_remedy,
        "actor": words.actor,
    }
