"""What was used and what of it AWS knows by now: made when first somebody asks, and put where they look for it.

The truth is here as well, for whoever compares: `used` and `billed` say what there is, from the requests themselves.
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Any

from moto.logs.models import LogEvent, logs_backends
from moto.s3.models import s3_backends

from sandbox.aws import bill, cost_report, invocation_logs, usage
from sandbox.aws.bill import Charge
from sandbox.aws.invocation_logs import Incidents, Stored
from sandbox.aws.usage import Invocation
from sandbox.company import Company, InvocationLogging

# The services of moto's that this puts something into.
SERVICES = frozenset({"s3", "logs"})
_LONG_PROMPT = 200_000
_DELIVERY = timedelta(seconds=2)  # to a log group


# The day the scenario counts back from, and until when there is usage.
_Made = tuple[date, datetime]


def _loggings(company: Company) -> Iterator[tuple[str, str, InvocationLogging]]:
    """Account, Region and where it logs."""
    for account in company.accounts:
        for region, logging in account.invocation_logging.items():
            yield account.id, region, logging


def _owners(company: Company) -> Iterator[tuple[str, tuple[str, str]]]:
    """The scenario's buckets, each with its account and Region."""
    for account, region, logging in _loggings(company):
        if logging.s3_bucket:
            yield logging.s3_bucket, (account, region)
    for payer in company.accounts:
        if payer.cost_report:
            yield payer.cost_report.bucket, (payer.id, "us-east-1")


def _last_full_hour() -> datetime:
    return datetime.now(UTC).replace(minute=0, second=0, microsecond=0)


def _put(account: str, bucket: str, stored: Stored) -> None:
    backend = s3_backends[account]["aws"]
    key = backend.put_object(bucket, stored.key, stored.content, disable_notification=True)
    key.last_modified = stored.modified_at.replace(tzinfo=None)


