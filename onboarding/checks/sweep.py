"""Sweeps: verify everybody, or everybody a change concerns, with as few questions as there are different subjects.

The row is the job, as for one verification: claimed with a lease and a fence, it may be killed anywhere and run twice.
The next worker passes over whom this sweep has verified and finds the shared answers fresh.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import structlog
from django.db import transaction
from django.db.models import F
from django.utils import timezone

from onboarding import statuses
from onboarding.aws import AwsError
from onboarding.aws.identity import Instance
from onboarding.aws.pace import paced
from onboarding.checks.asking import Holds, ask, new_finding, settle, while_fresh
from onboarding.checks.base import Case, Check, Memory, Reading
from onboarding.checks.directory import read_directory
from onboarding.checks.identity import IdentityCheck, principal_fields
from onboarding.checks.permission_sets import PermissionSetsCheck
from onboarding.checks.registry import ACCOUNT_CHECKS, BY_NAME, Question, questions
from onboarding.checks.turns import readiness_of, tell_of_new_blockers, turn
from onboarding.checks.verdict import verdict
from onboarding.enums import IdentitySource, Outcome, RunState, Trigger
from onboarding.models import (
    AuditEvent,
    DirectoryEntry,
    Finding,
    IdentityCenter,
    Notification,
    Person,
    PlanRevision,
    Principal,
    Subject,
    Sweep,
    Verification,
    VerificationFinding,
)
from onboarding.models.jobs import LostLease

log = structlog.get_logger(__name__)

# Renewed before every question, with every page read and every batch written; longer than one question may take. A
# worker that is killed is replaced this long after.
LEASE = dt.timedelta(seconds=70)
_BATCH = 500
_IDENTITY = BY_NAME[IdentityCheck.name]


def open_sweep(*, trigger: Trigger, actor: str) -> Sweep:
    """The waiting sweep over everybody, or a new one."""
    sweep = Sweep.objects.open(trigger=trigger, plan=None, account=None, covers_people=True)
    AuditEvent.objects.record(actor=actor, action="sweep.opened", target="everybody", trigger=str(trigger))
    return sweep


def run(sweep_id: int) -> None:
    """Verify everybody a sweep is about.

    Does nothing when it is done or somebody else holds it. Never raises for anything AWS does.
    """
    fence = Sweep.objects.claim(sweep_id, lease=LEASE)
    if fence is None:
        return
    sweep = Sweep.objects.select_related("plan", "account").get(pk=sweep_id)
    try:
        with paced():
            _Run(sweep, fence).perform()
    except LostLease:
        log.warning("sweep.lost_lease", sweep_id=sweep_id, fence=fence)


@dataclass
class _Run:
    """One worker's run of a sweep: what it has read and been told so far."""

    sweep: Sweep
    fence: int
    memory: Memory = field(default_factory=Memory)
    # What has been answered, by check and subject. Bounded by roles and accounts: what is about one person alone is
    # not kept.
    answered: dict[tuple[str, str], Finding] = field(default_factory=dict)
    unread: dict[int, AwsError] = field(default_factory=dict)

    def perform(self) -> None:
        revisions = _revisions(self.sweep)
        if self.sweep.covers_people:
            self._read_directories(list(revisions.values()))
            for people in self._batches(revisions):
                self._verify(people, revisions)
        else:
            for revision in revisions.values():
                self._ask_account(revision)
        with transaction.atomic():
            self._hold(state=RunState.DONE, finished_at=timezone.now(), lease_until=None)
            tell_of_new_blockers(self.sweep)

    def _hold(self, **changes: object) -> None:
        """Write to the sweep if this worker still holds it; raises LostLease otherwise."""
        Sweep.objects.hold(self.sweep.pk, self.fence, lease=LEASE, **changes)

    # --- What is asked once

    def _ask_account(self, revision: PlanRevision) -> None:
        """Everything an account's page shows, asked anew: somebody wants to see what changed."""
        case = Case(whose=None, revision=revision, memory=self.memory)
        self._ask(questions(revision, ACCOUNT_CHECKS), case, self._newer_than_the_asking)

    def _newer_than_the_asking(self, finding: Finding, check: Check) -> bool:
        return finding.checked_at >= self.sweep.queued_at

    def _ask(self, asked: Sequence[Question], case: Case, holds: Holds) -> None:
        """Answer questions in order, each subject once in this sweep."""
        for check, about in asked:
            if (check.name, about) not in case.findings and check.can_ask(about, case):
                case.findings[check.name, about] = self._finding(check, about, case, holds)

    def _finding(self, check: Check, about: str, case: Case, holds: Holds) -> Finding:
        key = check.name, check.subject(about, case)
        known = self.answered.get(key)
        if known is None:
            self._hold()
            known = settle(check, about, case, holds=holds, still_wanted=self._hold)
            if "|person " not in key[1]:
                self.answered[key] = known
        return known

    # --- The directory

    def _read_directories(self, revisions: Sequence[PlanRevision]) -> None:
        """Each directory once, with the groups that the assignments in all of its accounts name."""
        groups: dict[IdentityCenter, set[str]] = {}
        instances: dict[IdentityCenter, Instance] = {}
        for revision in revisions:
            if revision.identity_source != IdentitySource.IDENTITY_CENTER:
                continue
            case = Case(whose=None, revision=revision, memory=self.memory)
            self._ask([Question(BY_NAME[PermissionSetsCheck.name], "")], case, while_fresh)
            if case.is_usable(PermissionSetsCheck.name):
                facts, center = case.facts(PermissionSetsCheck.name), revision.center
                groups.setdefault(center, set()).update(facts["groups"])
                access = case.directory_access
                instances[center] = Instance(facts["instance"], facts["identity_store"], facts["region"], access)
        for center, instance in instances.items():
            self._read_directory(center, instance, groups[center])

    def _read_directory(self, center: IdentityCenter, instance: Instance, groups: set[str]) -> None:
        try:
            read_directory(center, instance, groups, self.sweep, after_page=self._hold)
        except AwsError as error:
            log.warning("sweep.directory_not_read", operation=error.operation, detail=error.detail)
            self.unread[center.pk] = error

    # --- People

    def _batches(self, revisions: Mapping[int, PlanRevision]) -> Iterator[list[Person]]:
        """Whom the sweep is about and has not verified, some hundreds at a time; a live verification goes first."""
        people = Person.objects.filter(is_active=True, team__plan__in=list(revisions)).select_related("team")
        people = people.exclude(verifications__sweep=self.sweep).order_by("pk")
        last = 0
        while batch := list(people.filter(pk__gt=last)[:_BATCH]):
            last = batch[-1].pk
            live = Verification.objects.live().filter(person__in=batch).values_list("person", flat=True)
            yield [person for person in batch if person.pk not in set(live)]

    def _verify(self, people: Sequence[Person], revisions: Mapping[int, PlanRevision]) -> None:
        cases = self._cases(people, revisions)
        for case in cases:
            before = [asked for asked in questions(case.revision) if asked.check.name in _IDENTITY.needs]
            self._ask(before, case, while_fresh)
        self._identify(cases)
        for case in cases:
            self._ask(questions(case.revision), case, while_fresh)
        self.memory.forget_errors()
        self._record(cases)

    def _cases(self, people: Sequence[Person], revisions: Mapping[int, PlanRevision]) -> list[Case]:
        entries = {
            (entry.person_id, entry.identity_center_id): entry
            for entry in DirectoryEntry.objects.filter(person__in=people, sweep=self.sweep)
        }
        cases = []
        for person in people:
            revision = revisions[person.team.plan_id]  # type: ignore[union-attr,index]  # the query asks for a plan
            center = revision.identity_center_id
            reading = Reading(entries.get((person.pk, center or 0)), self.unread.get(center or 0))
            cases.append(Case(whose=person, revision=revision, memory=self.memory, reading=reading))
        return cases

    def _identify(self, cases: Sequence[Case]) -> None:
        """The identity of each person. Asks AWS nothing one by one, so it needs no single flight, and is written in
        bulk."""
        check = _IDENTITY
        asked = [case for case in cases if check.can_ask("", case)]
        keys = {check.subject("", case): case for case in asked}
        known = {
            subject.key: subject
            for subject in Subject.objects.select_related("latest__last_known", "last_known").filter(
                check_name=check.name, key__in=list(keys)
            )
        }
        made: dict[str, Finding] = {}
        for key, case in keys.items():
            subject = known.get(key)
            latest = subject.latest if subject else None
            if latest is None or not while_fresh(latest, check):
                last_known = subject.last_known if subject else None
                latest = made[key] = new_finding(check, key, ask(check, "", case), last_known=last_known)
            case.findings[check.name, ""] = latest
        _keep_findings(check, made)

    def _record(self, cases: Sequence[Case]) -> None:
        """Each case as an ended verification, and what it turns for the person, all in one transaction."""
        now = timezone.now()
        with transaction.atomic():
            self._hold(people=F("people") + len(cases))
            principals = _principals(cases, now)
            before = readiness_of(case.person for case in cases)
            rows = [(case, _verification(case, self.sweep, principals, now)) for case in cases]
            Verification.objects.bulk_create([verification for _, verification in rows])
            VerificationFinding.objects.bulk_create(
                [link for case, verification in rows for link in _links(case, verification)], batch_size=2000
            )
            turns = (turn(case, verification.outcome, before) for case, verification in rows)
            Notification.objects.record(told for told in turns if told is not None)
            statuses.refresh(case.person.pk for case in cases)


