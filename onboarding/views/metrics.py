"""`/metrics`, for Prometheus: closed unless a token or a network is configured."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator, Mapping
from secrets import compare_digest

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4
from prometheus_client.metrics_core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from onboarding import VERSION, gauges, instruments
from onboarding.views.health import broker_is_up
from onboarding.views.rules import for_tokens

# A request with one of these came through a proxy: its address is the proxy's and says nothing about who asks.
_OF_PROXIES = ("X-Forwarded-For", "Forwarded", "X-Real-IP")


@for_tokens
@never_cache
@require_safe
def metrics(request: HttpRequest) -> HttpResponse:
    """What this host's processes counted, what the database says, and whether Redis is there."""
    if not may_read(request.META.get("REMOTE_ADDR", ""), request.headers):
        raise Http404
    return HttpResponse(exposition(has_gauges=True), content_type=CONTENT_TYPE_PLAIN_0_0_4)


def may_read(address: str, headers: Mapping[str, str]) -> bool:
    """Whether somebody at this address, with these headers, may read the metrics."""
    return _shows_token(headers.get("Authorization", "")) or _is_near(address, headers)


def _shows_token(header: str) -> bool:
    token = settings.ONRAMP_METRICS_TOKEN
    return bool(token) and compare_digest(header.encode("utf-8", "replace"), f"Bearer {token}".encode())


def _is_near(address: str, headers: Mapping[str, str]) -> bool:
    if any(headers.get(name) for name in _OF_PROXIES):
        return False
    try:
        found = ipaddress.ip_address(address)
    except ValueError:  # a Unix socket has none
        return False
    return any(found in network for network in settings.ONRAMP_METRICS_NETWORKS)


def exposition(*, has_gauges: bool) -> bytes:
    """The metrics in Prometheus' text format."""
    registry = CollectorRegistry()
    registry.register(_Everything(has_gauges))
    return generate_latest(registry)


class _Everything(Collector):
    def __init__(self, has_gauges: bool) -> None:
        self._has_gauges = has_gauges

    def describe(self) -> list[Metric]:
        """Nothing: registering would read everything once more."""
        return []

    def collect(self) -> Iterator[Metric]:
        build = GaugeMetricFamily("onramp_build_info", "The release that answers.", labels=["version"])
        build.add_metric([VERSION], 1)
        yield build
        yield from instruments.total()
        if self._has_gauges:
            yield from gauges.read()
            yield GaugeMetricFamily("onramp_broker_up", "Whether Redis answered.", broker_is_up())
