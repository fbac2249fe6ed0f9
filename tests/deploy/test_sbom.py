"""`make sbom`: what production installs, the same bytes every time."""

from __future__ import annotations

import json
import re
import shlex
import subprocess
import sys
from pathlib import Path

from packaging.utils import canonicalize_name

from tests.deploy.declared import BASE_DIR

MAKEFILE = (BASE_DIR / "Makefile").read_text(encoding="utf-8")


def made(folder: Path, name: str) -> bytes:
    found = re.search(r"^SBOM := (.+)$", MAKEFILE, re.MULTILINE)
    assert found is not None
    command = shlex.split(found[1].replace("$(BIN)", str(Path(sys.executable).parent)))
    subprocess.run([*command, "--output-file", folder / name], cwd=BASE_DIR, check=True, capture_output=True)
    return (folder / name).read_bytes()


def test_it_lists_the_lock_and_is_the_same_each_time(tmp_path: Path) -> None:
    first = made(tmp_path, "first.json")
    listed = json.loads(first)
    pins = re.findall(
        r"^([\w.-]+)(?:\[[^]]*\])?==([^\s;]+)", (BASE_DIR / "requirements.txt").read_text(), re.MULTILINE
    )
    components = {(canonicalize_name(row["name"]), row["version"]) for row in listed["components"]}
    assert components == {(canonicalize_name(name), version) for name, version in pins}
    assert listed["metadata"]["component"]["name"] == "onramp"
    assert made(tmp_path, "second.json") == first


def test_the_image_has_one_without_the_tool_that_made_it() -> None:
    stages = re.split(r"^FROM ", (BASE_DIR / "Dockerfile").read_text(encoding="utf-8"), flags=re.MULTILINE)[1:]
    assert [stage.splitlines()[0].split(" AS ")[-1] for stage in stages[:-1]] == ["build", "sbom"]
    assert "COPY --from=sbom /sbom.json /app/sbom.json" in stages[-1]
    assert "/tools" not in stages[-1]
