"""Two revisions of a plan beside each other: what they say, and what that changes in files."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from django.http import Http404, HttpResponseBase
from django.shortcuts import get_object_or_404, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from onboarding.forms.plans import RevisionForm
from onboarding.models import Plan, PlanRevision
from onboarding.views.plan_files import changes, policy_changes, undescribed
from onboarding.views.rules import PersonRequest, for_auditors


@dataclass(frozen=True, slots=True)
class Difference:
    """A field in which two revisions differ, by its label; empty where one says nothing."""

    label: str
    before: str
    after: str


@for_auditors
@never_cache
@require_safe
def plan_compare(request: PersonRequest, slug: str) -> HttpResponseBase:
    """The URL names both by their numbers; without, the current one and the one before it."""
    plan = get_object_or_404(Plan, slug=slug)
    revisions = list(plan.revisions.order_by("-number").only("number", "published_at", "is_current", "plan_id"))
    if not revisions:
        raise Http404
    newer = _number(request.GET.get("to", "")) or revisions[0].number
    older = _number(request.GET.get("from", "")) or max(newer - 1, 1)
    chosen = {row.number: row for row in plan.revisions.with_sources().filter(number__in=(older, newer))}
    if older not in chosen or newer not in chosen:
        raise Http404
    before, after = chosen[older], chosen[newer]
    context = {
        "plan": plan,
        "revisions": revisions,
        "before": before,
        "after": after,
        "differences": list(differences(before, after)),
        "diff": changes(before, after),
        "policy_diff": policy_changes(before, after),
        "policy_files": {"undescribed": undescribed(before, after)},
    }
    return render(request, "plan_compare.html", context)


def _number(text: str) -> int:
    """0 for what is none. A revision's number has few digits."""
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 9 else 0


def differences(before: PlanRevision, after: PlanRevision) -> Iterator[Difference]:
    """In the order of the editor."""
    for name, field in RevisionForm.base_fields.items():
        if getattr(before, name) != getattr(after, name):
            yield Difference(str(field.label).rstrip("."), _shown(before, name), _shown(after, name))


def _shown(revision: PlanRevision, name: str) -> str:
    value: Any = getattr(revision, name)
    if isinstance(value, bool):
        return "✓" if value else ""
    if isinstance(value, dict):
        return json.dumps(value, ensure_ascii=False) if value else ""
    if isinstance(value, Sequence) and not isinstance(value, str):
        return "\n".join(value)
    display = getattr(revision, f"get_{name}_display", None)
    return "" if value is None else str(display() if display else value)
