"""What people used: every request of the scenario's days, made up from its habits, the same for the same day.

Claude Code's shape: sessions in which a growing context is read from the cache, a little is written to it, and next
to nothing is sent outside of it; beside them short requests to Haiku without a cache.
"""

from __future__ import annotations

import random
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta

from sandbox.aws.names import role_name
from sandbox.company import Company, Habit, Usage

# Token classes, as prices have them.
INPUT, OUTPUT, CACHE_READ = "input", "output", "cache-read"
CACHE_WRITE_5M, CACHE_WRITE_1H = "cache-write-5m", "cache-write-1h"
CLASSES = (INPUT, OUTPUT, CACHE_READ, CACHE_WRITE_5M, CACHE_WRITE_1H)

_FIRST_HOUR = {"ap-northeast-1": 0}  # when the day begins there, in UTC; in Europe at seven
_SESSION_HOURS = 9
_WEEKEND = 0.08  # of a workday
_FAILURES = 0.01
_LARGEST_CONTEXT = 170_000
_LONG_PROMPT = 236_000
# How often somebody keeps the cache for an hour, where bodies are logged: nothing else of a record tells it.
_KEPT_LONGER = 0.25


@dataclass(frozen=True, slots=True)
class Invocation:
    """One request, made at `at`. `model_id` is as it was named; `input` counts what no cache was asked for.

    An `error` is what Bedrock answered in place of tokens. `has_bodies`: what was written is logged, too.
    """

    at: datetime
    account: str
    region: str
    principal: str
    owner: str
    model_id: str
    request_id: str
    operation: str = "InvokeModelWithResponseStream"
    input: int = 0
    output: int = 0
    cache_read: int = 0
    cache_write_5m: int = 0
    cache_write_1h: int = 0
    error: str = ""
    has_bodies: bool = False

    @property
    def hour(self) -> datetime:
        return self.at.replace(minute=0, second=0, microsecond=0)

    @property
    def cache_write(self) -> int:
        return self.cache_write_5m + self.cache_write_1h

    @property
    def is_large(self) -> bool:
        """Some in a hundred are too large for a log's record to hold what was written."""
        return self.request_id.startswith("0")

    @property
    def tokens(self) -> dict[str, int]:
        """By class, those that were counted at all."""
        counts = (self.input, self.output, self.cache_read, self.cache_write_5m, self.cache_write_1h)
        return {name: count for name, count in zip(CLASSES, counts, strict=True) if count}


def principal_of(habit: Habit) -> str:
    """The caller's ARN."""
    if habit.user:
        return f"arn:aws:iam::{habit.account}:user/{habit.user}"
    role = habit.role or role_name(habit.account, habit.permission_set)
    return f"arn:aws:sts::{habit.account}:assumed-role/{role}/{habit.session}"


def workday(today: date, days_ago: int) -> date:
    """The last workday that was this many days ago, or before that."""
    day = today - timedelta(days=days_ago)
    return day - timedelta(days=max(0, day.weekday() - 4))


def invocations(company: Company, today: date, until: datetime) -> list[Invocation]:
    """Those of the scenario's days up to `today`, made before `until`, in the order of their time."""
    if company.usage is None:
        return []
    found = [row for habit in company.usage.habits for row in _of_habit(company, company.usage, habit, today, until)]
    return sorted(found, key=lambda row: (row.at, row.request_id))


def _of_habit(company: Company, usage: Usage, habit: Habit, today: date, until: datetime) -> Iterator[Invocation]:
    account = company.account(habit.account)
    logging = account.invocation_logging.get(habit.region) if account else None
    long_prompts = {workday(today, days) for days in habit.long_prompt_days_ago}
    # Where the sandbox runs into the next day, it has usage as well.
    since_today = 0 if habit.until_days_ago else (until.date() - today).days
    for days_ago in range(habit.until_days_ago - since_today, usage.days):
        day = today - timedelta(days=days_ago)
        rows = _Day(habit, day, has_bodies=bool(logging and logging.bodies)).invocations()
        if day in long_prompts:
            rows = _lengthened(rows)
        yield from (row for row in rows if row.at < until)


def _lengthened(rows: list[Invocation]) -> list[Invocation]:
    """The day's largest prompt becomes one of those that may have a price of their own."""
    largest = max((row for row in rows if not row.error), key=lambda row: row.cache_read, default=None)
    return [replace(row, cache_read=_LONG_PROMPT) if row is largest else row for row in rows]


class _Day:
    """What a habit makes of one day. Its dice depend on the caller and the date alone."""

    def __init__(self, habit: Habit, day: date, *, has_bodies: bool) -> None:
        self._habit = habit
        self._day = day
        self._has_bodies = has_bodies
        self._principal = principal_of(habit)
        self._dice = random.Random(f"{self._principal} {habit.region} {day}")

    def invocations(self) -> list[Invocation]:
        wanted = round(self._habit.requests * self._dice.uniform(0.5, 1.5))
        if self._day.weekday() > 4:
            wanted = round(wanted * _WEEKEND)
        elif self._dice.random() < 0.07:
            wanted = 0  # somebody is away
        found: list[Invocation] = []
        while len(found) < wanted:
            found += self._session(min(self._dice.randint(6, 22), wanted - len(found)))
        return found

    def _session(self, length: int) -> Iterator[Invocation]:
        """Some requests on one model, a minute or so apart, each of which carries what was said before."""
        models = self._habit.models
        model = self._dice.choices(list(models), list(models.values()))[0]
        hour = _FIRST_HOUR.get(self._habit.region, 7) + self._dice.randrange(_SESSION_HOURS)
        at = datetime.combine(self._day, time(hour, self._dice.randrange(60), self._dice.randrange(60)), UTC)
        is_short = "haiku" in model and len(models) > 1
        context = 0
        for _ in range(length):
            row = self._short(at, model) if is_short else self._grown(at, model, context)
            context = min(_LARGEST_CONTEXT, row.cache_read + row.cache_write + row.input)
            yield row
            at += timedelta(seconds=self._dice.randint(15, 170))

    def _row(self, at: datetime, model: str) -> Invocation:
        place = (at, self._habit.account, self._habit.region, self._principal, self._habit.owner, model)
        return Invocation(*place, str(uuid.UUID(int=self._dice.getrandbits(128), version=4)))

    def _short(self, at: datetime, model: str) -> Invocation:
        sent, output = self._dice.randint(250, 1_400), self._dice.randint(12, 160)
        return replace(self._row(at, model), operation="InvokeModel", input=sent, output=output)

    def _grown(self, at: datetime, model: str, context: int) -> Invocation:
        dice = self._dice
        row = self._row(at, model)
        output = min(8_000, round(dice.lognormvariate(5.7, 0.8)) + 5)
        written = dice.randint(400, 9_000) if context else dice.randint(8_000, 26_000)
        sent = dice.randint(2, 14) if dice.random() < 0.8 else dice.randint(100, 900)
        is_kept = self._has_bodies and not row.is_large and dice.random() < _KEPT_LONGER
        if dice.random() < _FAILURES:
            error = dice.choice(("ThrottlingException", "ModelTimeoutException"))
            return replace(row, error=error, has_bodies=self._has_bodies)
        return replace(
            row,
            input=sent,
            output=output,
            cache_read=context,
            cache_write_5m=0 if is_kept else written,
            cache_write_1h=written if is_kept else 0,
            has_bodies=self._has_bodies,
        )
