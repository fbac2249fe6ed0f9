"""What an AWS account offers: Regions by models by gates, from the same findings that people's pages show."""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.db import transaction
from django.http import Http404, HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.http import urlencode
from django.utils.translation import gettext, ngettext
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from onboarding.checks.base import Check, Facts, Pasted
from onboarding.checks.registry import ACCOUNT_CHECKS, Explanation, explain, pastes_for
from onboarding.enums import Outcome, Trigger
from onboarding.models import Account, AuditEvent, Finding, PlanRevision, Subject, Sweep
from onboarding.tasks import enqueue_sweep
from onboarding.views.account_facts import beside, quota_outcome
from onboarding.views.obstacles import in_account
from onboarding.views.rules import PersonRequest, for_admins, for_auditors

# Answers to one question may differ by plan or by what the models route to; those given together count together, and
# the worst of them is shown.
_TOGETHER = dt.timedelta(hours=1)
_WORST_FIRST = (Outcome.FAILED, Outcome.UNKNOWN, Outcome.WARNING, Outcome.PASSED)


def _routes(facts: Facts) -> str:
    count = len({row["region"] for row in facts.get("destinations", []) if row["region"]})
    return ngettext("%(count)s Region", "%(count)s Regions", count) % {"count": count}


def _retention(facts: Facts) -> str:
    return str(facts["mode"]) if "mode" in facts else gettext("Not needed")


def _tokens(facts: Facts) -> str:
    # With the narrow space that reads alike in every language.
    tokens = f"{facts.get('tokens', 0):,}".replace(",", "\u202f")
    return gettext("%(tokens)s tokens per minute") % {"tokens": tokens}


# What a passed check's cell says, from the finding's facts.
_BRIEFS: Mapping[str, Callable[[Facts], str]] = {
    "inference-profile": _routes,
    "model-access": lambda facts: gettext("Agreed and authorized"),
    "model-lifecycle": lambda facts: gettext("No end in sight"),
    "data-retention": _retention,
    "service-quota": _tokens,
}


@dataclass(frozen=True, slots=True)
class Cell:
    """One check about one model, or about a Region as a whole. Without a finding nobody has asked yet, or need ask."""

    check: Check
    finding: Finding | None = None
    explanation: Explanation | None = None
    link: tuple[str, str] | None = None
    is_asked: bool = True

    @property
    def outcome(self) -> str:
        if self.finding is not None:
            return self.finding.outcome
        return "waiting" if self.is_asked else "skipped"

    @property
    def known(self) -> list[tuple[dt.datetime, str]]:
        """What was last known where nobody can tell now: since when, and what; or nothing."""
        known = self.finding.standing(timezone.now()) if self.finding else None
        if known is None or known is self.finding:
            return []
        return [(known.checked_at, explain(known).summary)]

    @property
    def brief(self) -> str:
        """What there is room for in a table: of a pass, its figure; else what the matter is."""
        if self.finding is None or self.explanation is None:
            return ""
        if self.outcome != Outcome.PASSED:
            return self.explanation.title
        return _BRIEFS[self.check.name](self.finding.facts) if self.check.name in _BRIEFS else ""

    @property
    def destinations(self) -> list[str]:
        """The Regions a profile routes to; `""` stands for any."""
        routed = self.finding.facts.get("destinations", []) if self.finding else []
        return list(dict.fromkeys(row["region"] for row in routed)) if isinstance(routed, list) else []

    @property
    def is_open(self) -> bool:
        return self.outcome in (Outcome.FAILED, Outcome.WARNING, Outcome.UNKNOWN)

    @property
    def pastes(self) -> list[Pasted]:
        return pastes_for([self.finding]) if self.finding else []


@dataclass(frozen=True, slots=True)
class ModelRow:
    profile: str
    cells: tuple[Cell, ...]

    @property
    def refused(self) -> set[str]:
        """The Regions among its destinations in which the account does not have the model."""
        shut = [cell.finding.facts.get("regions", []) for cell in self.cells if _is_shut(cell) and cell.finding]
        return {region for regions in shut for region in regions}


@dataclass(frozen=True, slots=True)
class RegionBoard:
    """One source Region: the plans that start there, what holds for the whole of it, and a row a model."""

    region: str
    plans: tuple[str, ...]
    cells: tuple[Cell, ...]
    rows: tuple[ModelRow, ...]

    @property
    def columns(self) -> tuple[Check, ...]:
        return tuple(check for check in ACCOUNT_CHECKS if check.is_about_models)

    @property
    def is_asked(self) -> bool:
        return any(cell.finding is not None for cell in self._all)

    @property
    def attention(self) -> int:
        """How many things an admin should see to; what nobody can tell is none of them."""
        return sum(cell.outcome != Outcome.UNKNOWN for cell in self.open_cells)

    @property
    def unanswered(self) -> int:
        return sum(cell.outcome == Outcome.UNKNOWN for cell in self.open_cells)

    @property
    def waiting(self) -> int:
        """How many questions have no finding at all."""
        return sum(cell.outcome == "waiting" for cell in self._all)

    @property
    def _all(self) -> list[Cell]:
        return [*self.cells, *(cell for row in self.rows for cell in row.cells)]

    @property
    def quotas(self) -> list[dict[str, Any]]:
        """A row for each quota, with `name`, `code`, `value` and `needed` as the check's facts have them."""
        cells = [(row.profile, cell.finding) for row in self.rows for cell in row.cells if cell.finding]
        return [
            {**quota, "profile": profile, "region": self.region, "outcome": quota_outcome(quota)}
            for profile, finding in cells
            if finding.check_name == "service-quota"
            for quota in finding.facts.get("quotas", [])
        ]

    @property
    def open_cells(self) -> list[Cell]:
        """What an admin should look at first, each once however many models it concerns."""
        first: dict[str, Cell] = {}
        for cell in sorted(self._all, key=lambda cell: _rank(cell.outcome)):
            if cell.is_open and cell.explanation:
                first.setdefault(cell.explanation.title, cell)
        return list(first.values())


