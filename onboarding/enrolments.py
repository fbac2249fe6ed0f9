"""Machines: the one-time codes with which they fetch a bundle and report, and what their doctors said."""

from __future__ import annotations

import datetime as dt
import secrets
from collections.abc import Collection
from typing import Annotated, Literal, Self

from django.db import transaction
from django.utils import timezone
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, model_validator

from onboarding import statuses
from onboarding.enums import CodePurpose, Layer, Outcome, Platform, Scope
from onboarding.masking import mask
from onboarding.models import AuditEvent, Enrolment, Finding, OneTimeCode, Person, PlanRevision
from onboarding.models.enrolments import CODE_HOLDS, digest_of

# ASVS 5.0, 11.5.1: 128 bits of chance at least.
_CODE_BYTES = 18
# A report is at most a few thousand bytes long.
LONGEST_REPORT = 32_768

# Who said no, for a check of the doctor that failed.
_LAYERS = {
    "claude-code": Layer.CLAUDE_CODE,
    "provider": Layer.CLAUDE_CODE,
    "settings": Layer.CLAUDE_CODE,
    "conflicts": Layer.CLAUDE_CODE,
    "profile": Layer.CREDENTIALS,
    "session": Layer.CREDENTIALS,
    "identity": Layer.CREDENTIALS,
    "discovery": Layer.INFERENCE_PROFILE,
    "model": Layer.AWS,
    "network": Layer.NETWORK,
}
_WORST_FIRST = (Outcome.FAILED, Outcome.UNKNOWN, Outcome.WARNING, Outcome.PASSED)


class BadCode(Exception):
    """The code is unknown, used or expired. Which of them, nobody is told."""


class BadReport(Exception):
    """What came is not a report of our doctor. Nothing of it was kept."""


def _plain(text: str) -> str:
    """One line of a stranger's text, with every secret in it masked."""
    return mask(" ".join("".join(each if each.isprintable() else " " for each in text).split()))


Line = Annotated[str, AfterValidator(_plain)]
# A word of the doctor's catalogue, or a plan's slug: no text of a stranger's.
_WORD = r"^[a-z0-9-]+$"
Word = Annotated[str, Field(pattern=_WORD, max_length=40)]
# `check.reason` is the reason of a finding.
_LONGEST_REASON = 60


class Result(BaseModel):
    """One check of the doctor's, in the words of `onboarding.doctor`."""

    model_config = ConfigDict(extra="forbid")

    check: Word
    outcome: Literal["passed", "warning", "failed", "unknown", "skipped"]
    reason: Word
    detail: Annotated[Line, Field(max_length=200)] = ""

    @model_validator(mode="after")
    def _fits_a_finding(self) -> Self:
        if len(self.full_reason) > _LONGEST_REASON:
            raise ValueError("check and reason are too long together")
        return self

    @property
    def full_reason(self) -> str:
        """As a finding keeps it."""
        return f"{self.check}.{self.reason}"


class Report(BaseModel):
    """What a doctor sends. Everything in it is the word of a machine that nobody controls."""

    model_config = ConfigDict(extra="forbid")

    version: Literal[1]
    plan: Annotated[str, Field(pattern=_WORD, max_length=50)]
    revision: Annotated[int, Field(ge=1, le=1_000_000)]
    machine: Annotated[Line, Field(min_length=1, max_length=64)]
    os: Annotated[Line, Field(max_length=64)] = ""
    cli_version: Annotated[Line, Field(max_length=20)] = ""
    results: Annotated[list[Result], Field(min_length=1, max_length=30)]


@transaction.atomic
def issue_codes(
    *, person: Person, purposes: Collection[CodePurpose], platform: Platform, language: str
) -> dict[CodePurpose, str]:
    """A new code for each purpose, which is nowhere but in the answer; whoever has an unused one of that kind loses
    it."""
    codes = {purpose: _new_code(person, purpose, platform, language) for purpose in purposes}
    named = [str(purpose) for purpose in purposes]
    AuditEvent.objects.record(actor=person.email, action="code.issued", target=person.email, purposes=named)
    return codes


