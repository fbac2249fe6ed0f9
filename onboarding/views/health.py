"""Probes for whatever stands in front of the portal."""

from __future__ import annotations

import time

from django.db import DatabaseError, connection
from django.db.migrations.executor import MigrationExecutor
from django.http import HttpRequest, JsonResponse
from django.views.decorators.http import require_safe

from onboarding.tasks import broker_answers
from onboarding.views.rules import public

_HOLDS = 1.0  # seconds


class _Seen:
    """What this process saw last while it was ready, and when, by a clock that nobody sets."""

    def __init__(self) -> None:
        self.forget()

    def forget(self) -> None:
        self._kept: tuple[dict[str, str], float] = ({}, 0.0)

    def keep(self, told: dict[str, str]) -> None:
        self._kept = (told, time.monotonic() + _HOLDS)

    def get(self) -> dict[str, str] | None:
        told, until = self._kept
        return told if time.monotonic() < until else None


SEEN = _Seen()


@public
@require_safe
def livez(request: HttpRequest) -> JsonResponse:
    """The process answers. Touches nothing else."""
    return JsonResponse({"status": "ok"})


@public
@require_safe
def readyz(request: HttpRequest) -> JsonResponse:
    """The database answers and is migrated. Without Redis the portal is ready, and says that it is degraded: pages
    answer, and what is to be done waits in the database.

    Anybody may ask, as often as they like: what was seen while it was ready holds for a second.
    """
    if told := SEEN.get():
        return JsonResponse(told)
    told = _look()
    if told["status"] == "unavailable":
        return JsonResponse(told, status=503)
    SEEN.keep(told)
    return JsonResponse(told)


def broker_is_up() -> bool:
    """As `readyz` saw it within the last second, or else as it is now."""
    told = SEEN.get()
    return told["redis"] == "ok" if told else broker_answers()


def _look() -> dict[str, str]:
    try:
        executor = MigrationExecutor(connection)
        is_behind = bool(executor.migration_plan(executor.loader.graph.leaf_nodes()))
    except DatabaseError:
        return {"status": "unavailable", "database": "no answer"}
    if is_behind:
        return {"status": "unavailable", "database": "migrations pending"}
    if not broker_answers():
        return {"status": "degraded", "database": "ok", "redis": "no answer"}
    return {"status": "ok", "database": "ok", "redis": "ok"}
