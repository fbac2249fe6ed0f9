"""What is kept of an invocation beside its counts: how it was asked for, and never a word of what it said."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from werkzeug.datastructures import Headers

_GUARDRAIL = ("X-Amzn-Bedrock-GuardrailIdentifier", "X-Amzn-Bedrock-GuardrailVersion")
_SERVICE_TIER = "X-Amzn-Bedrock-Service-Tier"
# The lifetimes that the Messages API knows; a cache point without one has the first.
# https://docs.claude.com/en/docs/build-with-claude/prompt-caching
_LIFETIMES = ("5m", "1h")


@dataclass(frozen=True, slots=True)
class Traits:
    """Each is "" where nothing of the kind was asked for."""

    authentication: str  # "signature" or "api-key"
    guardrail: str  # its identifier and version, with a colon between
    service_tier: str
    cache_lifetimes: str  # of the prompt's cache points: "5m", "1h" or "1h 5m"


def traits_of(headers: Headers, body: bytes) -> Traits:
    return Traits(
        authentication="api-key" if headers.get("Authorization", "").startswith("Bearer ") else "signature",
        guardrail=":".join(headers[name] for name in _GUARDRAIL if name in headers),
        service_tier=headers.get(_SERVICE_TIER, ""),
        cache_lifetimes=" ".join(sorted(set(_lifetimes(body)))),
    )


def _lifetimes(body: bytes) -> Iterator[str]:
    """Of every cache point. A text in place of a lifetime is not repeated."""
    try:
        parts: list[Any] = [json.loads(body)]
    except ValueError:
        return
    while parts:
        part = parts.pop()
        if isinstance(part, list):
            parts += part
        elif isinstance(part, dict):
            parts += part.values()
            if isinstance(point := part.get("cache_control"), dict):
                lifetime = point.get("ttl", _LIFETIMES[0])
                yield lifetime if lifetime in _LIFETIMES else "other"
