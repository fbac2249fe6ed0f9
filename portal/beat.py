"""The scheduler behind `celery beat`: any number of them may run on one database, and each run is sent once.

One beat at a time holds a lease in the database and sends; another takes over when the lease runs out. When each entry
was last sent is a row, so a beat that starts goes on where the last one stopped: what fell due meanwhile is sent once.
A beat that was stopped for a while and does not know that it lost the lease sends nothing twice either: before it
sends, it has to change the row as it saw it.

A message that no worker has begun by the time it expires was lost, with Redis perhaps, or nobody works. Then, and not
before, the entry is sent again: two messages of one entry are never good at the same time, but of one
that does no more for it (settings: `_OUTLIVES_CLOCKS`).

What is due, beat tells by the database's clock, so that those that take over from one another agree. Whether a message
has expired, the worker's own says: that may be ten minutes ahead.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import os
import socket
import threading
import uuid
from typing import Any

import structlog
from celery import beat, schedules
from django.conf import settings
from django.db import DatabaseError, close_old_connections, connection

from onboarding.models import BeatLease, PeriodicTask
from onboarding.tasks import BROKER_IS_DOWN, impatient_producer

log = structlog.get_logger(__name__)

# What a probe looks at: a beat that goes on touches it at every tick, also while the database is away.
ALIVE = settings.ENVIRONMENT.home / "beat-alive"
# How often the lease is renewed, and asked for by whoever lacks it: after their sum at most, another beat sends.
_LOOK_EVERY = 5.0
LEASE = dt.timedelta(seconds=20)
# Between two attempts to reach a broker that is down.
_TRY_AGAIN = 1.0
# For giving the lease up as beat ends; without it, it runs out.
_PATIENCE = 5.0


def seconds_until_due(
    schedule: schedules.BaseSchedule, row: PeriodicTask, *, expires: dt.timedelta, now: dt.datetime
) -> float:
    """How long an entry still waits; 0 when it is to be sent now. `expires` is how long a message of it is good."""
    schedule.nowfun = lambda: now
    is_due, wait = schedule.is_due(row.sent_at)
    if is_due:
        return 0.0
    if row.is_waiting:
        wait = min(wait, (row.sent_at + expires - now).total_seconds())
    return max(0.0, float(wait))


class Scheduler(beat.Scheduler):  # type: ignore[misc]  # Celery has no types
    """Celery's scheduler with its memory in the database. It keeps no file."""

    max_interval = _LOOK_EVERY

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self.holder = f"{socket.gethostname()[:60]} {os.getpid()} {uuid.uuid4().hex}"
        self.is_active = self.is_closed = False
        super().__init__(*args, **kwargs)

    def setup_schedule(self) -> None:
        self.update_from_dict(self.app.conf.beat_schedule)

    def tick(self, *_: Any, **__: Any) -> float:
        """Send what is due, if this is the beat that sends; how many seconds to sleep."""
        if self.is_closed:
            # As Celery's signal handler does, wherever this thread is then: out of a destructor it gets nowhere.
            raise SystemExit
        close_old_connections()
        # A full disk keeps nothing from being sent.
        with contextlib.suppress(OSError):
            ALIVE.touch()
        try:
            return self._send_due(BeatLease.objects.clock()) if self._holds_lease() else _LOOK_EVERY
        except DatabaseError as error:
            log.warning("beat.no_database", reason=type(error).__name__)
            return _LOOK_EVERY

    def close(self) -> None:
        """Let another one take over at once.

        Celery calls this from its signal handler, too. Whatever this thread was doing with its connection is not over
        then, so another thread gives the lease up, on a connection of its own.
        """
        self.is_closed = True
        giving_up = threading.Thread(target=self._give_up, daemon=True)
        giving_up.start()
        giving_up.join(_PATIENCE)
        super().close()

    def _give_up(self) -> None:
        try:
            BeatLease.objects.give_up(self.holder)
        except DatabaseError as error:
            log.warning("beat.no_database", reason=type(error).__name__)
        finally:
            connection.close()

    def _holds_lease(self) -> bool:
        was_active, self.is_active = self.is_active, BeatLease.objects.take(self.holder, LEASE)
        if self.is_active and not was_active:
            log.info("beat.active", holder=self.holder)
            tasks = {entry.name: entry.task for entry in self.schedule.values()}
            PeriodicTask.objects.bring_up_to_date(tasks, BeatLease.objects.clock())
        elif was_active and not self.is_active:
            log.warning("beat.lost_lease", holder=self.holder)
        return self.is_active

    def _send_due(self, now: dt.datetime) -> float:
        wait = _LOOK_EVERY
        for row in PeriodicTask.objects.filter(name__in=self.schedule):
            entry = self.schedule[row.name]
            expires = dt.timedelta(seconds=entry.options["expires"])
            entry_wait = seconds_until_due(entry.schedule, row, expires=expires, now=now)
            if entry_wait == 0 and PeriodicTask.objects.claim(row, now) and not self._send(entry, now + expires):
                PeriodicTask.objects.give_back(row)
                return _TRY_AGAIN
            wait = min(wait, entry_wait)
        return wait

    def _send(self, entry: beat.ScheduleEntry, expires_at: dt.datetime) -> bool:
        """Whether the broker took it. One that is down or hangs holds nothing up for long."""
        message = beat.ScheduleEntry(**{**vars(entry), "options": {**entry.options, "expires": expires_at}})
        try:
            with impatient_producer() as producer:
                self.apply_async(message, producer=producer, advance=False)
        except (beat.SchedulingError, *BROKER_IS_DOWN) as error:
            log.warning("beat.not_sent", entry=entry.name, reason=type(error).__name__)
            return False
        log.info("beat.sent", entry=entry.name)
        return True
