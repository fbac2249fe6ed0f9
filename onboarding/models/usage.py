"""Usage: what Bedrock's invocation logs say was used, read once, and kept by day.

Tokens are integers and days are UTC days. Money is kept in billionths of a US dollar (`cost`), which adds up exactly
in every database; what leaves these rows is a Decimal.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from django.db import connections, models
from django.db.models import F, Q
from django.db.models.expressions import CombinedExpression
from django.utils.translation import gettext_lazy as _

from onboarding.enums import EndpointKind, MeteredClass, Problem, TokenClass
from onboarding.models.accounts import REGION, Account
from onboarding.models.jobs import LIVE, Job, JobQuerySet
from onboarding.models.people import Person


class LogSource(models.Model):
    """One Region of one account: where its invocations are logged, and how far that has been read."""

    account = models.ForeignKey(Account, on_delete=models.CASCADE, related_name="log_sources")
    region = models.CharField(max_length=25, validators=[REGION])
    destination = models.CharField(
        max_length=600, blank=True, help_text=_("s3://bucket/prefix, or a log group's name; empty: logging is off.")
    )
    left = models.CharField(
        max_length=600, blank=True, default="", db_default="", help_text=_("Where it was logged before that.")
    )
    left_at = models.DateTimeField(null=True, blank=True, help_text=_("When that was seen to have ended."))
    off_since = models.DateTimeField(null=True, blank=True, help_text=_("Since when logging was seen to be off."))
    read_from = models.DateTimeField(
        null=True, blank=True, help_text=_("From when on deliveries were read: nobody looked for older ones.")
    )
    read_until = models.DateTimeField(
        null=True, blank=True, help_text=_("The watermark: everything that was delivered before it has been read.")
    )
    read_at = models.DateTimeField(null=True, blank=True, help_text=_("When it was last read without a problem."))
    latest_at = models.DateTimeField(null=True, blank=True, help_text=_("When the newest request in it was made."))
    problem = models.CharField(max_length=20, choices=Problem.choices, blank=True)
    problem_detail = models.CharField(max_length=300, blank=True)
    problem_since = models.DateTimeField(null=True, blank=True)
    control_at = models.DateTimeField(null=True, blank=True, help_text=_("When CloudWatch's totals were last read."))
    control_problem = models.CharField(max_length=20, choices=Problem.choices, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["account", "region"], name="log_source_once"),
            models.CheckConstraint(
                condition=(Q(problem="") & Q(problem_since__isnull=True))
                | (~Q(problem="") & Q(problem_since__isnull=False)),
                name="log_source_problem_has_since",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.account.account_id}, {self.region}"


class Ingestion(Job):
    """One run over a source, and what it read. `new` requests entered the ledger; duplicates were in it before."""

    source = models.ForeignKey(LogSource, on_delete=models.CASCADE, related_name="ingestions")
    since = models.DateTimeField(help_text=_("From when on deliveries are listed."))
    files = models.PositiveIntegerField(default=0)
    lines = models.PositiveBigIntegerField(default=0)
    new = models.PositiveBigIntegerField(default=0)
    duplicates = models.PositiveBigIntegerField(default=0)
    unreadable = models.PositiveBigIntegerField(default=0)
    too_old = models.PositiveBigIntegerField(default=0)

    objects = JobQuerySet["Ingestion"].as_manager()

    class Meta:
        constraints = [
            # Two workers on one source would only wait for one another.
            models.UniqueConstraint(fields=["source"], condition=Q(state__in=LIVE), name="ingestion_one_live"),
        ]
        indexes = [
            # The sweeper's question, over the few live rows only.
            models.Index(fields=["queued_at"], condition=Q(state__in=LIVE), name="ingestion_live"),
            # The newest run of a source.
            models.Index(fields=["source", "-queued_at"], name="ingestion_newest"),
        ]

    def __str__(self) -> str:
        return f"{self.source}, {self.queued_at:%Y-%m-%d %H:%M} UTC"


class LogFile(models.Model):
    """An object in S3 that was read, so that it is not fetched again. What keeps the ledger exact is SeenRequests."""

    source = models.ForeignKey(LogSource, on_delete=models.CASCADE, related_name="files")
    key = models.CharField(max_length=1024)
    etag = models.CharField(max_length=80)
    read_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["source", "key"], name="log_file_once")]

    def __str__(self) -> str:
        return self.key


class SeenRequestsQuerySet(models.QuerySet["SeenRequests"]):
    def store(self, rows: Iterable[SeenRequests]) -> None:
        """Write rows that are new. What an hour has may be megabytes: they go to PostgreSQL as they are, where in a
        statement each byte would be two digits.
        """
        if connections[self.db].vendor != "postgresql":
            self.bulk_create(rows, batch_size=1)
            return
        with connections[self.db].cursor() as cursor, cursor.copy(_COPY.format(self.model._meta.db_table)) as copy:
            copy.set_types(["int8", "timestamptz", "bytea"])
            for row in rows:
                copy.write_row((row.source_id, row.hour, row.ids))


_COPY = 'COPY "{}" (source_id, hour, ids) FROM STDIN (FORMAT BINARY)'


class SeenRequests(models.Model):
    """Which requests of one hour are in the ledger: eight bytes of each request's id, in one row a commit.

    Of a version 4 UUID they have 60 random bits: two of a million requests in an hour share them once in two million
    hours.
    """

    source = models.ForeignKey(LogSource, on_delete=models.CASCADE, related_name="+")
    hour = models.DateTimeField()
    ids = models.BinaryField()

    objects = SeenRequestsQuerySet.as_manager()

    class Meta:
        indexes = [
            # What an ingestion asks before it counts an hour's requests, and what is forgotten after a while.
            models.Index(fields=["source", "hour"], name="seen_requests_hour"),
        ]

    def __str__(self) -> str:
        return f"{self.source}, {self.hour:%Y-%m-%d %H} UTC"


class Caller(models.Model):
    """An AWS identity as logs and bills name it, and whose it is. The empty ARN stands for whoever no log names."""

    arn = models.CharField(max_length=600, unique=True)
    person = models.ForeignKey(Person, on_delete=models.SET_NULL, null=True, blank=True, related_name="callers")
    claimed_by = models.CharField(
        max_length=254, blank=True, help_text=_("The admin who said whose it is; empty: found by itself.")
    )

    def __str__(self) -> str:
        return self.arn


class ApplicationProfile(models.Model):
    """What an application inference profile stands for, as Bedrock said: its ARN tells neither model nor endpoint."""

    arn = models.CharField(max_length=300, unique=True)
    model_id = models.CharField(max_length=200)
    endpoint_kind = models.CharField(max_length=20, choices=EndpointKind.choices)
    resolved_at = models.DateTimeField(auto_now=True)

    def __str__(self) -> str:
        return self.arn


class Meter(models.Model):
    """What counts the tokens of one caller on one model: everything of a usage entry that stays the same every day.

    `endpoint_kind` is empty while nobody knows it, which is so for an application profile that Bedrock does not
    resolve; `model_id` is then the profile's ARN.
    """

    account = models.ForeignKey(Account, on_delete=models.PROTECT, related_name="meters")
    region = models.CharField(_("source Region"), max_length=25)
    caller = models.ForeignKey(Caller, on_delete=models.PROTECT, related_name="meters")
    model_id = models.CharField(_("model"), max_length=300)
    endpoint_kind = models.CharField(max_length=20, choices=EndpointKind.choices, blank=True)
    is_long_prompt = models.BooleanField(default=False)

    class Meta:
        constraints = [
            # No column of it is ever NULL: a NULL in an upsert's key never conflicts.
            models.UniqueConstraint(
                fields=["account", "region", "caller", "model_id", "endpoint_kind", "is_long_prompt"],
                name="meter_once",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.caller}, {self.model_id}, {self.region}"


class Addition(NamedTuple):
    """Tokens to add to a meter's entry of one class on a day, and the rate of an entry that is not there yet."""

    meter_id: int
    day: dt.date
    token_class: str
    tokens: int
    rate: int | None


