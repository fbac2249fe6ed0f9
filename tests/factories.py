"""Rows for tests, small and unsurprising. Each takes what the test is about and fills in the rest."""

from __future__ import annotations

import datetime as dt
from itertools import count
from typing import Any

from django.utils import timezone

from onboarding.enums import EndpointKind, Layer, Outcome, Readiness, RunState, Scope, Tier, TokenClass, Trigger
from onboarding.models import (
    Account,
    Caller,
    Enrolment,
    Finding,
    IdentityCenter,
    Meter,
    Person,
    Plan,
    PlanRevision,
    Principal,
    Team,
    UsageEntry,
    User,
    Verification,
    VerificationFinding,
)

OPUS = "eu.anthropic.claude-opus-4-8"
SONNET = "eu.anthropic.claude-sonnet-4-6"
HAIKU = "eu.anthropic.claude-haiku-4-5-20251001-v1:0"
ROLE_ARN = (
    "arn:aws:iam::111122223333:role/aws-reserved/sso.amazonaws.com/eu-west-1/"
    "AWSReservedSSO_ClaudeCodeDeveloper_0123456789abcdef"
)

_numbers = count(1)


def make_account(account_id: str = "111122223333", **fields: Any) -> Account:
    account, _ = Account.objects.get_or_create(account_id=account_id, defaults={"name": "acme-ai-prod", **fields})
    return account


def make_identity_center(name: str = "acme", **fields: Any) -> IdentityCenter:
    defaults = {"region": "eu-west-1", "start_url": "https://acme.awsapps.com/start", **fields}
    center, _ = IdentityCenter.objects.get_or_create(name=name, defaults=defaults)
    return center


def make_plan(slug: str = "platform", name: str = "Platform engineering") -> Plan:
    plan, _ = Plan.objects.get_or_create(slug=slug, defaults={"name": name})
    return plan


def make_revision(**fields: Any) -> PlanRevision:
    """The current revision of a plan with all three tiers, unless `fields` say otherwise."""
    plan = fields.pop("plan", None) or make_plan()
    number = fields.pop("number", plan.revisions.count() + 1)
    if fields.get("is_current", True):
        plan.revisions.update(is_current=False)
    defaults = {
        "account": fields.pop("account", None) or make_account(),
        "identity_center": fields.pop("identity_center", None) or make_identity_center(),
        "is_current": True,
        "region": "eu-west-1",
        "opus": OPUS,
        "sonnet": SONNET,
        "haiku": HAIKU,
        "default_tier": Tier.SONNET,
    }
    return PlanRevision.objects.create(plan=plan, number=number, **{**defaults, **fields})


def make_team(plan: Plan | None = None, group: str = "claude-platform", name: str = "Platform") -> Team:
    team, _ = Team.objects.get_or_create(group=group, defaults={"name": name, "plan": plan})
    return team


def make_user(email: str = "ana.nunez@acme.example") -> User:
    return User.objects.create(username=f"{email}-{next(_numbers)}", email=email)


def make_person(email: str = "ana.nunez@acme.example", **fields: Any) -> Person:
    """Somebody who signed in; `user=None` for somebody who never did."""
    defaults = {"name": "Ana Núñez", "user": make_user(email) if "user" not in fields else None}
    return Person.objects.create(email=email, **{**defaults, **fields})


def make_finding(check_name: str = "identity", **fields: Any) -> Finding:
    now = timezone.now()
    outcome = fields.get("outcome", Outcome.PASSED)
    defaults: dict[str, Any] = {
        "scope": Scope.PERSON if check_name == "identity" else Scope.ACCOUNT,
        "subject": f"subject-{next(_numbers)}",
        "outcome": Outcome.PASSED,
        "layer": "" if outcome in (Outcome.PASSED, Outcome.WARNING) else Layer.AWS,
        "reason": "role-found",
        "facts": {},
        "checked_at": now,
        "fresh_until": now + dt.timedelta(minutes=15),
    }
    return Finding.objects.create(check_name=check_name, **{**defaults, **fields})


