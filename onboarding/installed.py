"""Which revision of their plan people have on their machines, as far as the portal knows.

Two things tell: a bundle that somebody took, and a machine that reported. Of both, the newest counts.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from typing import Any

from django.db.models import (
    Case,
    Count,
    DateTimeField,
    F,
    OuterRef,
    PositiveIntegerField,
    Q,
    QuerySet,
    Subquery,
    Value,
    When,
)

from onboarding.enums import Installed
from onboarding.models import Bundle, Enrolment, Person, PlanRevision


def with_installed(people: QuerySet[Person]) -> QuerySet[Any]:
    """People with what they have: `installed` (a value of `Installed`), and of the revision they took last
    `installed_number`, `installed_plan` (its plan's name) and `installed_at`; None where there is none.
    """
    revisions = PlanRevision.objects.filter(pk=OuterRef("installed_id"))
    found: QuerySet[Any] = _with_ids(people).annotate(
        installed=_STATE,
        installed_number=Subquery(revisions.values("number")),
        installed_plan=Subquery(revisions.values("plan__name")),
    )
    return found


def counts_by_plan(people: QuerySet[Person]) -> Mapping[int, Mapping[Installed, int]]:
    """How many of `people` have what, by the id of their plan; one query."""
    rows = _with_ids(people.filter(team__plan__isnull=False)).annotate(installed=_STATE)
    counted = rows.order_by().values_list("team__plan", "installed").annotate(people=Count("pk"))
    found: dict[int, dict[Installed, int]] = defaultdict(lambda: dict.fromkeys(Installed, 0))
    for plan_id, installed, count in counted:
        found[plan_id][Installed(installed)] = count
    return found


# A revision of another plan is an older one, too: somebody who changed teams has to install again.
_STATE = Case(
    When(installed_id__isnull=True, then=Value(Installed.NONE)),
    When(installed_id=F("wanted_id"), then=Value(Installed.CURRENT)),
    default=Value(Installed.OLDER),
)


def _with_ids(people: QuerySet[Person]) -> QuerySet[Any]:
    """The id of the revision somebody took last and of their plan's current one, and when they took it."""
    bundles = Bundle.objects.filter(person=OuterRef("pk")).order_by("-created_at", "-pk")
    reports = Enrolment.objects.filter(person=OuterRef("pk")).order_by("-reported_at", "-pk")
    current = PlanRevision.objects.filter(plan__teams=OuterRef("team_id"), is_current=True)
    reported_last = Q(report_at__isnull=False) & (Q(bundle_at__isnull=True) | Q(report_at__gte=F("bundle_at")))
    return people.annotate(
        bundle_at=Subquery(bundles.values("created_at")[:1]),
        report_at=Subquery(reports.values("reported_at")[:1]),
        wanted_id=Subquery(current.values("pk")[:1]),
    ).annotate(
        installed_at=Case(
            When(reported_last, then=F("report_at")), default=F("bundle_at"), output_field=DateTimeField()
        ),
        installed_id=Case(
            When(reported_last, then=Subquery(reports.values("revision_id")[:1])),
            default=Subquery(bundles.values("revision_id")[:1]),
            output_field=PositiveIntegerField(),
        ),
    )
