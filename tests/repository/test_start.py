"""What a process of the web, and a worker, loads before anybody asks it for anything."""

from __future__ import annotations

import subprocess
import sys

import pytest

# Each is needed by one page or one task, and costs every process seconds or tens of megabytes.
LATER = {"jsonschema", "pyarrow"}
# These are for tests and development.
NEVER = {"schemathesis", "hypothesis", "moto", "pytest", "scim2_models", "scim2_tester", "openpyxl", "numpy"}

_LOADED = "import sys, django; {}; print(*sorted({{name.partition('.')[0] for name in sys.modules}}))"


@pytest.mark.parametrize(
    "start",
    [
        pytest.param("import portal.wsgi", id="web"),
        pytest.param("import portal.celery; django.setup(); import onboarding.tasks", id="worker"),
    ],
)
def test_a_process_starts_without_what_it_may_never_need(start: str) -> None:
    code = _LOADED.format(start)
    loaded = subprocess.run([sys.executable, "-W", "ignore", "-c", code], capture_output=True, text=True, check=True)

    names = set(loaded.stdout.split())

    assert "onboarding" in names
    assert names & (LATER | NEVER) == set()


def test_the_web_has_loaded_its_pages_before_anybody_asks() -> None:
    told = "'onboarding.urls' in sys.modules, gc.isenabled(), gc.get_freeze_count() > 0"
    code = f"import gc, sys, portal.wsgi; print({told})"
    done = subprocess.run([sys.executable, "-W", "ignore", "-c", code], capture_output=True, text=True, check=True)

    assert done.stdout.split() == ["True", "True", "True"]
