"""Traces by OTLP over HTTP, where ONRAMP_OTLP_ENDPOINT says where to. Nothing of OpenTelemetry is imported otherwise.

What instrumentations note of a span is more than may leave the portal: addresses with their query, SQL, messages of
exceptions. So an exporter of our own lets through what stands in a list, and nothing else.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from django.conf import settings

from onboarding import VERSION

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import ReadableSpan

# Names, codes, ids of requests and tasks. No address, header, statement, argument, or text.
ALLOWED = frozenset(
    (
        "http.method",
        "http.request.method",
        "http.route",
        "http.status_code",
        "http.response.status_code",
        "error.type",
        "exception.type",
        "db.system",
        "db.system.name",
        "rpc.system",
        "rpc.service",
        "rpc.method",
        "aws.operation",
        "aws.region",
        "aws.request_id",
        "cloud.region",
        "retry_attempts",
        "celery.action",
        "celery.state",
        "celery.task_name",
        "messaging.destination",
        "messaging.message.id",
        "messaging.message_id",
    )
)
_SECONDS = 5.0  # for the collector to take what is sent


def start(process: str) -> None:
    """Trace this process (`web`, `worker`) from now on, where traces are configured.

    To be called in each process that works, not in one that forks them: what sends is a thread.
    """
    if settings.ENVIRONMENT.otlp_endpoint:
        _start(f"{settings.ENVIRONMENT.otlp_endpoint}/v1/traces", process)


def _start(url: str, process: str) -> None:
    from opentelemetry import propagate, trace
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor
    from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

    class Exporter(OTLPSpanExporter):
        def export(self, spans: Sequence[ReadableSpan]) -> Any:
            return super().export([_bare(span) for span in spans])

    resource = Resource({"service.name": f"onramp-{process}", "service.version": VERSION})
    provider = TracerProvider(resource=resource)
    provider.add_span_processor(BatchSpanProcessor(Exporter(endpoint=url, timeout=_SECONDS)))
    trace.set_tracer_provider(provider)
    # Without baggage: what a browser writes into that header would travel on.
    propagate.set_global_textmap(TraceContextTextMapPropagator())
    _instrument()


def _instrument() -> None:
    from opentelemetry.instrumentation.botocore import BotocoreInstrumentor
    from opentelemetry.instrumentation.celery import CeleryInstrumentor
    from opentelemetry.instrumentation.django import DjangoInstrumentor
    from opentelemetry.instrumentation.psycopg import PsycopgInstrumentor

    DjangoInstrumentor().instrument(excluded_urls="livez,readyz,metrics")
    CeleryInstrumentor().instrument()
    BotocoreInstrumentor().instrument()
    if settings.DATABASES["default"]["ENGINE"].endswith("postgresql"):
        PsycopgInstrumentor().instrument()


def _bare(span: ReadableSpan) -> ReadableSpan:
    """The span with what may leave the portal."""
    from opentelemetry.sdk.trace import Event, ReadableSpan
    from opentelemetry.trace import Status

    return ReadableSpan(
        name=span.name,
        context=span.context,
        parent=span.parent,
        resource=span.resource,
        attributes=_allowed(span.attributes),
        events=[Event(event.name, _allowed(event.attributes), event.timestamp) for event in span.events],
        links=span.links,
        kind=span.kind,
        status=Status(span.status.status_code),
        start_time=span.start_time,
        end_time=span.end_time,
        instrumentation_scope=span.instrumentation_scope,
    )


def _allowed(attributes: Any) -> dict[str, Any]:
    return {name: value for name, value in (attributes or {}).items() if name in ALLOWED}