def _revisions(sweep: Sweep) -> dict[int, PlanRevision]:
    """The current revisions a sweep is about, by plan."""
    current = PlanRevision.objects.with_sources().filter(is_current=True)
    if sweep.plan is not None:
        current = current.filter(plan=sweep.plan)
    if sweep.account is not None:
        current = current.filter(account=sweep.account)
    return {revision.plan_id: revision for revision in current}


def _keep_findings(check: Check, made: Mapping[str, Finding]) -> None:
    """Write new findings, and make each the newest of its subject."""
    with transaction.atomic():
        Finding.objects.bulk_create(made.values())
        Subject.objects.bulk_create(
            [
                Subject(
                    check_name=check.name,
                    key=key,
                    latest=finding,
                    last_known=finding if finding.outcome != Outcome.UNKNOWN else finding.last_known,
                )
                for key, finding in made.items()
            ],
            update_conflicts=True,
            unique_fields=["check_name", "key"],
            update_fields=["latest", "last_known"],
        )


def _principals(cases: Sequence[Case], now: dt.datetime) -> dict[tuple[int, str], Principal]:
    """The principal of each case, as the identity check keeps it; written one by one only where it changed."""
    known = _chosen(cases)
    unchanged, new = [], []
    for case in cases:
        finding = case.finding(_IDENTITY.name)
        if finding is None or finding.outcome == Outcome.UNKNOWN:
            continue
        mine = known.get((case.person.pk, case.revision.account_id), [])
        arn = finding.facts.get("role_arn")
        if finding.outcome != Outcome.FAILED and not mine:
            fields = principal_fields(finding.facts, case)
            new.append(Principal(person=case.person, role_arn=arn, **fields))
        elif [row.role_arn for row in mine if row.is_chosen] == ([arn] if finding.outcome != Outcome.FAILED else []):
            unchanged += [row.pk for row in mine if row.is_chosen]
        else:
            _IDENTITY.keep(finding, case)
    Principal.objects.bulk_create(new, ignore_conflicts=True)
    Principal.objects.filter(pk__in=unchanged).update(seen_at=now)
    return {(row.person_id, row.role_arn): row for rows in _chosen(cases).values() for row in rows}


