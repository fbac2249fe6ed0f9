"""What people asked the admins to fix: requests about one thing together, since one fix closes them all."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from django.db.models import Count, Prefetch, Q, QuerySet
from django.http import HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import pgettext_lazy
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from onboarding.checks.errors import diagnose
from onboarding.checks.registry import FINDING_TYPES, explain, pastes_for
from onboarding.costs import coverage
from onboarding.costs.budgets import month_of, person_budgets
from onboarding.costs.forecast import HOW
from onboarding.enums import Outcome, RequestState
from onboarding.forms.asking import AnswerForm, CloseForm
from onboarding.models import AdminRequest, Finding, Person, VerificationFinding
from onboarding.requests import answer_request, close_request
from onboarding.views.errors import refused
from onboarding.views.obstacles import in_account
from onboarding.views.rules import PersonRequest, for_admins, for_auditors

_CLOSED_SHOWN = 100
# What the page can show: how it is called, which rows, and the field that names the admin.
_STATES: Mapping[str, tuple[str | Promise, Q, str]] = {
    "open": (pgettext_lazy("requests", "Open"), Q(state=RequestState.OPEN, answered_at=None), ""),
    "answered": (
        pgettext_lazy("requests", "Answered"),
        Q(state=RequestState.OPEN, answered_at__isnull=False),
        "answered_by",
    ),
    "resolved": (pgettext_lazy("requests", "Resolved"), Q(state=RequestState.CLOSED), "closed_by"),
}


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which requests the page shows: in one state, of one admin or of all. Whatever a URL says, it is one of these."""

    state: str = "open"
    by: str = ""

    @property
    def rows(self) -> Q:
        _label, rows, field = _STATES[self.state]
        return rows & Q(**{field: self.by}) if field and self.by else rows

    @property
    def query(self) -> str:
        """As it stands behind the page's address, and behind that of what is done there."""
        chosen = {"state": self.state if self.state != "open" else "", "by": self.by}
        said = urlencode({name: value for name, value in chosen.items() if value})
        return f"?{said}" if said else ""

    @property
    def url(self) -> str:
        return reverse("requests") + self.query

    def admins(self) -> list[str]:
        """Whom the filter offers: everybody who answered, or resolved, one in this state."""
        _label, rows, field = _STATES[self.state]
        if not field:
            return []
        return list(AdminRequest.objects.filter(rows).order_by(field).values_list(field, flat=True).distinct())


def _wanted(request: PersonRequest) -> Wanted:
    state, by = request.GET.get("state", ""), request.GET.get("by", "")
    # PostgreSQL takes no text with a NUL in it.
    return Wanted(state if state in _STATES else "open", by if by.isprintable() else "")


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


@for_auditors
@never_cache
@require_safe
def requests(request: PersonRequest) -> HttpResponseBase:
    """Those in one state: what waits and what was answered by topic, the oldest first; what was resolved as a list.

    A constant number of queries; some of them read budgets, where somebody asks for a higher one.
    """
    return _page(request, _wanted(request))


def _page(request: PersonRequest, wanted: Wanted, *, silent: int | None = None, status: int = 200) -> HttpResponse:
    """`silent` is the request that was to be answered with nothing."""
    is_resolved = wanted.state == "resolved"
    waiting = [] if is_resolved else list(_open().filter(wanted.rows))
    counts = AdminRequest.objects.aggregate(
        **{name: Count("pk", filter=rows) for name, (_label, rows, _field) in _STATES.items()}
    )
    context = {
        "wanted": wanted,
        "tabs": [(name, label, counts[name]) for name, (label, _rows, _field) in _STATES.items()],
        "admins": wanted.admins(),
        "topics": _topics(waiting),
        "people": len({row.person_id for row in waiting}),
        "closed": [(title_of(row), row) for row in _closed(wanted)] if is_resolved else [],
        "closed_shown": _CLOSED_SHOWN,
        "silent": silent,
        **_spend([row.person for row in waiting if row.is_about_budget]),
    }
    return render(request, "requests.html", context, status=status)


def _spend(people: Sequence[Person]) -> dict[str, Any]:
    """How far those are who ask for a higher budget, and what these figures may lack; nothing where nobody asks."""
    if not people:
        return {}
    now = timezone.now()
    return {
        "budgets": person_budgets(people, month_of(now.date())),
        "how": HOW,
        "warnings": coverage.warnings(now),
        "as_of": coverage.as_of(),
    }


def _closed(wanted: Wanted) -> QuerySet[AdminRequest]:
    rows = AdminRequest.objects.filter(wanted.rows).select_related("person", "finding")
    return rows.order_by("-closed_at")[:_CLOSED_SHOWN]


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
    if row.is_about_access:
        return _("Access to Claude Code")
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
    if first.is_about_access:
        return _of_access(rows)
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


def _of_access(rows: Sequence[AdminRequest]) -> Topic:
    return Topic(
        tuple(rows),
        title_of(rows[0]),
        summaries=[_("They are in no team, or their team has no published plan.")],
        admin_remedies=[
            _(
                "Add one of their groups to a team, or them to a group of a team that is there; give the team a plan, "
                "and publish its first revision. Their team follows at their next sign-in."
            )
        ],
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
def request_answer(request: PersonRequest, pk: int) -> HttpResponseBase:
    """Answer a request and leave it open; the answer is shown to whoever asked."""
    row = get_object_or_404(AdminRequest.objects.select_related("person"), pk=pk)
    form = AnswerForm(request.POST)
    if not form.is_valid():
        return _page(request, Wanted("answered" if row.is_answered else "open"), silent=row.pk, status=422)
    answer_request(request=row, actor=request.person.email, answer=form.cleaned_data["answer"])
    return redirect(_wanted(request).url)


@for_admins
@require_POST
def request_close(request: PersonRequest, pk: int) -> HttpResponseBase:
    """Resolve a request; the answer, or an earlier one, is shown to whoever asked."""
    row = get_object_or_404(AdminRequest.objects.select_related("person"), pk=pk)
    form = CloseForm(request.POST)
    if not form.is_valid():
        return refused(request, form, back=_wanted(request).url)
    close_request(request=row, actor=request.person.email, answer=form.cleaned_data["answer"])
    return redirect(_wanted(request).url)
