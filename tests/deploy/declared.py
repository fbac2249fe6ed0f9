"""What the repository says elsewhere of the processes that are deployed, and of what their environment may hold."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

from portal.environment import Environment

BASE_DIR = Path(__file__).resolve().parents[2]
DEPLOY = BASE_DIR / "deploy"

# The image's own; a process that runs it names no command.
WEB = "web"


def commands() -> dict[str, list[str]]:
    """The command of each process but web, as the Dockerfile's head has them."""
    head = (BASE_DIR / "Dockerfile").read_text(encoding="utf-8").partition("\n\n")[0]
    rows = re.findall(r"^#   (\w+)\s+(celery .*?)(?:\s{2,}.*)?$", head, re.MULTILINE)
    return {name: shlex.split(command) for name, command in rows}


def release_commands() -> list[str]:
    """What runs before each release, in order."""
    head = (BASE_DIR / "Dockerfile").read_text(encoding="utf-8").partition("\n\n")[0]
    found = re.search(r"before each release: ((?:.*,\n#)*.*)", head)
    assert found is not None
    return re.split(r",[\n# ]+", found[1])


def image_user() -> int:
    found = re.search(r"^USER (\d+)$", (BASE_DIR / "Dockerfile").read_text(encoding="utf-8"), re.MULTILINE)
    assert found is not None
    return int(found[1])


def settings() -> set[str]:
    """The environment variables that the portal reads."""
    return {
        str(getattr(field.validation_alias, "choices", [f"ONRAMP_{name.upper()}"])[0])
        for name, field in Environment.model_fields.items()
    }


def is_known(variable: str) -> bool:
    """Whether the portal reads it, or the docs say what it is for."""
    docs = (BASE_DIR / "docs" / name for name in ("configuration.md", "operations.md", "deployment.md"))
    return variable in settings() or any(f"`{variable}" in page.read_text(encoding="utf-8") for page in docs)