@for_auditors
@never_cache
@require_safe
def account(request: PersonRequest) -> HttpResponseBase:
    """One account, the first by name unless the URL names another; a constant number of queries."""
    accounts = list(Account.objects.filter(plan_revisions__is_current=True).distinct().order_by("name"))
    chosen = _chosen(accounts, request.GET.get("account", ""))
    regions = _regions(chosen) if chosen else ()
    context = {
        "accounts": accounts,
        "account": chosen,
        "regions": regions,
        "is_asked": any(region.is_asked for region in regions),
        "attention": sum(region.attention for region in regions),
        "unanswered": sum(region.unanswered + region.waiting for region in regions),
        "sweep": _newest_sweep(chosen) if chosen else None,
        "quotas": [row for board in regions for row in board.quotas],
        **(beside(chosen, [board.region for board in regions]) if chosen else {}),
    }
    return render(request, "account.html", context)


@for_admins
@require_POST
def account_verify(request: PersonRequest) -> HttpResponseBase:
    """Ask AWS about an account anew. Joins the asking that waits, if there is one."""
    row = get_object_or_404(Account, account_id=request.POST.get("account", "").replace("\0", ""))
    with transaction.atomic():
        sweep = Sweep.objects.open(trigger=Trigger.RECHECK, account=row, covers_people=False)
        AuditEvent.objects.record(actor=request.person.email, action="account.asked", target=row.account_id)
        enqueue_sweep(sweep)
    return redirect(f"{reverse('account')}?{urlencode({'account': row.account_id})}")


def _chosen(accounts: Sequence[Account], account_id: str) -> Account | None:
    if not account_id:
        return accounts[0] if accounts else None
    found = next((row for row in accounts if row.account_id == account_id), None)
    if found is None:
        raise Http404
    return found


def _newest_sweep(account: Account) -> Sweep | None:
    return Sweep.objects.filter(account=account, covers_people=False).order_by("-queued_at").first()


def _regions(account: Account) -> tuple[RegionBoard, ...]:
    """Those that need attention first."""
    revisions = PlanRevision.objects.filter(account=account, is_current=True).with_sources().order_by("plan__name")
    by_region: dict[str, list[PlanRevision]] = defaultdict(list)
    for revision in revisions:
        by_region[revision.region].append(revision)
    found = _newest_findings(account)
    boards = [_region(region, rows, found) for region, rows in by_region.items()]
    return tuple(sorted(boards, key=lambda board: (not board.attention, board.region)))


def _region(
    region: str, revisions: Sequence[PlanRevision], found: Mapping[tuple[str, str, str], Finding]
) -> RegionBoard:
    def cell(check: Check, about: str) -> Cell:
        finding = found.get((region, about, check.name))
        explanation = explain(finding) if finding else None
        link = explanation.link if explanation else None
        return Cell(check, finding, explanation, (link[0], in_account(link[1], revisions[0])) if link else None)

    profiles = dict.fromkeys(profile for revision in revisions for profile in revision.profiles.values())
    columns = [check for check in ACCOUNT_CHECKS if check.is_about_models]
    asked = {name for revision in revisions for check in columns for name in _asked(check, revision)}
    return RegionBoard(
        region=region,
        plans=tuple(revision.plan.name for revision in revisions),
        cells=tuple(cell(check, "") for check in ACCOUNT_CHECKS if not check.is_about_models),
        rows=tuple(
            ModelRow(
                profile,
                tuple(
                    cell(check, profile) if (check.name, profile) in asked else Cell(check, is_asked=False)
                    for check in columns
                ),
            )
            for profile in profiles
        ),
    )


def _asked(check: Check, revision: PlanRevision) -> Iterable[tuple[str, str]]:
    return ((check.name, about) for about in check.questions(revision))


def _is_shut(cell: Cell) -> bool:
    return cell.check.name == "model-access" and cell.outcome == Outcome.FAILED


def _newest_findings(account: Account) -> dict[tuple[str, str, str], Finding]:
    """The answer that is shown for each Region, model and check; one query. Subjects begin `account|region|about`."""
    subjects = Subject.objects.filter(
        check_name__in=[check.name for check in ACCOUNT_CHECKS], key__startswith=f"{account.account_id}|"
    ).select_related("latest__last_known")
    together: dict[tuple[str, str, str], list[Finding]] = defaultdict(list)
    regional = {check.name for check in ACCOUNT_CHECKS if not check.is_about_models}
    for subject in subjects:
        if subject.latest is not None:
            _, region, about = [*subject.key.split("|", 3), ""][:3]
            about = "" if subject.check_name in regional else about
            together[region, about, subject.check_name].append(subject.latest)
    return {place: _shown(findings) for place, findings in together.items()}


def _shown(findings: Sequence[Finding]) -> Finding:
    newest = max(finding.checked_at for finding in findings)
    recent = [finding for finding in findings if finding.checked_at >= newest - _TOGETHER]
    return min(recent, key=lambda finding: (_rank(finding.outcome), -finding.checked_at.timestamp()))


def _rank(outcome: str) -> int:
    return _WORST_FIRST.index(Outcome(outcome)) if outcome in Outcome.values else len(_WORST_FIRST)
