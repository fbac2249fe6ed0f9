"""An older revision once more, as a new one: looked at, with a reason, and published as any other. For admins."""

from __future__ import annotations

from collections.abc import Sequence

from django.core.exceptions import ValidationError
from django.http import HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from onboarding import lints, plans
from onboarding.bundles.inputs import UnsafeValue
from onboarding.forms.plans import PublishForm
from onboarding.models import Plan, PlanRevision
from onboarding.views.plan_compare import differences
from onboarding.views.plan_files import changes, files_of, policy_changes, undescribed
from onboarding.views.publishing import affected_by, publish
from onboarding.views.rules import PersonRequest, for_admins


@for_admins
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def plan_restore(request: PersonRequest, slug: str, number: int) -> HttpResponseBase:
    """Publishes on a POST with a note, if what the page was shown for is still current."""
    plan = get_object_or_404(Plan, slug=slug)
    old = get_object_or_404(PlanRevision.objects.with_sources(), plan=plan, number=number)
    note = PublishForm(request.POST if request.method == "POST" else None)
    if note.is_bound and note.is_valid() and _publish(request, old, note.cleaned_data["note"]):
        return redirect("plan", slug)
    return _page(request, old, note)


def _publish(request: PersonRequest, old: PlanRevision, note: str) -> bool:
    """Whether it could be done; where not, the page says why."""
    draft, current = plans.draft_of(old.plan, old), _current(old.plan)
    if _refusals(draft) or plans.settings_of(draft) == plans.settings_of(current):
        return False
    based_on = request.POST.get("based_on", "")
    onto = int(based_on) if based_on.isdecimal() else -1
    try:
        publish(old.plan, draft, note=note, actor=request.person.email, onto=onto, restores=old.number)
    except plans.Superseded:
        return False
    return True


def _page(request: PersonRequest, old: PlanRevision, note: PublishForm) -> HttpResponseBase:
    plan, current = old.plan, _current(old.plan)
    draft = plans.draft_of(plan, old)
    refusals, diff = _refusals(draft), changes(current, old)
    context = {
        "plan": plan,
        "old": old,
        "current": current,
        "is_stale": note.is_bound and request.POST.get("based_on") != str(current.number),
        "is_same": plans.settings_of(old) == plans.settings_of(current),
        "refusals": refusals,
        "note": note,
        "next": plan.revisions.order_by("-number").values_list("number", flat=True)[0] + 1,
        "lints": [] if refusals else lints.read(lints.stored(lints.lint(draft))),
        "differences": list(differences(current, old)),
        "diff": diff,
        "policy_diff": policy_changes(current, old),
        "policy_files": {"undescribed": undescribed(current, old)},
        "affected": affected_by(plan, diff),
    }
    return render(request, "plan_restore.html", context)


def _current(plan: Plan) -> PlanRevision:
    return get_object_or_404(PlanRevision.objects.with_sources(), plan=plan, is_current=True)


def _refusals(draft: PlanRevision) -> Sequence[str]:
    """Why today's rules let it through no more; nothing where they do."""
    try:
        plans.check_draft(draft)
        files_of(draft)
    except ValidationError as error:
        return error.messages
    except UnsafeValue:
        return [_("Generated files must not hold a value of it.")]
    return ()
