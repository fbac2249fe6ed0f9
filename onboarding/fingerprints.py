"""What a person's own page is made of, as values: as long as they are the same, so is the page."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from django.db import connection

from onboarding.models import Person

Fingerprint = frozenset[tuple[str | None, ...]]

# By kind: the columns, and the rows. Findings, their places in a verification and a plan's revisions never change once
# they are written, so that there is one more, or that another one counts, says everything.
_PARTS: Mapping[str, tuple[Sequence[str], str]] = {
    "plan": (
        ("plan.name", "plan.slug", "revision.id", "account.account_id", "account.name", "center.start_url"),
        """onboarding_team AS team
           JOIN onboarding_plan AS plan ON plan.id = team.plan_id
           LEFT JOIN onboarding_planrevision AS revision ON revision.plan_id = plan.id AND revision.is_current
           LEFT JOIN onboarding_account AS account ON account.id = revision.account_id
           LEFT JOIN onboarding_identitycenter AS center ON center.id = revision.identity_center_id
           WHERE team.id = %(team)s""",
    ),
    "verification": (
        (
            *("run.id", "run.state", "run.outcome", 'run."trigger"', "run.revision_id", "run.verified_profiles"),
            *("run.queued_at", "run.started_at", "run.finished_at", "run.proved_until"),
            *("principal.id", "principal.permission_set"),
            "(SELECT count(*) FROM onboarding_verificationfinding AS answer WHERE answer.verification_id = run.id)",
        ),
        """(SELECT * FROM onboarding_verification WHERE person_id = %(person)s ORDER BY queued_at DESC LIMIT 2) AS run
           LEFT JOIN onboarding_principal AS principal ON principal.id = run.principal_id""",
    ),
    "request": (
        (
            *("id", "check_name", "reason", "finding_id", "state", "created_at"),
            *("answer", "answered_at", "answered_by", "closed_at", "closed_by"),
        ),
        "onboarding_adminrequest WHERE person_id = %(person)s",
    ),
    "machine": (
        (
            *("machine.id", "machine.machine", "machine.os", "machine.cli_version", "machine.outcome"),
            *("machine.reported_at", "machine.connected_at", "machine.answered_at", "machine.finding_id"),
            *("revision.id", "plan.name"),
        ),
        """onboarding_enrolment AS machine
           JOIN onboarding_planrevision AS revision ON revision.id = machine.revision_id
           JOIN onboarding_plan AS plan ON plan.id = revision.plan_id
           WHERE machine.person_id = %(person)s""",
    ),
    "bundle": (
        ("id", "revision_id"),
        "(SELECT * FROM onboarding_bundle WHERE person_id = %(person)s ORDER BY created_at DESC LIMIT 1) AS bundle",
    ),
}
_WIDEST = max(len(columns) for columns, _ in _PARTS.values())


def _select(kind: str, columns: Sequence[str], rows: str) -> str:
    padded = [*columns, *["NULL"] * (_WIDEST - len(columns))]
    return f"SELECT '{kind}', {', '.join(f'CAST({column} AS text)' for column in padded)} FROM {rows}"  # noqa: S608 -- our own words  # nosec B608


def _statement(kinds: Collection[str]) -> str:
    return " UNION ALL ".join(_select(kind, *part) for kind, part in _PARTS.items() if kind in kinds)


# Each as one statement that is written once: a page that did not change is then answered without making any other.
_WHOLE = _statement(_PARTS)
# What the part is made of that is polled while a verification runs.
POLLED = frozenset({"plan", "verification", "request"})
_POLLED = _statement(POLLED)


def fingerprint_of(person: Person, *, polled: bool = False) -> Fingerprint:
    """Of the page or of its polled part, beside the rows of person and team, which the caller has. One query."""
    with connection.cursor() as cursor:
        cursor.execute(_POLLED if polled else _WHOLE, {"person": person.pk, "team": person.team_id})
        return frozenset(cursor.fetchall())
