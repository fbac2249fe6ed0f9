"""What the page of an account says beside its matrix: logging, quotas, and what AWS denies to the portal itself."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.db.models import Max, Q
from django.utils import timezone

from onboarding.aws.permissions import (
    BY_ACTION,
    PERMISSIONS,
    Permission,
    Place,
    account_policy,
    directory_policy,
    own_policy,
)
from onboarding.costs.coverage import STALLED
from onboarding.enums import Outcome, Problem
from onboarding.models import Account, BillingFetch, IdentityCenter, LogSource, Subject

_IN_DIRECTORY = [row.action for row in PERMISSIONS if row.place is Place.DIRECTORY]
# CloudWatch's totals take two calls, and the row does not say which of them was denied.
_CONTROL = ("cloudwatch:ListMetrics", "cloudwatch:GetMetricData")


def beside(account: Account, regions: Sequence[str]) -> Mapping[str, Any]:
    """`logging` and `portal` of an account in whose `regions` plans start; five queries."""
    sources = list(account.log_sources.order_by("region"))
    return {"logging": logging_of(sources, regions), "portal": portal_access(account, sources, regions)}


def quota_outcome(quota: Mapping[str, Any]) -> Outcome:
    """Of one quota, as the check judges all of a model's: none at all, too little for everybody, or enough."""
    if not quota["value"]:
        return Outcome.FAILED
    return Outcome.WARNING if quota["value"] < quota["needed"] else Outcome.PASSED


# --- Logging


@dataclass(frozen=True, slots=True)
class Logging:
    """One Region's: `kind` is problem, missing, unread, off, stalled or on."""

    region: str
    kind: str
    source: LogSource | None = None

    @property
    def outcome(self) -> str:
        """Unknown where nobody could read it."""
        return {"on": "passed", "off": "warning", "stalled": "warning", "problem": "unknown"}.get(self.kind, "waiting")


def logging_of(sources: Sequence[LogSource], regions: Iterable[str]) -> list[Logging]:
    """By Region: those that were looked up, and those where a plan of the account starts."""
    found = {source.region: Logging(source.region, _kind(source), source) for source in sources}
    return [found.get(region) or Logging(region, "missing") for region in sorted({*found, *regions})]


def _kind(source: LogSource) -> str:
    if source.problem:
        return "problem"
    if source.read_at is None:
        return "unread"
    if not source.destination:
        return "off"
    return "stalled" if source.read_at < timezone.now() - STALLED else "on"


# --- What is denied to the portal


@dataclass(frozen=True, slots=True)
class Denied:
    """An action that AWS denied to the portal when it was last asked. `alternatives`: it is this or one of those."""

    permission: Permission
    at: dt.datetime | None
    alternatives: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class PortalAccess:
    """The portal's own access to one account. Policies are JSON, to paste: of what is missing, and of everything."""

    denied: tuple[Denied, ...]
    missing: tuple[tuple[Place, str], ...]
    policies: tuple[tuple[Place, str], ...]

    @property
    def asked(self) -> list[Permission]:
        """Everything the portal needs a permission for."""
        return [row for row in PERMISSIONS if row.place is not Place.PLAN]


def portal_access(account: Account, sources: Sequence[LogSource], regions: Sequence[str]) -> PortalAccess:
    """Four queries."""
    denied = _denied(account, sources)
    missing = {row.permission.action for row in denied}
    stores = [(source.region, source.destination) for source in sources if source.destination]
    if account.cost_report and regions:
        stores.append((regions[0], account.cost_report))
    roles = {*Account.objects.values_list("role_arn", flat=True)}
    roles |= {*IdentityCenter.objects.values_list("role_arn", flat=True)}

    def policies(only: set[str] | None) -> Iterator[tuple[Place, dict[str, Any]]]:
        yield Place.ACCOUNT, account_policy(stores=stores, account_id=account.account_id, only=only)
        yield Place.DIRECTORY, directory_policy(only)
        if (only is None or "sts:AssumeRole" in only) and roles - {""}:
            yield Place.OWN, own_policy(roles - {""})

    return PortalAccess(denied, _written(policies(missing)), _written(policies(None)))


def _written(found: Iterable[tuple[Place, dict[str, Any]]]) -> tuple[tuple[Place, str], ...]:
    """As text, without those that allow nothing."""
    worth = ((place, policy) for place, policy in found if any(row["Action"] for row in policy["Statement"]))
    return tuple((place, json.dumps(policy, indent=2)) for place, policy in worth)


def _denied(account: Account, sources: Sequence[LogSource]) -> tuple[Denied, ...]:
    """Each action once, in the order of the list, as it was last recorded."""
    found: dict[str, Denied] = {}
    for action, at, alternatives in (*_of_findings(account), *_of_sources(sources), *_of_bills(account)):
        known = found.get(action)
        if action in BY_ACTION and (known is None or (known.alternatives and not alternatives)):
            found[action] = Denied(BY_ACTION[action], at, alternatives)
    return tuple(found[row.action] for row in PERMISSIONS if row.action in found)


_Recorded = Iterator[tuple[str, dt.datetime | None, tuple[str, ...]]]


def _of_findings(account: Account) -> _Recorded:
    """What checks were denied about this account, and in any directory; the subject's newest answer counts."""
    mine = Q(key__contains=account.account_id) | Q(latest__facts__operation__in=_IN_DIRECTORY)
    rows = Subject.objects.filter(mine, latest__reason="portal-denied").order_by()
    for operation, at in rows.values_list("latest__facts__operation").annotate(Max("latest__checked_at")):
        yield operation, at, ()


def _of_sources(sources: Sequence[LogSource]) -> _Recorded:
    for source in sources:
        if source.problem == Problem.DENIED:
            yield _operation(source.problem_detail), source.problem_since, ()
        if source.control_problem == Problem.DENIED:
            for action in _CONTROL:
                yield action, source.control_at, tuple(other for other in _CONTROL if other != action)


def _of_bills(account: Account) -> _Recorded:
    """The newest fetch that ended, of each of the two sources."""
    ended = BillingFetch.objects.filter(account=account, finished_at__isnull=False)
    newest = ended.order_by().values("source").annotate(newest=Max("pk")).values("newest")
    for fetch in BillingFetch.objects.filter(pk__in=newest, problem=Problem.DENIED):
        yield _operation(fetch.problem_detail), fetch.finished_at, ()


def _operation(detail: str) -> str:
    """AWS's name of what was asked, with which a recorded problem begins."""
    return detail.partition(": ")[0]