def _chosen(cases: Sequence[Case]) -> dict[tuple[int, int], list[Principal]]:
    found: dict[tuple[int, int], list[Principal]] = {}
    for row in Principal.objects.filter(person__in=[case.person for case in cases]):
        found.setdefault((row.person_id, row.account_id), []).append(row)
    return found


def _verification(
    case: Case, sweep: Sweep, principals: Mapping[tuple[int, str], Principal], now: dt.datetime
) -> Verification:
    found, identity = verdict(case), case.standing(IdentityCheck.name)
    role_arn = identity.facts.get("role_arn", "") if identity else ""
    return Verification(
        person=case.person,
        revision=case.revision,
        trigger=sweep.trigger,
        sweep=sweep,
        state=RunState.DONE,
        outcome=found.readiness,
        verified_profiles=list(found.verified_profiles),
        principal=principals.get((case.person.pk, role_arn)),
        proved_until=found.proved_until,
        recheck_at=found.recheck_at,
        started_at=now,
        finished_at=now,
    )


def _links(case: Case, verification: Verification) -> Iterator[VerificationFinding]:
    for position, (check, about) in enumerate(questions(case.revision)):
        finding = case.finding(check.name, about)
        if finding is not None:
            yield VerificationFinding(
                verification=verification, finding=finding, check_name=check.name, about=about, position=position
            )