def _new_code(person: Person, purpose: CodePurpose, platform: Platform, language: str) -> str:
    now = timezone.now()
    OneTimeCode.objects.filter(person=person, purpose=purpose, used_at=None, expires_at__gt=now).update(expires_at=now)
    code = secrets.token_urlsafe(_CODE_BYTES)
    OneTimeCode.objects.create(
        digest=digest_of(code),
        person=person,
        purpose=purpose,
        platform=platform,
        language=language,
        expires_at=now + CODE_HOLDS,
    )
    return code


def redeem(code: str, purpose: CodePurpose) -> OneTimeCode:
    """Use a code up. Call it in the transaction of what it is used for, so that a failure leaves it good.

    Raises BadCode.
    """
    row = OneTimeCode.objects.redeem(code, purpose, timezone.now())
    if row is None or not row.person.is_active:
        raise BadCode
    return row


@transaction.atomic
def record_report(*, code: str, content: bytes) -> Enrolment:
    """Keep what a person's doctor found on their machine. Raises BadCode and BadReport, and then keeps nothing."""
    person = redeem(code, CodePurpose.REPORT).person
    report = _read(content)
    revision = PlanRevision.objects.with_sources().filter(plan__slug=report.plan, number=report.revision).first()
    if revision is None:
        raise BadReport("no such plan revision")
    enrolment = _keep(person, revision, report, timezone.now())
    AuditEvent.objects.record(
        actor=person.email, action="machine.reported", target=report.machine, outcome=enrolment.outcome
    )
    statuses.refresh([person.pk])
    return enrolment


def _read(content: bytes) -> Report:
    try:
        return Report.model_validate_json(content)
    except ValidationError as error:
        raise BadReport(f"{error.error_count()} values do not fit") from error


def _keep(person: Person, revision: PlanRevision, report: Report, now: dt.datetime) -> Enrolment:
    """The first times stay: connected and answered are told by the moment they were first seen."""
    outcomes = {result.check: result.outcome for result in report.results}
    is_connected = all(outcomes.get(check) in ("passed", "warning") for check in ("provider", "settings"))
    before = Enrolment.objects.select_for_update().filter(person=person, machine=report.machine).first()
    enrolment = before or Enrolment(person=person, machine=report.machine)
    enrolment.os, enrolment.cli_version, enrolment.revision = report.os, report.cli_version, revision
    enrolment.results = [result.model_dump() for result in report.results]
    enrolment.outcome, enrolment.reported_at = _outcome(outcomes.values()), now
    enrolment.finding = _finding(enrolment, report, now)
    if is_connected:
        enrolment.connected_at = enrolment.connected_at or now
        if outcomes.get("model") == "passed":
            enrolment.answered_at = enrolment.answered_at or now
    enrolment.save()
    return enrolment


def _outcome(outcomes: Collection[str]) -> Outcome:
    """The worst there is; a check that was not asked says nothing."""
    return next((outcome for outcome in _WORST_FIRST if outcome.value in outcomes), Outcome.UNKNOWN)


def _finding(enrolment: Enrolment, report: Report, now: dt.datetime) -> Finding:
    """The machine's answer as a finding of the person's: its worst result, in the words of the doctor's catalogue."""
    outcome, results = Outcome(enrolment.outcome), report.results
    worst = next((result for result in results if result.outcome == outcome), results[0])
    is_no = outcome in (Outcome.FAILED, Outcome.UNKNOWN)
    facts = {"machine": report.machine, "detail": worst.detail, "other": _other(worst.check, enrolment.revision)}
    return Finding.objects.create(
        check_name="doctor",
        scope=Scope.PERSON,
        subject=f"person {enrolment.person_id}|{report.machine}",
        outcome=outcome,
        layer=_LAYERS.get(worst.check, Layer.CLAUDE_CODE) if is_no else "",
        reason="works" if outcome == Outcome.PASSED else worst.full_reason,
        facts=facts,
        checked_at=now,
        fresh_until=now,
    )


def _other(check: str, revision: PlanRevision) -> str:
    """What the doctor's sentences compare with, which the plan says: reports carry only what was seen."""
    profile = revision.plan.aws_profile
    return {
        "claude-code": revision.minimum_version,
        "settings": "settings.json",
        "profile": revision.region,
        "session": f"aws sso login --profile {profile}",
        "identity": revision.permission_set or revision.account.account_id,
        "discovery": revision.region,
        "model": revision.default_profile,
    }.get(check, "")
