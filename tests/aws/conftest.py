"""The sandbox's company in the database, and the portal's seam pointing at the sandbox's AWS."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from onboarding.aws import pace
from onboarding.aws.session import forget_clients
from onboarding.plans import load_document
from sandbox.__main__ import environment
from tests.sandbox_aws import Aws

DOCUMENT = Path(__file__).parents[2] / "sandbox" / "portal.json"


@pytest.fixture
def company(db: None, aws: Aws, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The accounts, plans, teams and people of the sandbox's company."""
    port = int(aws.url.rsplit(":", 1)[1])
    # A sweep that kept AWS's pace would take minutes here; benchmarks/ keeps it.
    monkeypatch.setattr(pace, "RATES", dict.fromkeys(pace.RATES, (10_000.0, 10_000)))
    for name, value in environment(aws.company, port, None).items():
        if name.startswith("AWS_"):
            monkeypatch.setenv(name, value)
    forget_clients()
    load_document(json.loads(DOCUMENT.read_text()), actor="tests")
    yield
    forget_clients()
