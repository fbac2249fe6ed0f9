"""`manage.py verify EMAIL` does what the setup page's "Verify again" does, waiting for the answer.

`manage.py verify --all` does what happens every night.
"""

from __future__ import annotations

import json
from argparse import ArgumentParser
from collections.abc import Iterator
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import translation

from onboarding.access import access_of
from onboarding.checks import sweep
from onboarding.checks.registry import CHECKS, explain
from onboarding.checks.run import open_verification, run
from onboarding.enums import Outcome, Trigger
from onboarding.management.people import access_for_email
from onboarding.models import Sweep, Verification, VerificationFinding

_WORST_FIRST = (Outcome.FAILED, Outcome.UNKNOWN, Outcome.WARNING, Outcome.PASSED)


class Command(BaseCommand):
    help = "Verify a person's access now and print every finding; or everybody's, a line a person."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("email", nargs="?")
        parser.add_argument("--all", action="store_true", dest="everybody", help="everybody with a plan, in one sweep")
        parser.add_argument("--json", action="store_true", help="print JSON: one object, or a list with --all")

    def handle(self, *args: Any, email: str | None, everybody: bool, json: bool, **options: Any) -> None:
        if everybody == bool(email):
            raise CommandError("Name one person, or --all.")
        with translation.override("en"):
            if everybody:
                self._everybody(as_json=json)
            else:
                self._one(str(email), as_json=json)

    def _one(self, email: str, *, as_json: bool) -> None:
        access = access_for_email(email)
        if access.revision is None:
            raise CommandError(
                f"{access.person.email} is in no team with a published plan, so nothing can be verified."
            )
        verification = open_verification(
            person=access.person, revision=access.revision, trigger=Trigger.COMMAND, actor="manage.py verify"
        )
        run(verification.pk)
        verification = access_of(access.person).verification or verification
        if verification.is_live:
            raise CommandError("A worker is verifying this person right now. Try again in a moment.")
        report = _report(verification)
        self.stdout.write(_as_json(report) if as_json else _as_text(report))

    def _everybody(self, *, as_json: bool) -> None:
        row = sweep.open_sweep(trigger=Trigger.COMMAND, actor="manage.py verify --all")
        sweep.run(row.pk)
        row.refresh_from_db()
        if row.is_live:
            raise CommandError("A worker is running this sweep right now. Try again when it is done.")
        lines = (
            json.dumps(_summary(each), ensure_ascii=False) if as_json else _line(_summary(each)) for each in _of(row)
        )
        self.stdout.write(f"[{_joined(lines)}\n]" if as_json else "\n".join(lines))


def _joined(lines: Iterator[str]) -> str:
    return ",".join(f"\n{line}" for line in lines)


def _of(row: Sweep) -> Iterator[Verification]:
    verifications = row.verifications.select_related("person", "revision__plan").order_by("person__email")
    return verifications.prefetch_related("answers__finding").iterator(chunk_size=500)


def _summary(verification: Verification) -> dict[str, Any]:
    """A person in one line: each check's worst answer, and the layers that say no."""
    findings = [answer.finding for answer in verification.answers.all()]
    outcomes: dict[str, list[str]] = {}
    for finding in findings:
        outcomes.setdefault(finding.check_name, []).append(finding.outcome)
    return {
        "person": verification.person.email,
        "plan": verification.revision.plan.name,
        "outcome": verification.outcome,
        "layers": sorted({finding.layer for finding in findings if finding.outcome == Outcome.FAILED}),
        "models": f"{len(verification.verified_profiles)}/{len(set(verification.revision.profiles.values()))}",
        "gates": {
            check.name: min(outcomes[check.name], key=lambda outcome: _WORST_FIRST.index(Outcome(outcome)))
            for check in CHECKS
            if check.name in outcomes
        },
    }


def _line(summary: dict[str, Any]) -> str:
    not_passed = ", ".join(f"{name} {outcome}" for name, outcome in summary["gates"].items() if outcome != "passed")
    return f"{summary['outcome']:<8} {summary['person']:<32} {summary['plan']:<28} {not_passed}".rstrip()


def _report(verification: Verification) -> dict[str, Any]:
    answers = verification.answers.select_related("finding")
    return {
        "person": verification.person.email,
        "plan": verification.revision.plan.name,
        "revision": verification.revision.number,
        "outcome": verification.outcome,
        "trigger": verification.trigger,
        "verified_profiles": verification.verified_profiles,
        "findings": [_finding(answer) for answer in answers],
    }


def _finding(answer: VerificationFinding) -> dict[str, Any]:
    finding, explanation = answer.finding, explain(answer.finding)
    return {
        "check": finding.check_name,
        "scope": finding.scope,
        "subject": finding.subject,
        "about": answer.about,
        "outcome": finding.outcome,
        "layer": finding.layer,
        "reason": finding.reason,
        "summary": explanation.summary,
        "remedy": explanation.remedy,
        "admin_remedy": explanation.admin_remedy,
        "who": explanation.actor,
        "checked_at": finding.checked_at.isoformat(),
    }


def _as_json(report: dict[str, Any]) -> str:
    return json.dumps(report, indent=2, ensure_ascii=False)


def _as_text(report: dict[str, Any]) -> str:
    lines = [f"{report['person']}: {report['outcome']} ({report['plan']}, revision {report['revision']})"]
    for finding in report["findings"]:
        lines.append(f"  {finding['outcome']:<8} {finding['check']:<18} {finding['summary']}")
        if finding["outcome"] != "passed" and finding["remedy"]:
            lines.append(f"  {'':<8} {finding['layer'] or '':<18} {finding['remedy']}")
    return "\n".join(lines)
