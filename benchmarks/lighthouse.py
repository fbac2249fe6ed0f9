"""Lighthouse, from npm, with the machine's own Chromium: installed once into the user's cache folder."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

CATEGORIES = ("performance", "accessibility", "best-practices")
# The versions and digests of all that it consists of are in the lock file there.
_FOLDER = Path(__file__).with_name("lighthouse_npm")
_CHROMIUMS = ("chromium", "chromium-browser", "google-chrome")
_INSTALL_SECONDS, _RUN_SECONDS = 240, 180


class Unavailable(Exception):
    """Lighthouse cannot be run on this machine. The message says why."""


@dataclass(frozen=True, slots=True)
class Report:
    """Points out of a hundred by category, and the audits that cost some."""

    points: Mapping[str, float]
    lost: Mapping[str, list[str]]


def report(url: str, cookie: str = "") -> Report:
    """What Lighthouse says of a page, as on a phone on a slow line. Raises Unavailable."""
    chromium = next(filter(None, map(shutil.which, _CHROMIUMS)), None)
    if chromium is None:
        raise Unavailable("no Chromium is installed")
    command = ["node", "node_modules/lighthouse/cli/index.js", url, "--output=json", "--quiet"]
    command += [f"--only-categories={','.join(CATEGORIES)}", "--chrome-flags=--headless=new --no-sandbox"]
    if cookie:
        command.append(f"--extra-headers={json.dumps({'Cookie': cookie})}")
    try:
        done = subprocess.run(  # noqa: S603 -- the arguments are ours
            command,
            cwd=_installed(),
            env=os.environ | {"CHROME_PATH": chromium},
            capture_output=True,
            text=True,
            timeout=_RUN_SECONDS,
        )
    except subprocess.TimeoutExpired as error:
        raise Unavailable(f"Lighthouse did not end within {_RUN_SECONDS} s") from error
    if done.returncode:
        raise Unavailable(f"Lighthouse failed: {' '.join(done.stderr.split())[-300:]}")
    return _read(json.loads(done.stdout))


def _read(told: Mapping[str, Any]) -> Report:
    categories = {name: told["categories"][name] for name in CATEGORIES}
    points = {name: (category["score"] or 0) * 100 for name, category in categories.items()}
    return Report(points, {name: _lost(told, category) for name, category in categories.items()})


def _lost(told: Mapping[str, Any], category: Mapping[str, Any]) -> list[str]:
    weighty = [each["id"] for each in category["auditRefs"] if each["weight"]]
    audits = [told["audits"][name] for name in weighty]
    return [f"{each['id']} {each.get('displayValue', '')}".strip() for each in audits if (each["score"] or 0) < 0.9]


def _installed() -> Path:
    """The folder it runs from; fetched when it is not in the cache yet. Raises Unavailable."""
    if shutil.which("node") is None or shutil.which("npm") is None:
        raise Unavailable("node and npm are not installed")
    files = sorted(_FOLDER.glob("*.json"))
    version = hashlib.sha256(b"".join(file.read_bytes() for file in files)).hexdigest()[:16]
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "onramp-tests"
    target = cache / f"lighthouse-{version}"
    if not target.exists():
        cache.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=cache) as name:
            draft = Path(name) / "draft"
            shutil.copytree(_FOLDER, draft)
            _install(draft)
            draft.rename(target)
    return target


def _install(folder: Path) -> None:
    options = ["--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error", "--fetch-retries=1"]
    try:
        done = subprocess.run(  # noqa: S603 -- the arguments are ours
            ["npm", "ci", *options],  # noqa: S607 -- whichever npm the machine has
            cwd=folder,
            capture_output=True,
            text=True,
            timeout=_INSTALL_SECONDS,
        )
    except subprocess.TimeoutExpired as error:
        raise Unavailable(f"npm did not deliver Lighthouse in {_INSTALL_SECONDS} s") from error
    if done.returncode:
        raise Unavailable(f"npm could not install Lighthouse: {' '.join(done.stderr.split())[:300]}")