class Metering:
    """The scenario's requests up to the last full hour, and those that were made of the sandbox itself."""

    def __init__(self, company: Company) -> None:
        self._company = company
        self._lock = threading.RLock()
        self._rows: list[Invocation] = []
        self._charges: list[Charge] = []
        self._made: _Made | None = None
        self._charged: _Made | None = None
        self._packed: dict[str, tuple[_Made, list[Stored]]] = {}
        self._owners = dict(_owners(company))
        self.reset()

    def reset(self) -> None:
        """Forget what was invoked, and what was delivered to moto's backends: they are empty."""
        with self._lock:
            self._today = datetime.now(UTC).date()
            self._incidents = Incidents(self._company, self._today)
            self._invoked: list[Invocation] = []
            self._is_prepared = False
            # By bucket, and by the account of log groups.
            self._delivered_until: dict[str, datetime] = {}

    def add(self, row: Invocation) -> None:
        """A request of the sandbox itself: logged at once, in a file of its own."""
        with self._lock:
            self._prepare_places()
            self._invoked.append(row)
            self._write_event(row)
            logging = invocation_logs.logging_of(self._company, row.account, row.region)
            if logging.s3_bucket:
                folder = f"{invocation_logs.folder_of(logging, row.account, row.region)}{row.at:%Y/%m/%d/%H}/"
                key = f"{folder}{row.at:%Y%m%dT%H%M%S%f}Z_{row.request_id[:8]}{row.request_id[-8:]}.json.gz"
                content = invocation_logs.packed(f"{invocation_logs.text_of(row)}\n")
                _put(row.account, logging.s3_bucket, Stored(key, content, row.at))

    def rows(self) -> list[Invocation]:
        """All that AWS counted, in the order of their time."""
        with self._lock:
            self._refresh()
            return [*self._rows, *self._invoked]

    def charges(self) -> list[Charge]:
        with self._lock:
            made = self._refresh()
            if self._charged != made:
                self._charges = bill.charges(self._company, self._rows, made[1].date())
                self._charged = made
            return self._charges

    def is_logged(self, row: Invocation) -> bool:
        return invocation_logs.is_logged(self._company, row, self._incidents)

    def deliver(self, service: str, account: str, bucket: str) -> None:
        """Put what is not there yet into the bucket that is asked for, or into the account's log groups."""
        with self._lock:
            self._prepare_places()
            place = bucket if service == "s3" else account
            if service == "s3" and bucket not in self._owners:
                return
            made = self._refresh()
            since = self._delivered_until.get(place)
            if since == made[1]:
                return
            if service == "s3":
                self._store_objects(bucket, made)
            else:
                self._store_events(account, since)
            self._delivered_until[place] = made[1]

    def _refresh(self) -> _Made:
        """Until when there is usage: the last full hour. What was made up for it outlives a reset."""
        made = (self._today, _last_full_hour())
        if self._made != made:
            self._rows = usage.invocations(self._company, *made)
            self._made = made
        return made

    def _prepare_places(self) -> None:
        """Buckets and log groups, as yet empty."""
        if self._is_prepared:
            return
        self._is_prepared = True
        for bucket, (account, region) in self._owners.items():
            s3_backends[account]["aws"].create_bucket(bucket, region)
        for account, region, logging in _loggings(self._company):
            if logging.s3_bucket:
                folder = invocation_logs.folder_of(logging, account, region)
                since = datetime.combine(self._today, datetime.min.time(), UTC) - timedelta(days=90)
                check = Stored(folder.removesuffix(f"{region}/") + invocation_logs.PERMISSION_CHECK, b"", since)
                _put(account, logging.s3_bucket, check)
            if logging.log_group:
                group = logs_backends[account][region].create_log_group(logging.log_group, {})
                group.create_log_stream(invocation_logs.LOG_STREAM)

    def _store_objects(self, bucket: str, made: _Made) -> None:
        if bucket not in self._packed or self._packed[bucket][0] != made:
            self._packed[bucket] = (made, list(self._objects_of(bucket, made)))
        account, _ = self._owners[bucket]
        present = s3_backends[account]["aws"].buckets[bucket].keys
        for stored in self._packed[bucket][1]:
            known = present.get(stored.key)
            if known is None or known.size != len(stored.content):
                _put(account, bucket, stored)

    def _objects_of(self, bucket: str, made: _Made) -> Iterator[Stored]:
        yield from invocation_logs.files(self._company, self._rows, self._today, bucket)
        for payer in self._company.accounts:
            if payer.cost_report and payer.cost_report.bucket == bucket:
                yield from cost_report.objects(payer, self.charges(), made[1])

    def _store_events(self, account: str, since: datetime | None) -> None:
        for row in self._rows:
            if row.account == account and (since is None or row.at >= since):
                self._write_event(row)

    def _write_event(self, row: Invocation) -> None:
        group = invocation_logs.logging_of(self._company, row.account, row.region).log_group
        if not group or not self.is_logged(row):
            return
        stream = logs_backends[row.account][row.region].groups[group].streams[invocation_logs.LOG_STREAM]
        event = {"timestamp": _milliseconds(row.at), "message": invocation_logs.text_of(row)}
        stream.events.append(LogEvent(_milliseconds(row.at + _DELIVERY), event))

    def used(self, account: str = "") -> Iterator[dict[str, Any]]:
        """Tokens by day, account, Region, principal, model as it was named, and class; and in how many requests.

        `is_logged` is false where no log tells of them, `is_long_prompt` true for prompts above 200,000 tokens.
        """
        tokens: Counter[tuple[Any, ...]] = Counter()
        requests: Counter[tuple[Any, ...]] = Counter()
        for row in self.rows():
            if account in ("", row.account):
                place = (row.at.date(), row.account, row.region, row.principal, row.owner, row.model_id)
                is_long = row.input + row.cache_read + row.cache_write > _LONG_PROMPT
                for token_class, count in row.tokens.items():
                    key = (*place, token_class, self.is_logged(row), is_long)
                    tokens[key] += count
                    requests[key] += 1
        names = ("account", "region", "principal", "owner", "model_id", "token_class", "is_logged", "is_long_prompt")
        for (day, *rest), count in sorted(tokens.items()):
            values = dict(zip(names, rest, strict=True))
            yield {"day": str(day), **values, "tokens": count, "requests": requests[(day, *rest)]}

    def billed(self, account: str = "") -> Iterator[dict[str, Any]]:
        """US dollars by day, account, principal, the owner in its tag, model as AWS calls it, and type of record."""
        amounts: Counter[tuple[date, str, str, str, str, str]] = Counter()
        for row in self.charges():
            if account in ("", row.account):
                place = (row.account, row.principal, row.owner, row.model, row.record_type)
                amounts[row.hour.date(), *place] += row.amount
        names = ("account", "principal", "owner", "model", "record_type")
        for (day, *rest), amount in sorted(amounts.items()):
            values = dict(zip(names, rest, strict=True))
            yield {"day": str(day), **values, "amount": cost_report.dollars(amount)}


def _milliseconds(moment: datetime) -> int:
    return round(moment.timestamp() * 1000)
