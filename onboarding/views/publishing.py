"""What the pages share that publish a revision: whom it concerns, and the sweep over these people."""

from __future__ import annotations

from typing import Any, TypedDict

from django.db import transaction

from onboarding import plans
from onboarding.enums import Installed, RunState, Trigger
from onboarding.installed import counts_by_plan
from onboarding.models import Plan, PlanRevision
from onboarding.tasks import enqueue_refresh


class Affected(TypedDict):
    people: int
    teams: list[str]
    again: int  # have something, and must install another
    none: int  # have nothing yet


def affected_by(plan: Plan, diff: str | None) -> Affected:
    """Whom a new revision concerns that changes `diff` on machines; None where nobody can tell what it changes."""
    counts = counts_by_plan(plans.affected(plan)).get(plan.pk, dict.fromkeys(Installed, 0))
    return {
        "people": sum(counts.values()),
        "teams": list(plan.teams.order_by("name").values_list("name", flat=True)),
        "again": counts[Installed.OLDER] + (0 if diff == "" else counts[Installed.CURRENT]),
        "none": counts[Installed.NONE],
    }


@transaction.atomic
def publish(plan: Plan, draft: PlanRevision, **said: Any) -> None:
    """As `plans.publish`, with the sweep over the plan's people that it opens. Raises what that raises."""
    plans.publish(plan, draft, **said)
    enqueue_refresh(plan, *plan.sweeps.filter(trigger=Trigger.PLAN_PUBLISHED, state=RunState.QUEUED))
