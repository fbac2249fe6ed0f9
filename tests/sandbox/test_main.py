"""`python -m sandbox`: prints and writes the environment, stops on a signal, leaves nothing."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import pytest


@pytest.mark.skipif(sys.platform == "win32", reason="signals")
def test_start_and_stop(tmp_path: Path) -> None:
    path = tmp_path / "sandbox.env"
    command = [sys.executable, "-W", "error", "-m", "sandbox", "--without-idp", "--env-file", str(path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        for _ in range(200):
            if path.exists() or process.poll() is not None:
                break
            time.sleep(0.1)
        values = dict(line.split("=", 1) for line in path.read_text().splitlines())
        with urllib.request.urlopen(values["AWS_ENDPOINT_URL"] + "/sandbox/health", timeout=5) as answer:
            assert answer.status == 200
        process.send_signal(signal.SIGTERM)
        output, errors = process.communicate(timeout=20)
    assert process.returncode == 0, errors
    assert f"export AWS_ENDPOINT_URL='{values['AWS_ENDPOINT_URL']}'" in output.splitlines()
    assert values["ONRAMP_ADMIN_GROUPS"] == "onramp-admins"
    assert not path.exists()
