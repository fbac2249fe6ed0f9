"""Plans and what they stand on: load them from a document, publish a revision."""

from __future__ import annotations

from collections.abc import Mapping
from copy import deepcopy
from typing import Any

from django.conf import settings
from django.core.exceptions import ObjectDoesNotExist, ValidationError
from django.db import transaction
from django.db.models import Max, Model
from django.utils.translation import gettext as _

from onboarding import lints
from onboarding.enums import CredentialMethod, NotificationKind, Trigger
from onboarding.models import (
    Account,
    AuditEvent,
    IdentityCenter,
    Notification,
    Person,
    Plan,
    PlanRevision,
    Price,
    Sweep,
    Team,
)
from onboarding.models.people import PersonQuerySet
from onboarding.models.plan_settings import PlanSettings

# The fields of a revision that a plan's document may name, besides its account and Identity Center.
_REVISION_FIELDS = (
    "identity_source",
    "role_arn",
    "user_tag",
    "live_probe",
    "region",
    "opus",
    "sonnet",
    "haiku",
    "default_tier",
    "permission_set",
    "credential_method",
    "credential_helper",
    *(field.name for field in PlanSettings._meta.get_fields()),
)

# What a wrong entry can raise on its way into a row.
_BAD_ENTRY = (KeyError, TypeError, ValueError, AttributeError, ArithmeticError, ObjectDoesNotExist, ValidationError)


class Superseded(Exception):
    """Another revision became current since this one was begun. Nothing was published."""


class BadDocument(Exception):
    """A seed document that cannot be loaded; says where and why. Nothing of it was kept."""


@transaction.atomic
def load_document(document: Mapping[str, Any], *, actor: str) -> dict[str, int]:
    """Make the rows a document names, or change them to what it says. Idempotent: nothing is deleted.

    The document is an object of lists: `accounts`, `identity_centers`, `plans`, `teams`, `people`, `prices`
    (docs/operations.md shows one). A plan whose settings differ from its current revision gets a new one. Returns how
    many rows of each kind the document named. Raises BadDocument.
    """
    loaders = {
        "accounts": _load_account,
        "identity_centers": _load_identity_center,
        "plans": lambda entry: _load_plan(entry, actor=actor),
        "teams": _load_team,
        "people": _load_person,
        "prices": _load_price,
    }
    unknown = document.keys() - loaders.keys()
    if unknown:
        raise BadDocument(f"Unknown section: {', '.join(sorted(unknown))}.")
    counts = {}
    for section, load in loaders.items():
        entries = document.get(section, [])
        for position, entry in enumerate(entries, start=1):
            try:
                load(entry)
            except _BAD_ENTRY as error:
                raise BadDocument(f"{section}, entry {position}: {type(error).__name__}: {error}") from error
        counts[section] = len(entries)
    AuditEvent.objects.record(actor=actor, action="document.loaded", target="plans", **counts)
    return counts


def _save(row: Model) -> None:
    row.full_clean()
    row.save()


def _set_given(row: Model, entry: Mapping[str, Any], *fields: str) -> None:
    """Those that the entry names: what it does not is left as somebody may have set it."""
    for field in fields:
        if field in entry:
            setattr(row, field, entry[field])


def _load_account(entry: Mapping[str, Any]) -> None:
    account = Account.objects.filter(account_id=entry["account_id"]).first() or Account()
    for field in ("account_id", "name", "role_arn", "external_id"):
        setattr(account, field, entry.get(field, ""))
    _set_given(account, entry, "price_multiplier", "cost_tag", "cost_report")
    _save(account)


def _load_identity_center(entry: Mapping[str, Any]) -> None:
    center = IdentityCenter.objects.filter(name=entry["name"]).first() or IdentityCenter()
    for field in ("name", "region", "start_url", "role_arn", "external_id"):
        setattr(center, field, entry.get(field, ""))
    _save(center)


def _load_plan(entry: Mapping[str, Any], *, actor: str) -> None:
    plan = Plan.objects.filter(slug=entry["slug"]).first() or Plan(slug=entry["slug"])
    plan.name = entry["name"]
    _set_given(plan, entry, "person_budget")
    _save(plan)
    revision = PlanRevision(
        account=Account.objects.get(account_id=entry["account"]),
        identity_center=IdentityCenter.objects.get(name=entry["identity_center"])
        if "identity_center" in entry
        else None,
        **{field: entry[field] for field in _REVISION_FIELDS if field in entry},
    )
    current = plan.revisions.filter(is_current=True).first()
    if current is None or settings_of(current) != settings_of(revision):
        publish(plan, revision, note=entry.get("note", ""), actor=actor)