def make_verification(person: Person, revision: PlanRevision, **fields: Any) -> Verification:
    """A verification that ended ready with every model, unless `fields` say otherwise."""
    now = timezone.now()
    defaults: dict[str, Any] = {"trigger": Trigger.SIGN_IN, "state": RunState.DONE}
    if fields.get("state", RunState.DONE) == RunState.DONE:
        verified = list(revision.profiles.values())
        defaults |= {"outcome": Readiness.READY, "verified_profiles": verified}
        defaults |= {"started_at": now, "finished_at": now, "proved_until": now + dt.timedelta(hours=24)}
    return Verification.objects.create(person=person, revision=revision, **{**defaults, **fields})


def make_answer(
    verification: Verification, finding: Finding, position: int = 0, about: str = ""
) -> VerificationFinding:
    return VerificationFinding.objects.create(
        verification=verification,
        finding=finding,
        check_name=finding.check_name,
        position=position,
        about=about,
    )


def make_principal(person: Person, account: Account | None = None, **fields: Any) -> Principal:
    defaults: dict[str, Any] = {
        "account": account or make_account(),
        "role_arn": ROLE_ARN,
        "permission_set": "ClaudeCodeDeveloper",
        "session_name": person.email.lower(),
        "is_chosen": True,
        "seen_at": timezone.now(),
    }
    return Principal.objects.create(person=person, **{**defaults, **fields})


def make_enrolment(person: Person, revision: PlanRevision | None = None, **fields: Any) -> Enrolment:
    """A machine that reported that its settings are in place, for the current revision unless one is named."""
    now = timezone.now()
    assert person.team is not None
    defaults: dict[str, Any] = {
        "machine": "ana-mbp",
        "os": "macOS 26.1",
        "cli_version": "2.1.330",
        "revision": revision or PlanRevision.objects.get(plan=person.team.plan_id, is_current=True),
        "outcome": Outcome.PASSED,
        "finding": make_finding("doctor", reason="works", facts={"machine": "ana-mbp"}),
        "reported_at": now,
        "connected_at": now,
    }
    return Enrolment.objects.create(person=person, **{**defaults, **fields})


def make_ready_person(email: str = "ana.nunez@acme.example", **fields: Any) -> Person:
    """Somebody whose newest verification says ready, with a bundle to take."""
    revision = make_revision()
    person = make_person(email, team=make_team(revision.plan), **fields)
    make_verification(person, revision, principal=make_principal(person, revision.account))
    return person


def make_caller(arn: str = "", person: Person | None = None) -> Caller:
    """The identity of a person in logs, or an unmapped one; a session of its own unless `arn` names one."""
    name = person.email if person else f"session-{next(_numbers)}"
    arn = arn or f"arn:aws:sts::111122223333:assumed-role/{ROLE_ARN.rpartition('/')[2]}/{name}"
    caller, _ = Caller.objects.get_or_create(arn=arn, defaults={"person": person})
    return caller


# Millionths of a US dollar per million tokens: a million tokens cost 3 USD.
RATE = 3_000_000


def make_usage(
    *,
    day: dt.date,
    caller: Caller | None = None,
    person: Person | None = None,
    model_id: str = "anthropic.claude-sonnet-4-6",
    endpoint_kind: str = EndpointKind.GEOGRAPHIC,
    account: Account | None = None,
    region: str = "eu-west-1",
    is_long_prompt: bool = False,
    rate: int | None = RATE,
    **tokens: int,
) -> list[UsageEntry]:
    """A day's entries of one caller on one model: `input=`, `output=`, `cache_read=`, `cache_write_5m=` and
    `cache_write_1h=` are tokens; a million of input if none is given. All at one rate; None is unpriced.
    """
    meter, _ = Meter.objects.get_or_create(
        account=account or make_account(),
        region=region,
        caller=caller or make_caller(person=person),
        model_id=model_id,
        endpoint_kind=endpoint_kind,
        is_long_prompt=is_long_prompt,
    )
    return [
        UsageEntry.objects.create(meter=meter, day=day, token_class=TokenClass[name.upper()], tokens=amount, rate=rate)
        for name, amount in (tokens or {"input": 1_000_000}).items()
    ]
