"""`python -m deploy.local`: the whole portal on this machine, until Ctrl-C. What `make run` runs.

Reads PORT (8000), ONRAMP_HOME (.onramp) and `.env`. Where no identity provider is configured, the sandbox stands in
for it and for AWS; where no REDIS_URL is, a Redis of our own. Everything listens on loopback only.
"""

from __future__ import annotations

import fcntl
import http.client
import os
import signal
import socket
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import IO

from dotenv import dotenv_values

from deploy.processes import ChildDied, Processes, Stopped
from deploy.redis import LOOPBACK, embedded_redis

BASE_DIR = Path(__file__).resolve().parent.parent
PYTHON = sys.executable
# Any of these set, people come from outside.
_IDENTITY_PROVIDERS = (
    "ONRAMP_OIDC_ISSUER",
    "ONRAMP_SAML_METADATA_URL",
    "ONRAMP_SAML_METADATA_FILE",
    "ONRAMP_SAML_IDP_ENTITY_ID",
)


class CannotStart(Exception):
    """Something stands in the way. The message says what to do."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What to run: where, with which environment, and whether the sandbox stands in for the outside."""

    port: int
    home: Path
    environment: Mapping[str, str]
    has_sandbox: bool

    @property
    def url(self) -> str:
        return self.environment["ONRAMP_PUBLIC_URL"]


def read_plan(environ: Mapping[str, str], env_file: Path) -> Plan:
    """What the environment and, behind it, `.env` ask for. Raises CannotStart for a port that is none."""
    values = {name: value for name, value in dotenv_values(env_file).items() if value} | dict(environ)
    port = _port(values.get("PORT") or "8000")
    home = (BASE_DIR / values.get("ONRAMP_HOME", ".onramp")).resolve()
    has_sandbox = not any(values.get(name) for name in _IDENTITY_PROVIDERS)
    if has_sandbox:
        values = _without_aws(values)
    defaults = {"ONRAMP_PUBLIC_URL": f"http://localhost:{port}", "ONRAMP_METRICS_NETWORKS": "127.0.0.1,::1"}
    fixed = {"ONRAMP_HOME": str(home), "DJANGO_SETTINGS_MODULE": "portal.settings", "PYTHONUNBUFFERED": "1"}
    return Plan(port, home, defaults | values | fixed, has_sandbox)


def _port(text: str) -> int:
    if not text.isdecimal() or not 0 < int(text) < 65536:
        raise CannotStart(f"PORT={text} is not a port number.")
    return int(text)


def _without_aws(values: Mapping[str, str]) -> dict[str, str]:
    """An environment in which nothing can reach the real AWS by mistake, nor loopback through a proxy."""
    kept = {name: value for name, value in values.items() if not name.startswith("AWS_")}
    loopback = ",".join(filter(None, [values.get("NO_PROXY") or values.get("no_proxy"), "localhost,127.0.0.1"]))
    nothing = {"AWS_CONFIG_FILE": os.devnull, "AWS_SHARED_CREDENTIALS_FILE": os.devnull}
    return kept | nothing | {"NO_PROXY": loopback, "no_proxy": loopback}


# --- Before anything starts


def check_port(port: int) -> None:
    """Raises CannotStart when somebody else listens there."""
    try:
        with socket.socket() as probe:
            # A port that a stopped portal has just left is free.
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind((LOOPBACK, port))
    except OSError as error:
        message = f"Port {port} cannot be used ({error.strerror}). Choose another: make run PORT={port + 1}"
        raise CannotStart(message) from error


def lock_home(home: Path) -> IO[str]:
    """Hold `home` for as long as the result lives: two portals on one folder would run every schedule twice."""
    home.mkdir(parents=True, exist_ok=True)
    file = (home / "lock").open("w")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        file.close()
        message = f"Onramp already runs from {home}. Stop it, or give this one its own folder: ONRAMP_HOME=..."
        raise CannotStart(message) from error
    return file


# --- The processes


def start_all(plan: Plan, processes: Processes) -> None:
    """Start everything in order and return once the portal is ready. Raises ChildDied."""
    environment = dict(plan.environment)
    if plan.has_sandbox:
        environment |= _start_sandbox(plan, processes)
    if not environment.get("REDIS_URL"):
        environment["REDIS_URL"] = _start_redis(plan, processes)
    seeds = ["sandbox/portal.json"] if plan.has_sandbox else []
    processes.run("prepare", [PYTHON, "-m", "deploy.prepare", *seeds], environment)
    _start_portal(plan, processes, environment)
    processes.wait(lambda: is_ready(plan.port), tick=0.2)


