"""What tests of the pages about costs share: a moment, signed-in clients, usage and bills of November."""

from __future__ import annotations

import datetime as dt
import html
import re
from decimal import Decimal
from typing import Any

from django.test import Client

from onboarding.enums import BilledSource, Problem, Role, RunState
from onboarding.models import Account, BilledCost, BillingFetch, LogSource, Person
from tests.factories import make_account, make_person, make_team, make_usage

NOW = dt.datetime(2026, 11, 20, 12, tzinfo=dt.UTC)
TODAY = NOW.date()
HOSTILE = "<script>alert(1)</script>"
OPUS, SONNET, NEW = "anthropic.claude-opus-4-8", "anthropic.claude-sonnet-4-6", "anthropic.claude-saga-1"
MILLION = 1_000_000


def day(number: int, month: int = 11) -> dt.date:
    return dt.date(2026, month, number)


def signed_in(person: Person) -> Client:
    assert person.user is not None
    client = Client()
    client.force_login(person.user)
    return client


def admin() -> Client:
    found = Person.objects.filter(role=Role.ADMIN).first()
    return signed_in(found or make_person("carla.soto@acme.example", name="Carla Soto", role=Role.ADMIN))


def read(url: str, client: Client | None = None) -> str:
    """A page's HTML."""
    response = (client or admin()).get(url)
    assert response.status_code == 200
    return response.content.decode()


def text_of(page: str) -> str:
    """What somebody reads of it."""
    without = re.sub(r"<(script|style)\b.*?</\1>", "", page, flags=re.DOTALL)
    return html.unescape(re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", without)))


def spend(person: Person | None, dollars: int, on: int = 10, model_id: str = SONNET, **fields: Any) -> None:
    """A day of November, at a dollar per million tokens."""
    make_usage(
        person=person, day=day(on), model_id=model_id, **{"rate": MILLION, "input": dollars * MILLION, **fields}
    )


def bill(amount: str, on: int = 10, *, person: Person | None = None, **fields: Any) -> None:
    """An amount of a day of November that AWS charged, read today; from a report, that the account has one."""
    if fields.get("source") == BilledSource.COST_REPORT:
        Account.objects.filter(pk=make_account().pk).update(cost_report="s3://acme-billing/cur/onramp")
    caller = person.callers.first() if person else None
    defaults: dict[str, Any] = {
        "account": make_account(),
        "source": BilledSource.COST_EXPLORER,
        "model": "Claude Sonnet 4.6",
        "fetched_at": NOW,
        "caller": caller,
        "principal": caller.arn if caller else "",
    }
    BilledCost.objects.create(day=day(on), amount=int(Decimal(amount).scaleb(9)), **{**defaults, **fields})


def unread(problem: Problem, detail: str) -> None:
    """The last fetch of Cost Explorer, which ended with a problem."""
    BillingFetch.objects.create(
        account=make_account(),
        source=BilledSource.COST_EXPLORER,
        since=day(1),
        until=day(20),
        queued_at=NOW,
        finished_at=NOW,
        state=RunState.DONE,
        problem=problem,
        problem_detail=detail,
    )


def logged(**fields: Any) -> LogSource:
    """A source that was read a minute ago, unless `fields` say otherwise."""
    read_at = NOW - dt.timedelta(minutes=1)
    defaults = {"destination": "s3://acme-logs/bedrock", "read_until": read_at, "read_at": read_at}
    source, _ = LogSource.objects.update_or_create(
        account=make_account(), region="eu-west-1", defaults={**defaults, **fields}
    )
    return source


def company() -> list[Person]:
    """Ana and Bo of two teams, Cy of none, and a principal of nobody; two models, and one without a price."""
    ana = make_person("ana@acme.example", name="Ana", team=make_team())
    bo = make_person("bo@acme.example", name="Bo", team=make_team(group="claude-data", name="Data"))
    cy = make_person("cy@acme.example", name="Cy")
    spend(ana, 30)
    spend(ana, 12, on=11, model_id=OPUS, region="us-east-1")
    spend(bo, 8, on=12)
    spend(cy, 1, on=13)
    make_usage(person=bo, day=day(14), model_id=NEW, rate=None, input=1_840_000)
    make_usage(day=day(15), rate=3_300_000, input=1, output=2, cache_read=3, cache_write_5m=4, cache_write_1h=5)
    return [ana, bo, cy]
