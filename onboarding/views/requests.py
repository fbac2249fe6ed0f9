"""What people asked the admins to fix: requests about one thing together, since one fix closes them all."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from django.db.models import Prefetch, QuerySet
from django.http import HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from onboarding.checks.errors import diagnose
from onboarding.checks.registry import FINDING_TYPES, explain, pastes_for
from onboarding.costs.budgets import month_of, person_budgets
from onboarding.costs.forecast import HOW
from onboarding.enums import Outcome, RequestState
from onboarding.forms import CloseForm
from onboarding.models import AdminRequest, Finding, VerificationFinding
from onboarding.requests import close_request
from onboarding.views.obstacles import in_account
from onboarding.views.rules import PersonRequest, for_admins

_CLOSED_SHOWN = 20


@dataclass(frozen=True, slots=True)
class Topic:
    """Requests about which the same is to be said. `pastes` are title, file name and text; `links` title and URL."""

    rows: tuple[AdminRequest, ...]
    title: str
    layer: str = ""
    is_denial: bool = False
    summaries: Sequence[str] = ()
    admin_remedies: Sequence[str] = ()
    pastes: Sequence[tuple[str, str, str]] = ()
    links: Sequence[tuple[str, str]] = ()
    evidence: Sequence[tuple[tuple[str, str], ...]] = ()
    is_budget: bool = False

    @property
    def people(self) -> int:
        return len({row.person_id for row in self.rows})


@for_admins
@never_cache
@require_safe
def requests(request: PersonRequest) -> HttpResponseBase:
    """The open ones, the oldest topic first; and the last that were closed. A constant number of queries.

    Two of them read budgets, where somebody asks for a higher one.
    """
    waiting = list(_open())
    about_budgets = [row.person for row in waiting if row.is_about_budget]
    month = month_of(timezone.now().date())
    closed = AdminRequest.objects.filter(state=RequestState.CLOSED).select_related("person", "finding")
    context = {
        "topics": _topics(waiting),
        "people": len({row.person_id for row in waiting}),
        "budgets": person_budgets(about_budgets, month) if about_budgets else {},
        "how": HOW,
        "closed": [(title_of(row), row) for row in closed.order_by("-closed_at")[:_CLOSED_SHOWN]],
    }
    return render(request, "requests.html", context)


def _open() -> QuerySet[AdminRequest]:
    """With all that the page says about them; of a verification, what was not answered with a yes."""
    answers = VerificationFinding.objects.exclude(finding__outcome=Outcome.PASSED).select_related("finding")
    related = ("person__team", "finding", "verification__revision__account", "verification__revision__identity_center")
    return (
        AdminRequest.objects.filter(state=RequestState.OPEN)
        .select_related(*related)
        .prefetch_related(Prefetch("verification__answers", queryset=answers))
        .order_by("created_at")
    )


def _topics(rows: Iterable[AdminRequest]) -> list[Topic]:
    together: dict[tuple[object, ...], list[AdminRequest]] = {}
    for row in rows:
        alone = _topic([row])
        # Findings with one title differ in their models at most, and what is to be pasted can hold them all.
        told = alone.title if row.finding else (alone.title, *alone.summaries, *alone.pastes)
        account = row.verification.revision.account_id if row.verification else None
        together.setdefault((row.check_name, row.reason, account, told), []).append(row)
    return [_topic(group) for group in together.values()]


def title_of(row: AdminRequest) -> str:
    """What a request is about; reads its finding."""
    if row.finding is not None:
        return explain(row.finding).title
    if row.is_about_budget:
        return _("A higher budget")
    if row.check_name:
        check = FINDING_TYPES.get(row.check_name)
        return str(check.title) if check else row.check_name
    return diagnose(row.pasted).title


def _topic(rows: Sequence[AdminRequest]) -> Topic:
    """What to say about requests with one cause: a finding, or an error that was pasted."""
    first = rows[0]
    if first.finding is not None:
        return _of_finding(rows, first.finding)
    if first.is_about_budget:
        return Topic(tuple(rows), title_of(first), is_budget=True)
    if first.check_name:
        return Topic(tuple(rows), title_of(first))
    told = diagnose(first.pasted)
    return Topic(
        tuple(rows),
        told.title,
        layer=str(told.layer.label) if told.layer else "",
        is_denial=told.is_denial,
        summaries=[told.summary],
        admin_remedies=[told.admin_remedy] if told.admin_remedy else [],
        pastes=told.pastes(),
        links=told.links(),
        evidence=list(filter(None, [tuple(told.found())])),
    )


def _of_finding(rows: Sequence[AdminRequest], first: Finding) -> Topic:
    findings = list({finding.pk: finding for row in rows for finding in _meant(row)}.values())
    told = [explain(finding) for finding in findings]
    link, verification = told[0].link, rows[0].verification
    return Topic(
        tuple(rows),
        told[0].title,
        layer=str(first.get_layer_display()),
        is_denial=first.outcome == Outcome.FAILED,
        summaries=list(dict.fromkeys(each.summary for each in told)),
        admin_remedies=list(dict.fromkeys(each.admin_remedy for each in told if each.admin_remedy)),
        pastes=pastes_for(findings),
        links=[(link[0], in_account(link[1], verification.revision))] if link and verification else [],
        evidence=list(dict.fromkeys(each.evidence for each in told if each.evidence)),
    )


def _meant(row: AdminRequest) -> list[Finding]:
    """The finding that somebody asked about, and its like in the same verification: those of the other models."""
    answers = row.verification.answers.all() if row.verification else []
    like = [answer.finding for answer in answers if answer.check_name == row.check_name]
    found = [finding for finding in like if finding.reason == row.reason and finding.pk != row.finding_id]
    return [row.finding, *found] if row.finding else found


@for_admins
@require_POST
def request_close(request: PersonRequest, pk: int) -> HttpResponseBase:
    """Close a request; the answer is shown to whoever asked."""
    row = get_object_or_404(AdminRequest.objects.select_related("person"), pk=pk)
    form = CloseForm(request.POST)
    if form.is_valid():
        close_request(request=row, actor=request.person.email, answer=form.cleaned_data["answer"])
    return redirect("requests")
