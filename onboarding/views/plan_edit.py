"""The next revision of a plan: filled in, looked at, and only then published. For admins."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass

from django.core import signing
from django.http import HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from onboarding import lints, plans
from onboarding.bundles.inputs import UnsafeValue
from onboarding.catalog import REGION_NAMES
from onboarding.enums import Tier
from onboarding.forms.plans import PublishForm, RevisionForm
from onboarding.models import Plan, PlanRevision, Subject
from onboarding.views.plan_files import PlanFiles, changes, files_of, policy_changes
from onboarding.views.publishing import affected_by, publish
from onboarding.views.rules import PersonRequest, for_admins

_SALT = "onboarding.plan-edit"


@dataclass(slots=True)
class Editing:
    """One request's worth of it: the plan, its current revision, and the form over the next one."""

    request: PersonRequest
    plan: Plan
    current: PlanRevision | None
    form: RevisionForm
    files: PlanFiles | None = None
    is_valid: bool = False

    @property
    def number(self) -> int:
        """Of the current revision; 0 where there is none."""
        return self.current.number if self.current else 0

    @property
    def is_stale(self) -> bool:
        """Whether another revision became current since this form was first shown."""
        return self.form.is_bound and self.request.POST.get("based_on") != str(self.number)

    @property
    def is_changed(self) -> bool:
        draft = self.form.instance
        return self.current is None or plans.settings_of(self.current) != plans.settings_of(draft)

    @property
    def may_be_published(self) -> bool:
        return self.is_valid and self.is_changed and not self.is_stale

    @property
    def _said(self) -> str:
        """Exactly what is in the form, for this admin and the revision it starts from."""
        said = [self.plan.pk, self.number, self.request.person.pk, *plans.settings_of(self.form.instance)]
        return json.dumps(said, sort_keys=True)

    @property
    def signature(self) -> str:
        return signing.Signer(salt=_SALT).signature(self._said)

    @property
    def _was_shown(self) -> bool:
        """By unsigning: a page that an earlier secret signed counts, too."""
        try:
            shown = signing.Signer(salt=_SALT).unsign(f"{self._said}:{self.request.POST.get('previewed', '')}")
        except signing.BadSignature:
            return False
        return shown == self._said

    @property
    def is_unseen(self) -> bool:
        """Whether somebody wants to publish what no page has shown them yet."""
        return self.may_be_published and "publish" in self.request.POST and not self._was_shown

    @property
    def may_publish(self) -> bool:
        return self.may_be_published and "publish" in self.request.POST and not self.is_unseen


@for_admins
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def plan_edit(request: PersonRequest, slug: str) -> HttpResponseBase:
    """A POST shows what the form would give; with the button `publish`, what was shown before is published."""
    plan = get_object_or_404(Plan, slug=slug)
    current = PlanRevision.objects.with_sources().filter(plan=plan, is_current=True).first()
    form = RevisionForm(request.POST if request.method == "POST" else None, instance=plans.draft_of(plan, current))
    editing = Editing(request, plan, current, form)
    if not form.is_bound or not (form.is_valid() and _build(editing)):
        return _page(editing)
    editing.is_valid = True
    note = PublishForm(request.POST)
    if not editing.may_publish:
        note = PublishForm(initial={"note": request.POST.get("note", "")})
    elif note.is_valid():
        return _publish(editing, note)
    return _page(editing, note)


def _build(editing: Editing) -> bool:
    """Make the files; what must not stand in one is an error of its field."""
    try:
        editing.files = files_of(editing.form.instance)
    except UnsafeValue as error:
        field = error.field if error.field in editing.form.fields else None
        editing.form.add_error(field, _("Generated files must not hold this."))
    return not editing.form.errors


def _publish(editing: Editing, note: PublishForm) -> HttpResponseBase:
    plan, actor = editing.plan, editing.request.person.email
    try:
        publish(plan, editing.form.instance, note=note.cleaned_data["note"], actor=actor, onto=editing.number)
    except plans.Superseded:
        # Once more, with what is current now.
        return plan_edit(editing.request, plan.slug)
    return redirect("plan", plan.slug)


def _page(editing: Editing, note: PublishForm | None = None) -> HttpResponseBase:
    form, current = editing.form, editing.current
    diff = changes(current, form.instance) if editing.is_valid and current else None
    context = {
        "editing": editing,
        "plan": editing.plan,
        "current": current,
        "form": form,
        "note": note or PublishForm(),
        "next": editing.number + 1,
        "lints": lints.read(lints.stored(_lints(editing))),
        "errors": [(field, error) for field in form for error in field.errors],
        "files": editing.files or _files_of_current(editing),
        "diff": diff,
        "policy_diff": policy_changes(current, form.instance) if editing.is_valid and current else None,
        "affected": affected_by(editing.plan, diff),
        "regions": sorted(REGION_NAMES.items()),
        "known": _known_profiles(form.instance) if current else {tier.value: {} for tier in Tier},
    }
    return render(editing.request, "plan_edit.html", context)


def _files_of_current(editing: Editing) -> PlanFiles | None:
    """What there is to see before anything was entered."""
    if editing.form.is_bound or editing.current is None:
        return None
    try:
        return files_of(editing.current)
    except UnsafeValue:
        return None


def _lints(editing: Editing) -> Sequence[lints.Lint]:
    """Of what is valid in the form: where something is not, what the current revision says stands in for it."""
    draft, errors = editing.form.instance, editing.form.errors if editing.form.is_bound else {}
    if editing.current is None and (not editing.form.is_bound or errors):
        return []
    origin = plans.draft_of(editing.plan, editing.current)
    for name in errors:
        if name in editing.form.fields:
            setattr(draft, name, getattr(origin, name))
    return [lint for lint in lints.lint(draft) if lint.about not in errors]


def _known_profiles(draft: PlanRevision) -> dict[str, dict[str, str]]:
    """What Bedrock said last of the inference profiles anybody asked about in the draft's Region, by tier."""
    place = f"{draft.account.account_id}|{draft.region}|"
    subjects = Subject.objects.filter(check_name="inference-profile", key__startswith=place)
    rows = subjects.exclude(last_known=None).values_list("key", "last_known__outcome")
    outcomes = {key.removeprefix(place).partition("|")[0]: outcome for key, outcome in rows}
    return {
        tier.value: {
            profile: outcome
            for profile, outcome in sorted(outcomes.items())
            if tier.value in profile or profile.startswith("arn:")
        }
        for tier in Tier
    }
