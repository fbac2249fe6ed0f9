"""`manage.py verify EMAIL`: what the setup page's "Verify again" does, waiting for the answer."""

from __future__ import annotations

import json
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import translation

from onboarding.access import access_of
from onboarding.checks.registry import explain
from onboarding.checks.run import open_verification, run
from onboarding.enums import Trigger
from onboarding.management.people import access_for_email
from onboarding.models import Verification, VerificationFinding


class Command(BaseCommand):
    help = "Verify a person's access now and print every finding."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("email")
        parser.add_argument("--json", action="store_true", help="print one JSON object")

    def handle(self, *args: Any, email: str, json: bool, **options: Any) -> None:
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
        with translation.override("en"):
            report = _report(verification)
        self.stdout.write(_as_json(report) if json else _as_text(report))


def _report(verification: Verification) -> dict[str, Any]:
    answers = verification.answers.select_related("finding")
    return {
        "person": verification.person.email,
        "plan": verification.revision.plan.name,
        "revision": verification.revision.number,
        "outcome": verification.outcome,
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