class UsageEntryQuerySet(models.QuerySet["UsageEntry"]):
    def add(self, additions: Sequence[Addition]) -> None:
        """Add to entries, made where there are none; what has a rate keeps it. One statement on PostgreSQL, where a
        thousand rows of values take several times as long as five arrays.

        An entry is added to once: PostgreSQL refuses what names one twice.
        """
        table = connections[self.db].ops.quote_name(self.model._meta.db_table)
        with connections[self.db].cursor() as cursor:
            if connections[self.db].vendor == "postgresql":
                columns = [list(column) for column in zip(*additions, strict=True)]
                if columns:
                    cursor.execute(_ADD.format(table=table, rows=_ARRAYS), columns)
            else:
                cursor.executemany(_ADD.format(table=table, rows=_VALUES), additions)


_ADD = """
INSERT INTO {table} (meter_id, day, token_class, tokens, rate) {rows}
ON CONFLICT (meter_id, day, token_class) DO UPDATE SET tokens = {table}.tokens + excluded.tokens
"""
_ARRAYS = "SELECT * FROM unnest(%s::bigint[], %s::date[], %s::text[], %s::bigint[], %s::bigint[])"
_VALUES = "VALUES (%s, %s, %s, %s, %s)"


class UsageEntry(models.Model):
    """Tokens of one class that a meter counted on one day, and what they cost.

    `rate` is the price that was in force, times the account's multiplier, in millionths of a US dollar per million
    tokens; none while the model has no price. `cost` follows from it, in billionths of a US dollar, rounded half up.
    """

    meter = models.ForeignKey(Meter, on_delete=models.PROTECT, related_name="entries")
    day = models.DateField()
    token_class = models.CharField(max_length=20, choices=TokenClass.choices)
    tokens = models.PositiveBigIntegerField(default=0)
    rate = models.PositiveBigIntegerField(null=True, blank=True)
    cost = models.GeneratedField(
        expression=CombinedExpression(F("tokens") * F("rate") + 500, "/", models.Value(1000)),
        output_field=models.BigIntegerField(),
        db_persist=True,
    )

    objects = UsageEntryQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["meter", "day", "token_class"], name="usage_entry_once"),
        ]
        indexes = [
            # Every cost page asks for a stretch of days.
            models.Index(fields=["day"], name="usage_entry_day"),
            # The few that wait for a price: asked for on the page of prices, and whenever one is added.
            models.Index(fields=["day"], condition=Q(rate__isnull=True), name="usage_entry_unpriced"),
        ]
        verbose_name_plural = _("usage entries")

    def __str__(self) -> str:
        return f"{self.day} {self.meter}: {self.tokens} {self.token_class}"


class ControlTotal(models.Model):
    """Tokens CloudWatch counted on a day, of one model as CloudWatch names it: what is held against the ledger."""

    account = models.ForeignKey(Account, on_delete=models.CASCADE, related_name="control_totals")
    region = models.CharField(max_length=25)
    day = models.DateField()
    model_id = models.CharField(max_length=300)
    metered_class = models.CharField(max_length=20, choices=MeteredClass.choices)
    tokens = models.PositiveBigIntegerField()
    fetched_at = models.DateTimeField(auto_now=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["account", "region", "day", "model_id", "metered_class"], name="control_total_once"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.day} {self.region} {self.model_id}: {self.tokens} {self.metered_class}"
