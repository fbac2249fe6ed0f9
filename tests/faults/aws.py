"""The company's AWS as a test disturbs it, and what it was asked."""

from __future__ import annotations

import json
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from tests.faults.portal import Portal

# Too old to be taken, and not too old to stand.
_AGE = (
    "UPDATE onboarding_finding SET checked_at = now() - interval '23 hours', fresh_until = now() - interval '23 hours'"
    " RETURNING 1"
)


def call(portal: Portal, method: str, path: str, body: object = None) -> Any:
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(portal.aws_url + path, data=data, method=method)
    with urllib.request.urlopen(request, timeout=30) as response:
        text = response.read()
    return json.loads(text) if text else None


@contextmanager
def faults(portal: Portal, *faults: Mapping[str, object]) -> Iterator[None]:
    call(portal, "PUT", "/sandbox/faults", faults)
    try:
        yield
    finally:
        call(portal, "PUT", "/sandbox/faults", [])


def age_answers(portal: Portal) -> None:
    """Every answer is of last night: AWS is asked again."""
    portal.rows(_AGE)