def _start_sandbox(plan: Plan, processes: Processes) -> dict[str, str]:
    """Start the pretend company; its environment."""
    env_file = plan.home / "sandbox.env"
    env_file.unlink(missing_ok=True)
    places = ["--portal-url", plan.url, "--state", str(plan.home / "sandbox"), "--env-file", str(env_file)]
    processes.start("sandbox", [PYTHON, "-m", "sandbox", *places], plan.environment)
    processes.wait(env_file.exists)
    return {name: value or "" for name, value in dotenv_values(env_file, interpolate=False).items()}


def _start_redis(plan: Plan, processes: Processes) -> str:
    redis = embedded_redis(plan.home / "redis")
    processes.start("redis", redis.command, plan.environment)
    processes.wait(redis.answers)
    return redis.url


def _start_portal(plan: Plan, processes: Processes, environment: Mapping[str, str]) -> None:
    web = ["gunicorn", "--bind", f"{LOOPBACK}:{plan.port}", "--workers", "2", "--threads", "4"]
    # No access log (the portal logs requests itself); no control socket (it would be in the user's home).
    web += ["--worker-class", "gthread", "--graceful-timeout", "5", "--no-control-socket"]
    web += ["--logger-class", "portal.gunicorn_logger.Logger", "portal.wsgi"]
    celery = ["celery", "--app", "portal", "--quiet"]
    # SIGTERM as SIGQUIT: running tasks go back to the queue instead of being waited for.
    softly = {**environment, "REMAP_SIGTERM": "SIGQUIT"}
    # Usage has a worker of its own: nobody's first verification waits behind sixty days of it.
    for name, queues, processes_of_it in (("worker", "interactive,sweeps", "2"), ("costs", "costs", "1")):
        worker = [*celery, "worker", "--hostname", f"{name}@%h", "--queues", queues, "--concurrency", processes_of_it]
        processes.start(name, [PYTHON, "-m", *worker], softly)
    processes.start("beat", [PYTHON, "-m", *celery, "beat", "--pidfile", ""], environment)
    processes.start("web", [PYTHON, "-m", *web], environment)


def is_ready(port: int) -> bool:
    connection = http.client.HTTPConnection(LOOPBACK, port, timeout=5)
    try:
        connection.request("GET", "/readyz")
        return connection.getresponse().status == 200
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


# --- What the user sees


def announcement(plan: Plan) -> str:
    lines = [f"Onramp is at {plan.url}"]
    if plan.has_sandbox:
        lines += ["", *_people()]
    return "\n".join([*lines, "", f"Logs are in {plan.home / 'logs'}. Ctrl-C stops everything."])


def _people() -> list[str]:
    """Who can sign in at the sandbox, and what each of them shows."""
    from sandbox.idp import PASSWORD
    from sandbox.scenario import load_company

    people = load_company().people
    width = max(len(person.email) for person in people)
    intro = f"The company is a sandbox. Sign in as any of these people, password {PASSWORD}:"
    return [intro, *(f"  {p.email:<{width}}  {p.note or ', '.join(p.groups)}" for p in people)]


def explain(died: ChildDied) -> str:
    return f"{died}. The end of {died.child.log}:\n{died.child.last_lines()}"


# --- The whole


def _stop_on_signals(processes: Processes) -> None:
    def stop(number: int, frame: FrameType | None) -> None:
        processes.ask_to_stop()

    signal.signal(signal.SIGINT, stop)
    signal.signal(signal.SIGTERM, stop)
    if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:  # nohup asks us to outlive the terminal
        signal.signal(signal.SIGHUP, stop)


def run(plan: Plan) -> int:
    """Returns the exit status. Raises CannotStart before anything has been started."""
    check_port(plan.port)
    held = lock_home(plan.home)
    processes = Processes(plan.home / "logs", cwd=BASE_DIR)
    _stop_on_signals(processes)
    try:
        print("Starting Onramp ...", flush=True)
        start_all(plan, processes)
        print(announcement(plan), flush=True)
        processes.wait(lambda: False, tick=0.5)
    except Stopped:
        print("\nStopping ...", flush=True)
    except ChildDied as died:
        print(explain(died), file=sys.stderr, flush=True)
        return 1
    finally:
        processes.stop()
        held.close()
    return 0


def main() -> int:
    try:
        return run(read_plan(os.environ, BASE_DIR / ".env"))
    except CannotStart as error:
        print(error, file=sys.stderr)
        return 1


if __name__ == "__main__":
    raise SystemExit(main())
