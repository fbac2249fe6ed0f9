"""`python -m benchmarks.people_page DATABASE_URL`: the people page of a large company, in one line of JSON.

A hundred thousand people of two hundred teams on forty plans: one in ten is blocked, by one of twelve causes; a
quarter has an older bundle, two thirds a machine that reported.
"""

from __future__ import annotations

import json
import statistics
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from benchmarks.portal import portal

FEW, PEOPLE, TEAMS, PLANS = 10, 100_000, 200, 40
_ROUNDS = 5
# Four hundred given names of two, and eight thousand family names of three: one person in ten has a name in mar-.
_SYLLABLES = [
    *("an", "bel", "car", "dan", "el", "fer", "gon", "hel", "is", "jo"),
    *("kar", "lu", "mar", "nor", "ol", "pa", "ra", "sol", "ter", "vi"),
]
# Every filter, every order, and what is found seldom, often and not at all; each also far behind the first page.
FILTERS = (
    "",
    *(f"status={each}" for each in ("ready", "blocked", "unknown", "never-signed-in", "outdated", "no-plan")),
    "status=deactivated",
    *(
        "connected=yes",
        "connected=no",
        "activity=inactive",
        "activity=active",
        "revision=1",
        "revision=7",
        "team=none",
    ),
    *("layer=assignment", "layer=network", "cause=identity.no-assignment", "status=blocked&connected=yes"),
    *("q=mar", "q=marbel", "q=mar+vi", "q=p99123", "q=nobody", "q=p51&status=blocked", "q=an&activity=inactive"),
    *("q=p12&connected=no&revision=2", "team={team}", "team={team}&status=blocked", "plan={plan}", "plan={plan}&q=an"),
)
ORDERS = ("name", "-name", "team", "-team", "status", "-revision", "-verified", "verified", "-used", "used")


# What the product writes person by person, in the shape in which it does.
_PEOPLE = """
    INSERT INTO onboarding_person (email, name, team_id, role, is_active, language, created_at, seen_at)
    SELECT 'p' || n || '@acme.example',
           initcap(part[1 + n %% 20] || part[1 + n / 20 %% 20]) || ' '
               || initcap(part[1 + n * 7 %% 20] || part[1 + n / 31 %% 20] || part[1 + n / 57 %% 20]),
           CASE WHEN n %% 50 <> 1 THEN (%(teams)s::bigint[])[1 + n * 7919::bigint %% %(count)s] END,
           'person', n %% 40 <> 3, '', now(), CASE WHEN n %% 9 <> 2 THEN now() - interval '1 day' * (n %% 60) END
    FROM generate_series(1, %(people)s) AS n, (SELECT %(syllables)s::text[] AS part) AS names
"""
_STATUSES = """
    INSERT INTO onboarding_personstatus
        (person_id, sort_name, team_name, plan_id, revision_id, is_active, has_signed_in, readiness,
         layer, check_name, reason, finding_id, obstacles,
         verified_at, installed, installed_number, is_connected, last_used_on, is_inactive)
    SELECT person.id, lower(person.name), coalesce(team.name, ''), team.plan_id, revision.id, person.is_active,
           person.seen_at IS NOT NULL, readiness,
           coalesce(finding.layer, ''), coalesce(finding.check_name, ''), coalesce(finding.reason, ''), finding.id,
           CASE WHEN finding.id IS NULL THEN 0 ELSE 1 + n %% 2 END,
           now() - interval '1 minute' * (n %% 1200), (ARRAY['none', 'current', 'older', 'current'])[1 + n %% 4],
           CASE n %% 4 WHEN 0 THEN 0 WHEN 2 THEN 1 + n %% 6 ELSE 7 END, n %% 3 <> 0,
           current_date - n %% 60, n %% 60 > 30
    FROM onboarding_person AS person
    LEFT JOIN onboarding_team AS team ON team.id = person.team_id
    LEFT JOIN onboarding_planrevision AS revision ON revision.plan_id = team.plan_id AND revision.is_current
    CROSS JOIN LATERAL (SELECT substring(person.email FROM 2 FOR position('@' IN person.email) - 2)::int AS n) AS _
    CROSS JOIN LATERAL (SELECT CASE WHEN team.id IS NULL THEN '' WHEN n %% 10 = 5 THEN 'blocked'
                                    WHEN n %% 30 = 7 THEN 'unknown' ELSE 'ready' END AS readiness) AS __
    LEFT JOIN onboarding_finding AS finding
        ON readiness = 'blocked' AND finding.id = (%(findings)s::bigint[])[1 + n / 10 %% %(causes)s]
"""
_WORDS = """
    INSERT INTO onboarding_personword (person_id, word)
    SELECT DISTINCT id, unnest(string_to_array(lower(name), ' ') || split_part(email, '@', 1) || email
                               || ('machine-' || id)::text || 'machine'::text)
    FROM onboarding_person
"""
_MACHINES = """
    INSERT INTO onboarding_enrolment
        (person_id, machine, os, cli_version, revision_id, results, outcome,
         first_reported_at, reported_at, connected_at)
    SELECT person_id, 'machine-' || person_id, 'Linux', '2.1.330', revision_id, '[]', 'passed', now(), now(), now()
    FROM onboarding_personstatus WHERE is_connected AND revision_id IS NOT NULL
"""


