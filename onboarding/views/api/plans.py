"""Plans: what teams get, as the current revision says."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Annotated, Any

from django.db.models import Prefetch, QuerySet
from django.http import Http404, HttpRequest
from ninja import Path, Router, Schema
from pydantic import Field

from onboarding.enums import ApiScope, CredentialMethod, IdentitySource, Tier
from onboarding.models import Plan, PlanRevision, Team
from onboarding.models.plan_settings import PlanSettings
from onboarding.views.api.door import Token
from onboarding.views.api.pages import PROBLEMS, PROBLEMS_OF_ONE, Cursor, Limit, Page, page_of

Slug = Annotated[str, Path(max_length=50, pattern=r"^[-a-zA-Z0-9_]+$")]

router = Router(auth=Token(ApiScope.PLANS), tags=["plans"])


class TeamRef(Schema):
    id: int
    name: str


class TeamOut(TeamRef):
    group: str = Field(description="The identity provider's group.")
    cost_centre: str
    monthly_budget_usd: str | None = Field(description="A decimal.")


class RevisionOut(Schema):
    """A plan's current revision. `settings` are those of the editor that are set, by the names of its fields."""

    number: int
    published_at: dt.datetime
    note: str
    account: str = Field(description="The AWS account's id.")
    region: str
    models: dict[str, str] = Field(description="Inference profiles by tier.")
    default_tier: Tier
    identity_source: IdentitySource
    permission_set: str
    credential_method: CredentialMethod
    live_probe: bool
    settings: dict[str, Any]


class PlanOut(Schema):
    slug: str
    name: str
    person_budget_usd: str | None = Field(
        description="What a person may use in a month unless they have a budget of their own: a decimal."
    )
    teams: list[TeamOut]
    current: RevisionOut | None = Field(description="Null until one is published.")


@router.get("", response={200: Page[PlanOut], **PROBLEMS}, operation_id="list_plans")
def plans(request: HttpRequest, cursor: Cursor = None, limit: Limit = 50) -> dict[str, object]:
    """Every plan, in the order in which they were made."""
    found, next_cursor = page_of(_whole(), cursor, limit)
    return {"items": [_told(plan) for plan in found], "next_cursor": next_cursor}


@router.get("/{slug}", response={200: PlanOut, **PROBLEMS_OF_ONE}, operation_id="get_plan")
def plan(request: HttpRequest, slug: Slug) -> dict[str, object]:
    """One plan."""
    found = _whole().filter(slug=slug).first()
    if found is None:
        raise Http404
    return _told(found)


def _whole() -> QuerySet[Plan]:
    """With teams and the current revision: three queries, however many plans."""
    current = PlanRevision.objects.filter(is_current=True).select_related("account")
    return Plan.objects.prefetch_related(
        Prefetch("revisions", queryset=current, to_attr="current"), Prefetch("teams", Team.objects.order_by("name"))
    )


def _told(plan: Plan) -> dict[str, object]:
    current: list[PlanRevision] = plan.current  # type: ignore[attr-defined]  # _whole's
    return {
        "slug": plan.slug,
        "name": plan.name,
        "person_budget_usd": _exact(plan.person_budget),
        "teams": [_team(team) for team in plan.teams.all()],
        "current": _revision(current[0]) if current else None,
    }


def _team(team: Team) -> dict[str, object]:
    fields = {name: getattr(team, name) for name in ("id", "name", "group", "cost_centre")}
    return {**fields, "monthly_budget_usd": _exact(team.monthly_budget)}


def _revision(revision: PlanRevision) -> dict[str, object]:
    fields = (
        "number",
        "published_at",
        "note",
        "region",
        "default_tier",
        "identity_source",
        "permission_set",
        "credential_method",
        "live_probe",
    )
    return {
        **{name: getattr(revision, name) for name in fields},
        "account": revision.account.account_id,
        "models": {tier.value: profile for tier, profile in revision.profiles.items()},
        "settings": _settings(revision),
    }


def _settings(revision: PlanRevision) -> dict[str, Any]:
    """Those that say something."""
    told = {field.name: getattr(revision, field.name) for field in PlanSettings._meta.get_fields()}
    return {name: value for name, value in told.items() if value not in (None, "", [], {})}


def _exact(amount: Decimal | None) -> str | None:
    return None if amount is None else f"{amount:f}"
