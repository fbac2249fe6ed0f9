"""Traces leave for a collector where one is configured, and carry names and codes only."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest
import redis
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from portal.traces import ALLOWED
from tests.aws.ingesting import environment_of_a_process
from tests.sandbox_aws import Aws
from tests.serving import serving

BASE_DIR = Path(__file__).resolve().parents[3]
SECRET = "canary-51f0-nobody-is-to-keep-it"

# A web process of its own, and what reaches it; then a call to AWS, and a fault.
PROGRAM = f"""
from portal.wsgi import application
from django.test import RequestFactory
from opentelemetry import trace
from io import BytesIO

def ask(path, query="", **more):
    environ = {{"REQUEST_METHOD": "GET", "PATH_INFO": path, "QUERY_STRING": query, "SERVER_NAME": "localhost",
               "SERVER_PORT": "80", "wsgi.input": BytesIO(), "wsgi.url_scheme": "http", "REMOTE_ADDR": "127.0.0.1",
               "SERVER_PROTOCOL": "HTTP/1.1", **more}}
    return b"".join(application(environ, lambda *_: None))

ask("/audit/", "who={SECRET}", HTTP_AUTHORIZATION="Bearer {SECRET}", HTTP_COOKIE="session={SECRET}",
    HTTP_USER_AGENT="{SECRET}", HTTP_BAGGAGE="key={SECRET}")
ask("/plans/{SECRET}/")
ask("/livez")

from onboarding.aws.errors import AwsError
from onboarding.aws.bedrock import inference_profile
from onboarding.aws.session import Access
try:
    inference_profile("{SECRET}", region="eu-west-1", access=Access())
except AwsError:
    pass

tracer = trace.get_tracer("a test's")
try:
    with tracer.start_as_current_span("fault"):
        raise ValueError("{SECRET}")
except ValueError:
    pass
from portal.celery import app
with tracer.start_as_current_span("publishing"):
    app.send_task("onboarding.refresh_plan", kwargs={{"plan_id": "{SECRET}"}}, queue="sweeps")
trace.get_tracer_provider().shutdown()
"""


class Collector:
    def __init__(self) -> None:
        self.requests: list[tuple[str, bytes]] = []
        collector = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                content = self.rfile.read(int(self.headers["Content-Length"]))
                collector.requests.append((self.path, content))
                self.send_response(200)
                self.end_headers()

            def log_message(self, format: str, *args: Any) -> None:
                pass

        self.server = HTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"

    def spans(self) -> list[tuple[str, Any]]:
        """Service and span."""
        found = []
        for _, content in self.requests:
            for group in ExportTraceServiceRequest.FromString(content).resource_spans:
                names = {each.key: each.value.string_value for each in group.resource.attributes}
                found += [(names["service.name"], span) for scope in group.scope_spans for span in scope.spans]
        return found


@pytest.fixture
def collector() -> Iterator[Collector]:
    collector = Collector()
    with serving(collector.server):
        yield collector


def run(program: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", program],
        env=os.environ | environment,
        cwd=BASE_DIR,
        capture_output=True,
        text=True,
        timeout=120,
    )


@pytest.fixture
def environment(collector: Collector, aws: Aws, broker_url: str, transactional_db: None) -> dict[str, str]:
    return {
        **environment_of_a_process(),
        "ONRAMP_OTLP_ENDPOINT": collector.url,
        "AWS_ENDPOINT_URL": aws.url,
        "REDIS_URL": broker_url,
        "OTEL_BSP_SCHEDULE_DELAY": "200",  # milliseconds between what is sent
    }


@pytest.fixture
def worker(environment: dict[str, str], broker_url: str, tmp_path: Path) -> Iterator[None]:
    redis.Redis.from_url(broker_url).flushall()
    command = [sys.executable, "-m", "celery", "--app", "portal", "worker", "--queues", "sweeps", "--concurrency", "1"]
    with (tmp_path / "worker.log").open("wb") as log:
        process = subprocess.Popen(command, env=os.environ | environment, stdout=log, stderr=log)
    yield
    process.terminate()
    process.wait(30)


@pytest.mark.usefixtures("worker")
def test_spans_carry_names_and_codes_and_nothing_that_was_asked_or_said(
    collector: Collector, environment: dict[str, str]
) -> None:
    done = run(PROGRAM, **environment)
    assert done.returncode == 0, done.stderr
    for _ in range(600):
        if any(service == "onramp-worker" for service, _ in collector.spans()):
            break
        time.sleep(0.1)

    assert {path for path, _ in collector.requests} == {"/v1/traces"}
    spans = {span.name: (service, span) for service, span in collector.spans()}
    assert {"GET audit/", "GET plans/<slug:slug>/", "Bedrock.GetInferenceProfile", "fault"} <= set(spans)
    assert "GET livez" not in spans
    # The task failed at its argument, in the worker, in the trace of what published it.
    service, task = spans["run/onboarding.refresh_plan"]
    assert (service, task.trace_id) == ("onramp-worker", spans["publishing"][1].trace_id)
    attributes = {each.key for _, span in spans.values() for each in span.attributes}
    attributes |= {each.key for _, span in spans.values() for event in span.events for each in event.attributes}
    assert attributes <= ALLOWED
    assert {"http.route", "exception.type", "celery.state"} <= attributes
    assert SECRET.encode() not in b"".join(content for _, content in collector.requests)


def test_nothing_of_opentelemetry_is_imported_unless_it_is_configured() -> None:
    done = run("import sys, portal.wsgi, portal.celery; print([n for n in sys.modules if n.startswith('opentele')])")

    assert done.stdout.strip().endswith("[]"), done.stderr


def test_configured_without_its_packages_no_process_starts() -> None:
    """As in an image that was built without them: Python finds no package of that name."""
    program = """
import importlib.util
find = importlib.util.find_spec
importlib.util.find_spec = lambda name, *more: None if name == "opentelemetry" else find(name, *more)
import portal.wsgi
"""
    done = run(program, ONRAMP_OTLP_ENDPOINT="http://127.0.0.1:4318")

    assert done.returncode == 1
    assert "otlp_endpoint" in done.stderr
    assert "requirements-otel.txt" in done.stderr
