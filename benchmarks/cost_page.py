"""`python -m benchmarks.cost_page DATABASE_URL`: the cost page of a large company; one line of JSON is what it takes.

A year of 10,000 people, each on one model every day: the page of a month reads a twelfth of it. It is asked for on
the last day of one, when there is most to read, whatever day it is.
"""

from __future__ import annotations

import datetime as dt
import json
import statistics
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from benchmarks.portal import portal

if TYPE_CHECKING:
    from django.db.models import Model

PEOPLE, TEAMS, DAYS = 10_000, 100, 365
_ROUNDS = 5
_TODAY = dt.datetime(2026, 11, 30, 12, tzinfo=dt.UTC)
_MODELS = ("anthropic.claude-sonnet-4-6", "anthropic.claude-opus-4-8", "anthropic.claude-haiku-4-5-20251001-v1:0")
# Four classes a day, as Claude Code has them; the same number of tokens for everybody would pack too well.
_ENTRIES = """
    INSERT INTO onboarding_usageentry (meter_id, day, token_class, tokens, rate)
    SELECT meter.id, day, class, 1000 + (meter.id * 7919 + extract(doy FROM day)::int * 104729) %% 900000, 3000000
    FROM onboarding_meter AS meter,
         generate_series(%s::date, %s::date, '1 day') AS day,
         unnest(ARRAY['input', 'output', 'cache-read', 'cache-write-5m']) AS class
    ORDER BY day  -- as the days write them
"""


def _make_company(people: int, teams: int, days: int) -> None:
    from django.db import connection
    from django.utils import timezone

    from onboarding.enums import EndpointKind
    from onboarding.models import Account, Caller, Meter, Person, Team, UsageEntry

    account, _ = Account.objects.get_or_create(account_id="123456789012", defaults={"name": "bench"})
    groups = Team.objects.bulk_create(
        Team(name=f"Team {number:03}", group=f"team-{number}") for number in range(teams)
    )
    made = Person.objects.bulk_create(
        Person(email=f"p{number}@acme.example", name=f"Person {number}", team=groups[number % teams])
        for number in range(people)
    )
    role = "arn:aws:sts::123456789012:assumed-role/AWSReservedSSO_ClaudeCode_0123456789abcdef"
    callers = Caller.objects.bulk_create(Caller(arn=f"{role}/{person.email}", person=person) for person in made)
    Meter.objects.bulk_create(
        Meter(
            account=account,
            region="eu-west-1",
            caller=caller,
            model_id=_MODELS[number % len(_MODELS)],
            endpoint_kind=EndpointKind.GEOGRAPHIC,
        )
        for number, caller in enumerate(callers)
    )
    today = timezone.now().date()
    with _bare(UsageEntry), connection.cursor() as cursor:
        cursor.execute(_ENTRIES, [today - dt.timedelta(days=days - 1), today])
    with connection.cursor() as cursor:
        cursor.execute("VACUUM ANALYZE")


@contextmanager
def _bare(model: type[Model]) -> Iterator[None]:
    """Millions of rows are made sooner without indexes and foreign keys; afterwards they are there again."""
    from django.db import connection

    options = model._meta
    with connection.schema_editor() as editor, connection.cursor() as cursor:
        cursor.execute("SET session_replication_role = replica")
        for index in options.indexes:
            editor.remove_index(model, index)
        for constraint in options.constraints:
            editor.remove_constraint(model, constraint)
        yield
        for constraint in options.constraints:
            editor.add_constraint(model, constraint)
        for index in options.indexes:
            editor.add_index(model, index)
        cursor.execute("SET session_replication_role = origin")


def _measure() -> dict[str, Any]:
    from django.db import connection
    from django.test import Client, override_settings
    from django.test.utils import CaptureQueriesContext

    from onboarding.enums import Role
    from onboarding.models import Caller, Meter, Person, Team, UsageEntry
    from tests.factories import make_person

    user = make_person("carla.soto@acme.example", role=Role.ADMIN).user
    assert user is not None
    client = Client()
    client.force_login(user)

    def page(path: str = "/costs/") -> None:
        response = client.get(path)
        if response.status_code != 200:
            raise RuntimeError(f"{path} answered {response.status_code}")

    def queries() -> int:
        # Once a minute a session notes that it was seen; not in the page that is counted.
        page()
        with CaptureQueriesContext(connection) as captured:
            page()
        return len(captured)

    _make_company(1, 1, 1)
    told: dict[str, Any] = {"queries_one": queries()}
    for model in (UsageEntry, Meter, Caller):
        model.objects.all().delete()
    Person.objects.exclude(user=user).delete()
    Team.objects.all().delete()
    _make_company(PEOPLE, TEAMS, DAYS)
    told |= {"entries": UsageEntry.objects.count(), "queries_many": queries()}
    with override_settings(ROOT_URLCONF="benchmarks.minimal"):
        rounds = [(*_times(page), *_times(lambda: page("/minimal/"))) for _ in range(_ROUNDS)]
    page_ms, wall_ms, minimal_ms, _ = (statistics.median(column) for column in zip(*rounds, strict=True))
    return {**told, "page_ms": page_ms, "wall_ms": wall_ms, "minimal_ms": minimal_ms, "ratio": page_ms / minimal_ms}


def _times(action: Callable[[], object]) -> tuple[float, float]:
    """Milliseconds of this process, and on the clock."""
    cpu, clock = time.process_time(), time.perf_counter()
    action()
    return (time.process_time() - cpu) * 1000, (time.perf_counter() - clock) * 1000


def main(database_url: str) -> None:
    import time_machine

    with portal(database_url), time_machine.travel(_TODAY):
        told = _measure()
    print(json.dumps(told))  # noqa: T201 -- what benchmarks/costs.py reads


if __name__ == "__main__":
    main(sys.argv[1])
