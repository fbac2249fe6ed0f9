"""Probes for whatever stands in front of the portal."""

from __future__ import annotations

from django.db import DatabaseError, connection
from django.db.migrations.executor import MigrationExecutor
from django.http import HttpRequest, JsonResponse
from django.views.decorators.http import require_safe

from onboarding.tasks import broker_answers
from onboarding.views.rules import public


@public
@require_safe
def livez(request: HttpRequest) -> JsonResponse:
    """The process answers. Touches nothing else."""
    return JsonResponse({"status": "ok"})


@public
@require_safe
def readyz(request: HttpRequest) -> JsonResponse:
    """The database answers and is migrated. Without Redis the portal is ready, and says that it is degraded: pages
    answer, and what is to be done waits in the database."""
    try:
        executor = MigrationExecutor(connection)
        is_behind = bool(executor.migration_plan(executor.loader.graph.leaf_nodes()))
    except DatabaseError:
        return JsonResponse({"status": "unavailable", "database": "no answer"}, status=503)
    if is_behind:
        return JsonResponse({"status": "unavailable", "database": "migrations pending"}, status=503)
    if not broker_answers():
        return JsonResponse({"status": "degraded", "database": "ok", "redis": "no answer"})
    return JsonResponse({"status": "ok", "database": "ok", "redis": "ok"})
