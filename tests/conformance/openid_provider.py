"""npm's oidc-provider, which is OpenID-certified: installed once into the user's cache folder, run on loopback."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.conformance.claude_code import Unavailable

# The versions and digests of all that it consists of are in the lock file there.
_FOLDER = Path(__file__).with_name("oidc-provider")
_INSTALL_SECONDS = 120
_STOP_SECONDS = 10


def installed() -> Path:
    """The folder from which the provider runs; fetched when it is not in the cache yet. Raises Unavailable."""
    if shutil.which("node") is None or shutil.which("npm") is None:
        raise Unavailable("node and npm are not installed, so oidc-provider cannot be run")
    files = sorted(_FOLDER.glob("[a-z]*.*"))
    version = hashlib.sha256(b"".join(file.read_bytes() for file in files)).hexdigest()[:16]
    folder = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "onramp-tests"
    target = folder / f"oidc-provider-{version}"
    if not target.exists():
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder) as name:
            draft = Path(name) / "draft"
            shutil.copytree(_FOLDER, draft)
            _install(draft)
            _appear(draft, target)
    return target


def _install(folder: Path) -> None:
    options = ["--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error", "--fetch-retries=1"]
    try:
        done = subprocess.run(
            ["npm", "ci", *options],
            cwd=folder,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=_INSTALL_SECONDS,
        )
    except subprocess.TimeoutExpired as error:
        raise Unavailable(f"npm did not deliver oidc-provider in {_INSTALL_SECONDS} s") from error
    if done.returncode:
        raise Unavailable(f"npm could not install oidc-provider: {' '.join(done.stderr.split())[:300]}")


def _appear(draft: Path, target: Path) -> None:
    """Whole or not at all; another worker of the suite may have been faster."""
    try:
        draft.rename(target)
    except OSError:
        if not target.exists():
            raise


@contextmanager
def running(settings: dict[str, Any]) -> Iterator[str]:
    """The provider with these settings (see provider.mjs); its issuer. Raises Unavailable."""
    process = subprocess.Popen(
        ["node", "provider.mjs", json.dumps(settings)],
        cwd=installed(),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    try:
        assert process.stdout is not None
        issuer = process.stdout.readline().strip()
        assert issuer.startswith("http://localhost:"), f"oidc-provider did not start: {process.poll()}"
        yield issuer
    finally:
        process.terminate()
        process.wait(_STOP_SECONDS)
        if process.stdout:
            process.stdout.close()