def _make_company(people: int) -> None:
    from django.db import connection

    from onboarding import statuses
    from onboarding.enums import Outcome
    from onboarding.models import Plan, Team, TeamTally
    from tests.factories import make_finding, make_revision

    plans = Plan.objects.bulk_create(Plan(name=f"Plan {n:02}", slug=f"plan-{n}") for n in range(PLANS))
    for plan in plans:
        make_revision(plan=plan, number=7)
    teams = Team.objects.bulk_create(
        Team(name=f"Team {n:03}", group=f"team-{n}", plan=plans[n % PLANS]) for n in range(TEAMS)
    )
    findings = [
        make_finding("identity", outcome=Outcome.FAILED, reason=reason, layer=layer)
        for layer in ("assignment", "directory", "identity-policy", "service-control-policy")
        for reason in ("no-assignment", "not-in-directory", "disabled")
    ]
    told: dict[str, Any] = {
        "syllables": _SYLLABLES,
        "teams": [team.pk for team in teams],
        "count": TEAMS,
        "people": people,
        "findings": [finding.pk for finding in findings],
        "causes": len(findings),
    }
    with connection.cursor() as cursor:
        for statement in (_PEOPLE, _STATUSES, _WORDS, _MACHINES):
            cursor.execute(statement, told)
        cursor.execute("VACUUM ANALYZE")
    statuses.count_again(["", *(team.name for team in teams)])
    if TeamTally.objects.filter(people__gt=0).count() == 0:
        raise RuntimeError("nobody was counted")


def _forget() -> None:
    from django.db import connection

    tables = ("person", "team", "plan", "finding", "teamtally")
    with connection.cursor() as cursor:
        cursor.execute(f"TRUNCATE {', '.join(f'onboarding_{name}' for name in tables)} CASCADE")


def _measure() -> dict[str, Any]:
    from django.db import connection
    from django.test import Client, override_settings
    from django.test.utils import CaptureQueriesContext

    from onboarding.enums import Role
    from onboarding.models import Plan, Team
    from tests.factories import make_person

    client = Client()

    def sign_in() -> None:
        user = make_person("carla.soto@acme.example", role=Role.ADMIN).user
        assert user is not None
        client.force_login(user)

    def page(path: str) -> str:
        response = client.get(path)
        if response.status_code != 200:
            raise RuntimeError(f"{path} answered {response.status_code}")
        return response.content.decode()

    def queries(path: str) -> int:
        page(path)
        with CaptureQueriesContext(connection) as captured:
            page(path)
        return len(captured)

    _make_company(FEW)
    sign_in()
    told: dict[str, Any] = {"queries_few": queries("/people/"), "queries_few_found": queries("/people/?q=p1")}
    _forget()
    started = time.perf_counter()
    _make_company(PEOPLE)
    told["seconds_to_make"] = time.perf_counter() - started
    sign_in()
    told |= {"queries_many": queries("/people/"), "queries_many_found": queries("/people/?q=p1")}
    told |= _file(client)
    team, plan = Team.objects.order_by("name")[7].pk, Plan.objects.order_by("name")[7].pk
    filters = [each.format(team=team, plan=plan) for each in FILTERS]
    told |= _slowest(page, filters)
    with override_settings(ROOT_URLCONF="benchmarks.minimal"):
        rounds = [(_cpu(lambda: page("/people/")), _cpu(lambda: page("/minimal/"))) for _ in range(_ROUNDS)]
    page_ms, minimal_ms = (statistics.median(column) for column in zip(*rounds, strict=True))
    return told | {"page_ms": page_ms, "minimal_ms": minimal_ms, "ratio": page_ms / minimal_ms}


def _slowest(page: Callable[[str], str], filters: list[str]) -> dict[str, Any]:
    """Milliseconds that the database took for the slowest page, all of its queries together, and which page that was.

    Of five times the best: what else the machine does at that moment is not the page's.
    """
    slowest, which, count = 0.0, "", 0
    for path in _paths(page, filters):
        page(path)
        taken = [_database_ms(page, path) for _ in range(5)]
        count += 1
        if min(taken) > slowest:
            slowest, which = min(taken), path
    return {"db_ms_worst": slowest, "slowest": which, "pages": count}


def _database_ms(page: Callable[[str], str], path: str) -> float:
    with _timed() as spent:
        page(path)
    return sum(spent) * 1000


def _paths(page: Callable[[str], str], filters: list[str]) -> Iterator[str]:
    """Each filter by name, each order of everybody, and of all of them a page far behind and the last."""
    from onboarding.models import PersonStatus

    far = PersonStatus.objects.order_by("sort_name").values_list("pk", flat=True)[50_000]
    for query in [*filters, *(f"sort={order}" for order in ORDERS), "status=ready&sort=-used", "q=mar&sort=-verified"]:
        for place in ("", f"after={far}", f"before={far}"):
            yield f"/people/?{query}&{place}"


@contextmanager
def _timed() -> Iterator[list[float]]:
    """The seconds of each query, rows fetched."""
    from django.db import connection

    spent: list[float] = []

    def measured(execute: Callable[..., Any], *arguments: Any) -> Any:
        began = time.perf_counter()
        try:
            return execute(*arguments)
        finally:
            spent.append(time.perf_counter() - began)

    with connection.execute_wrapper(measured):
        yield spent


def _file(client: Any) -> dict[str, Any]:
    """By how much the most memory that this process ever had grew while the file of everybody was sent."""
    before, rows = _most_memory(), 0
    for chunk in client.get("/people/export.csv"):
        rows += chunk.count(b"\n")
    return {"csv_rss_mb": _most_memory() - before, "rss_before_mb": before, "csv_rows": rows - 1}


def _most_memory() -> float:
    import resource

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def _cpu(action: Callable[[], object]) -> float:
    began = time.process_time()
    action()
    return (time.process_time() - began) * 1000


def main(database_url: str) -> None:
    with portal(database_url):
        told = _measure()
    print(json.dumps(told))  # noqa: T201 -- what benchmarks/people.py reads


if __name__ == "__main__":
    main(sys.argv[1])
