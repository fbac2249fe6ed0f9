"""`manage.py ingest_usage`: read invocation logs now, in this process, or wait for a worker that reads them."""

from __future__ import annotations

import datetime as dt
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from onboarding.costs import ingest
from onboarding.management.waiting import run_all
from onboarding.models import Account, Ingestion


class Command(BaseCommand):
    help = "Read what Bedrock logged since the last time. Safe to repeat: no request is counted twice."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--account", help="an account's id; all accounts without it")
        parser.add_argument("--days", type=int, default=0, help="look this far back for what came late, at most 100")

    def handle(self, *args: Any, account: str | None, days: int, **options: Any) -> None:
        if not 0 <= days <= 100:
            raise CommandError("--days is a number from 0 to 100.")
        rows = ingest.open_ingestions(back=dt.timedelta(days=days), accounts=_accounts(account))
        run_all(rows, ingest.run)
        problems = [self._tell(Ingestion.objects.select_related("source__account").get(pk=row.pk)) for row in rows]
        if any(problems):
            raise CommandError("Not everything could be read; what was read is kept.")

    def _tell(self, row: Ingestion) -> bool:
        """One line a source; whether it has a problem."""
        source = row.source
        if row.is_live:
            said = "a worker is reading it; try again when that is over"
        elif source.problem:
            said = f"{source.get_problem_display()}: {source.problem_detail}"
        elif not source.destination:
            said = "logging is off"
        else:
            counts = f"{row.new} new requests, {row.duplicates} counted before, {row.unreadable} unreadable"
            said = f"{row.files} files, {row.lines} lines: {counts}"
        self.stdout.write(f"{source}: {said}")
        return row.is_live or bool(source.problem)


def _accounts(account_id: str | None) -> list[Account] | None:
    if account_id is None:
        return None
    found = list(Account.objects.filter(account_id=account_id))
    if not found:
        raise CommandError(f"No account {account_id}.")
    return found
