"""Plans: which there are, what each says, and who has which revision of it. For auditors and admins."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.core.paginator import Paginator
from django.db.models import Prefetch, QuerySet
from django.http import HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_safe

from onboarding import lints, readiness
from onboarding.bundles.inputs import UnsafeValue
from onboarding.enums import Installed, Platform, SettingsScope
from onboarding.forms.plans import PlanForm
from onboarding.installed import counts_by_plan, with_installed
from onboarding.models import Enrolment, Person, Plan, PlanRevision
from onboarding.plans import affected, create
from onboarding.views.plan_files import PlanFiles, changes, files_of
from onboarding.views.rules import PersonRequest, for_admins, for_auditors

_PEOPLE_SHOWN = 50
_REVISIONS_SHOWN = 50
_NOBODY: Mapping[Installed, int] = dict.fromkeys(Installed, 0)


@dataclass(frozen=True, slots=True)
class PlanRow:
    plan: Plan
    revision: PlanRevision | None
    counts: Mapping[Installed, int]
    coverage: readiness.Counts

    @property
    def people(self) -> int:
        return sum(self.counts.values())

    @property
    def lints(self) -> list[lints.ReadLint]:
        return lints.read(self.revision.lints) if self.revision else []


@dataclass(frozen=True, slots=True)
class History:
    """A plan's revisions, the newest first, and what the chosen one changed on machines.

    `diff` is empty where that is nothing, None where nobody can tell or there is no revision before it.
    """

    revisions: Sequence[PlanRevision]
    chosen: PlanRevision
    current: int | None  # its number
    before: PlanRevision | None
    diff: str | None


@for_auditors
@never_cache
@require_safe
def plans(request: PersonRequest) -> HttpResponseBase:
    """A constant number of queries."""
    revisions = PlanRevision.objects.filter(is_current=True).select_related("account")
    current = {row.plan_id: row for row in revisions}
    counts = counts_by_plan(Person.objects.filter(is_active=True))
    covered = readiness.counts_by_plan()
    rows = Plan.objects.order_by("name")
    found = [
        PlanRow(row, current.get(row.pk), counts.get(row.pk, _NOBODY), covered.get(row.pk, readiness.NOBODY))
        for row in rows
    ]
    outdated = sum(row.counts[Installed.OLDER] for row in found)
    return render(request, "plans.html", {"plans": found, "outdated": outdated})


@for_auditors
@never_cache
@require_safe
def plan(request: PersonRequest, slug: str) -> HttpResponseBase:
    """What is current of a plan, how it came to that, and whom it concerns; a constant number of queries."""
    row = get_object_or_404(Plan, slug=slug)
    history = _history(row, request.GET.get("revision", ""))
    current = next((each for each in history.revisions if each.is_current), None) if history else None
    context: dict[str, Any] = {
        "plan": row,
        "revision": current,
        "lints": lints.read(current.lints) if current else [],
        "files": _files(current) if current else None,
        "history": history,
        "sweep": row.sweeps.live().first(),
        "coverage": readiness.counts_of(row),
        **_managed(row, current),
    }
    return render(request, "plan.html", context | _people(request, row))


def _managed(plan: Plan, current: PlanRevision | None) -> dict[str, Any]:
    """What device management would be given, where the plan is for it; `shared` is None while nobody is ready."""
    if current is None or current.settings_scope != SettingsScope.MANAGED:
        return {}
    shared = readiness.shared_by(plan)
    lacking = [tier for tier, profile in current.profiles.items() if shared and profile not in shared.profiles]
    return {"is_managed": True, "shared": shared, "lacking": lacking, "platforms": Platform}


def _files(revision: PlanRevision) -> PlanFiles | None:
    """Nothing of a revision whose helper is not allowed any more, or that today's rules would not let through."""
    try:
        return files_of(revision)
    except UnsafeValue:
        return None


def _history(plan: Plan, wanted: str) -> History | None:
    """What the wanted revision changed, or else the newest."""
    revisions = list(plan.revisions.with_sources().order_by("-number")[: _REVISIONS_SHOWN + 1])
    if not revisions:
        return None
    position = next((at for at, row in enumerate(revisions[:_REVISIONS_SHOWN]) if str(row.number) == wanted), 0)
    chosen, *older = revisions[position : position + 2]
    before = older[0] if older else None
    current = next((row.number for row in revisions if row.is_current), None)
    return History(revisions[:_REVISIONS_SHOWN], chosen, current, before, changes(before, chosen) if before else None)


def _people(request: PersonRequest, plan: Plan) -> dict[str, Any]:
    """A page of the people whom the plan concerns, those with what the URL asks for."""
    people = affected(plan)
    counts = counts_by_plan(people).get(plan.pk, _NOBODY)
    wanted = request.GET.get("installed", "")
    installed = Installed(wanted) if wanted in Installed.values else None
    rows = _with_machines(people)
    shown = rows.filter(installed=installed) if installed else rows
    return {
        "people": Paginator(shown, _PEOPLE_SHOWN).get_page(request.GET.get("page")),
        "total": sum(counts.values()),
        "counts": [(each, counts[each]) for each in Installed],
        "installed": installed,
    }


def _with_machines(people: QuerySet[Person]) -> QuerySet[Any]:
    machines = Prefetch("enrolments", Enrolment.objects.order_by("-reported_at"))
    return with_installed(people).select_related("team").prefetch_related(machines).order_by("name", "email", "pk")


@for_admins
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def plan_new(request: PersonRequest) -> HttpResponseBase:
    """Name a plan; its first revision is written on the page that comes then."""
    form = PlanForm(request.POST if request.method == "POST" else None)
    if form.is_bound and form.is_valid():
        create(form.instance, actor=request.person.email)
        return redirect("plan-edit", form.instance.slug)
    return render(request, "plan_new.html", {"form": form, "lints": ()})