def settings_of(revision: PlanRevision) -> tuple[Any, ...]:
    """All that a revision says, in plain values: two that are equal here differ in number, note and date alone."""
    return (
        revision.account_id,
        revision.identity_center_id,
        *(getattr(revision, field) for field in _REVISION_FIELDS),
    )


def draft_of(plan: Plan, current: PlanRevision | None) -> PlanRevision:
    """An unsaved revision that says what `current` does: what somebody starts from who edits the plan."""
    if current is None:
        return PlanRevision(plan=plan)
    values = {field: deepcopy(getattr(current, field)) for field in _REVISION_FIELDS}
    return PlanRevision(plan=plan, account=current.account, identity_center=current.identity_center, **values)


@transaction.atomic
def publish(
    plan: Plan,
    revision: PlanRevision,
    *,
    note: str,
    actor: str,
    onto: int | None = None,
    restores: int | None = None,
) -> PlanRevision:
    """Make an unsaved revision the plan's current one, with the next number; its people are verified against it,
    and told.

    What is to be said against it is stored with it. `onto` is the number of the revision it was made from, 0 where
    there was none; `restores`, of an older one that it says again, for the record. Raises ValidationError, and
    Superseded where `onto` is not the current one any more.
    """
    check_helper(revision)
    Plan.objects.select_for_update().get(pk=plan.pk)
    newest = plan.revisions.aggregate(newest=Max("number"))["newest"] or 0
    current = plan.revisions.filter(is_current=True)
    if onto is not None and onto != (current.values_list("number", flat=True).first() or 0):
        raise Superseded
    current.update(is_current=False)
    revision.plan, revision.number, revision.note, revision.is_current = plan, newest + 1, note, True
    revision.full_clean()
    revision.lints = lints.stored(lints.lint(revision))
    revision.save()
    if newest:
        Sweep.objects.open(trigger=Trigger.PLAN_PUBLISHED, plan=plan)
        concerned = affected(plan).order_by("pk").values_list("pk", flat=True)
        Notification.objects.tell(NotificationKind.PLAN_REVISION, concerned, revision=revision)
    details = {"revision": revision.number} | ({"restores": restores} if restores is not None else {})
    AuditEvent.objects.record(actor=actor, action="plan.published", target=plan.name, **details)
    return revision


@transaction.atomic
def create(plan: Plan, *, actor: str) -> None:
    """Save a new plan, which gives nobody anything before its first revision. Raises ValidationError."""
    plan.full_clean()
    plan.save()
    AuditEvent.objects.record(actor=actor, action="plan.created", target=plan.name, slug=plan.slug)


def check_draft(draft: PlanRevision) -> None:
    """Whether an unsaved revision could be published, but for its number and note. Raises ValidationError."""
    check_helper(draft)
    draft.full_clean(exclude=["number", "note"], validate_unique=False)


def check_helper(revision: PlanRevision) -> None:
    """A plan names a helper; which command that is, only whoever operates the portal says. Raises ValidationError."""
    method = CredentialMethod(revision.credential_method)
    if method.has_helper and revision.credential_helper not in settings.ONRAMP_CREDENTIAL_HELPERS:
        raise ValidationError(
            {"credential_helper": _("The operator allows no helper of this name (ONRAMP_CREDENTIAL_HELPERS).")}
        )


def affected(plan: Plan) -> PersonQuerySet:
    """Whom a new revision of a plan concerns: everybody active in its teams."""
    return Person.objects.filter(team__plan=plan, is_active=True)


def _load_team(entry: Mapping[str, Any]) -> None:
    team = Team.objects.filter(group=entry["group"]).first() or Team(group=entry["group"])
    team.name = entry["name"]
    team.plan = Plan.objects.get(slug=entry["plan"]) if entry.get("plan") else None
    team.cost_centre = entry.get("cost_centre", "")
    _set_given(team, entry, "monthly_budget")
    _save(team)


def _load_person(entry: Mapping[str, Any]) -> None:
    """Somebody known before their first sign-in; from then on the identity provider has the word."""
    if Person.objects.for_email(entry["email"]).exists():
        return
    team = Team.objects.get(group=entry["group"]) if entry.get("group") else None
    person = Person(email=entry["email"], name=entry.get("name", ""), team=team)
    _set_given(person, entry, "monthly_budget")
    _save(person)


def _load_price(entry: Mapping[str, Any]) -> None:
    """One model and endpoint kind; `usd_per_million` gives a figure, as text, for each token class."""
    for token_class, figure in entry["usd_per_million"].items():
        keys = {
            "model_id": entry["model_id"],
            "endpoint_kind": entry["endpoint_kind"],
            "token_class": token_class,
            "is_long_prompt": entry.get("is_long_prompt", False),
            "valid_from": entry["valid_from"],
        }
        price = Price.objects.filter(**keys).first() or Price(**keys)
        price.usd_per_million, price.source = figure, entry["source"]
        _save(price)
