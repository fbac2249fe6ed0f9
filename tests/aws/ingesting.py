"""How the tests of this folder read usage, and what the sandbox itself says was used."""

from __future__ import annotations

import datetime as dt
import io
import os
from collections import Counter
from collections.abc import Iterable
from typing import Any, NamedTuple

from django.core.management import call_command
from django.db import connection
from django.utils import timezone

from onboarding import tasks
from onboarding.costs import ingest
from onboarding.models import Account, Ingestion, LogSource, UsageEntry
from tests.sandbox_aws import PROD, Aws

# The incidents of the scenario are younger than this.
RECENT = dt.timedelta(days=15)
# What the sandbox's two application profiles are copies of.
PROFILES = {
    "a1b2c3d4e5f6": ("anthropic.claude-sonnet-4-6", "geographic"),
    "c3d4e5f6a1b2": ("anthropic.claude-haiku-4-5-20251001-v1:0", "geographic"),
}
# Bedrock's prefixes of geographic profiles.
GEOGRAPHIES = ("eu", "jp")


class Used(NamedTuple):
    """What the ledger and the sandbox add up by."""

    day: str
    account: str
    region: str
    principal: str
    model_id: str
    endpoint_kind: str
    token_class: str
    is_long_prompt: bool


def model_and_kind(named: str) -> tuple[str, str]:
    """What an invocation's model stands for, told here in another way than the portal does."""
    name = named.rpartition("/")[2]
    if name in PROFILES:
        return PROFILES[name]
    prefix, _, rest = name.partition(".")
    if prefix == "anthropic":
        return name, "in-region"
    return rest, "geographic" if prefix in GEOGRAPHIES else prefix


# Before and after any day.
_FIRST, _LAST = dt.date(2000, 1, 1), dt.date(3000, 1, 1)


def used(
    aws: Aws, account: str = "", *, since: dt.date = _FIRST, until: dt.date = _LAST, logged: bool = True
) -> dict[Used, int]:
    """The sandbox's truth: tokens that a log tells of, or those that none does."""
    tokens: Counter[Used] = Counter()
    for row in aws.call("GET", f"/sandbox/usage?account={account}"):
        if row["is_logged"] is logged and str(since) <= row["day"] < str(until):
            model = model_and_kind(row["model_id"])
            place = (row["day"], row["account"], row["region"], row["principal"])
            tokens[Used(*place, *model, row["token_class"], row["is_long_prompt"])] += row["tokens"]
    return dict(tokens)


def ledger(*, since: dt.date = _FIRST, until: dt.date = _LAST, **chosen: Any) -> dict[Used, int]:
    """What the portal counted."""
    entries = UsageEntry.objects.filter(day__gte=since, day__lt=until, **chosen)
    columns = (
        *("day", "meter__account__account_id", "meter__region", "meter__caller__arn", "meter__model_id"),
        *("meter__endpoint_kind", "token_class", "meter__is_long_prompt", "tokens"),
    )
    return {Used(str(day), *rest): tokens for day, *rest, tokens in entries.values_list(*columns)}


def read(account: str = PROD, *, back: dt.timedelta | None = RECENT, regions: Iterable[str] = ()) -> list[Ingestion]:
    """Read an account's logs as a worker does, the first time only as far `back`; the finished runs."""
    rows = ingest.open_ingestions(accounts=[Account.objects.get(account_id=account)])
    wanted = [row for row in rows if not regions or row.source.region in regions]
    for row in wanted:
        if back is not None and row.source.read_until is None:
            Ingestion.objects.filter(pk=row.pk).update(since=timezone.now() - back)
        tasks.run_ingestion(ingestion_id=row.pk)
    return list(Ingestion.objects.filter(pk__in=[row.pk for row in wanted]).select_related("source"))


def whole_day(back: dt.timedelta = RECENT) -> dt.date:
    """The first day that is read in full where reading begins `back` ago: files come an hour after their requests."""
    return (timezone.now() - back).date() + dt.timedelta(days=1)


def environment_of_a_process() -> dict[str, str]:
    """For another process of the portal: this one's, with the database of the tests."""
    name = connection.settings_dict["NAME"]
    url = os.environ.get("DATABASE_URL", "")
    database = f"{url.rpartition('/')[0]}/{name}" if url.startswith("postgres") else f"sqlite:///{name}"
    return {**os.environ, "DATABASE_URL": database, "DJANGO_SETTINGS_MODULE": "portal.settings"}


def source_of(account: str = PROD, region: str = "eu-west-1") -> LogSource:
    return LogSource.objects.get(account__account_id=account, region=region)


def output(*arguments: str, **options: Any) -> str:
    """What a command prints."""
    out = io.StringIO()
    call_command(*arguments, stdout=out, **options)
    return out.getvalue()
