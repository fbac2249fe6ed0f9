"""The portal as gunicorn serves it, on loopback, to somebody who is ready: how soon it answers, and what it sends."""

from __future__ import annotations

import gzip
import http.client
import os
import re
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from urllib.parse import urljoin

from benchmarks import lighthouse
from benchmarks.registry import Figure, NotMeasured, measures
from deploy.redis import LOOPBACK, free_port

BASE_DIR = Path(__file__).resolve().parent.parent
STARTS = 3
_START_LIMIT = 60.0
_DOOR, _SETUP = "/", "/setup/"
# What a page makes a browser fetch at once; and from a style sheet, its fonts.
_FETCHED = re.compile(r'<(?:link[^>]* href|script[^>]* src|img[^>]* src)="([^"]+)"')
_IN_STYLES = re.compile(r'url\("?([^")]+)"?\)')
_SIGN_IN = """
import datetime as dt, django
django.setup()
from django.conf import settings
from django.test import Client
from onboarding.models import User
from tests.factories import make_ready_person
person, client = make_ready_person(), Client()
client.force_login(person.user)
User.objects.update(last_login=dt.datetime.now(dt.UTC) - dt.timedelta(hours=1))
print(client.cookies[settings.SESSION_COOKIE_NAME].OutputString(attrs=[]))
"""


@measures("start.ready_s", unit="s", goal=2.0)
def start_of_the_web() -> Figure:
    """From the start of gunicorn, as the image starts it, until /readyz answers 200, over a migrated database: by the
    clock, of a few starts the fastest, since what else the machine does only adds to it.
    """
    told = _told()
    clocks = ", ".join(f"{clock:.2f}" for clock, _ in told.starts)
    cpu = statistics.median(cpu for _, cpu in told.starts)
    return Figure(min(clock for clock, _ in told.starts), f"{clocks} s by the clock; {cpu:.2f} s of CPU")


@measures("page.weight_kb", unit="kB", goal=60.0)
def first_view() -> Figure:
    """What a browser that has nothing yet is sent, compressed: the heavier of the front door and the setup page."""
    told = _told()
    said = "; ".join(f"{path} {weight.total / 1000:.1f} kB ({weight})" for path, weight in told.weights.items())
    return Figure(max(weight.total for weight in told.weights.values()) / 1000, said)


@measures("lighthouse.performance", unit="points", goal=95.0, at_least=True)
def performance() -> Figure:
    """Of the front door and the setup page, the worse."""
    return _points("performance")


@measures("lighthouse.accessibility", unit="points", goal=100.0, at_least=True)
def accessibility() -> Figure:
    return _points("accessibility")


@measures("lighthouse.best_practices", unit="points", goal=100.0, at_least=True)
def best_practices() -> Figure:
    return _points("best-practices")


def _points(category: str) -> Figure:
    told = _told()
    if told.why_not:
        raise NotMeasured(told.why_not)
    said = {path: points[category] for path, points in told.points.items()}
    lost = "; ".join(told.lost[category]) or "nothing lost"
    return Figure(min(said.values()), f"{', '.join(f'{path} {points:g}' for path, points in said.items())}; {lost}")


@dataclass
class Weight:
    """Bytes by kind."""

    by_kind: dict[str, int] = field(default_factory=dict)

    def add(self, kind: str, size: int) -> None:
        self.by_kind[kind] = self.by_kind.get(kind, 0) + size

    @property
    def total(self) -> int:
        return sum(self.by_kind.values())

    def __str__(self) -> str:
        return ", ".join(f"{kind} {size / 1000:.1f}" for kind, size in self.by_kind.items())


@dataclass
class _Told:
    starts: list[tuple[float, float]]  # by the clock, and of CPU
    weights: dict[str, Weight]
    points: dict[str, Mapping[str, float]]
    lost: dict[str, list[str]]
    why_not: str = ""


@cache
def _told() -> _Told:
    with tempfile.TemporaryDirectory(prefix="onramp-bench-") as home:
        environment = _environment(Path(home))
        for command in (["migrate", "-v", "0"], ["createcachetable"], ["collectstatic", "--noinput", "-v", "0"]):
            _run([sys.executable, "manage.py", *command], environment)
        cookie = _run([sys.executable, "-c", _SIGN_IN], environment).strip()
        told = _Told([], {}, {}, {name: [] for name in lighthouse.CATEGORIES})
        for _ in range(STARTS):
            before = _cpu_of_children()
            with _serving(environment) as (_, clock):
                pass
            told.starts.append((clock, _cpu_of_children() - before))
        with _serving(environment) as (port, _):
            told.weights = {path: _weight(port, path, cookie) for path in (_DOOR, _SETUP)}
            _shine(told, port, cookie)
        return told


def _cpu_of_children() -> float:
    """Seconds, of those that have ended."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def _environment(home: Path) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("ONRAMP_", "AWS_"))}
    port = free_port()
    return kept | {
        "DATABASE_URL": f"sqlite:///{home}/live.sqlite3",
        "REDIS_URL": f"redis://{LOOPBACK}:9/0",  # nobody listens there
        "ONRAMP_HOME": str(home),
        "ONRAMP_PUBLIC_URL": f"http://localhost:{port}",
        "ONRAMP_OIDC_ISSUER": "http://localhost:9",
        "ONRAMP_OIDC_CLIENT_ID": "onramp",
        "ONRAMP_OIDC_CLIENT_SECRET": "not-a-secret",
        "DJANGO_SETTINGS_MODULE": "benchmarks.live_settings",
        "PORT": str(port),
    }


def _run(command: list[str], environment: Mapping[str, str]) -> str:
    done = subprocess.run(  # noqa: S603 -- the program is this Python
        command, cwd=BASE_DIR, env=environment, capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise RuntimeError(done.stderr[-2000:])
    return done.stdout


@contextmanager
def _serving(environment: Mapping[str, str]) -> Iterator[tuple[int, float]]:
    """The port, and the seconds until it was ready."""
    port = int(environment["PORT"])
    command = ["-m", "gunicorn", "--bind", f"{LOOPBACK}:{port}", "--workers", "2", "--worker-class", "gthread"]
    command += ["--threads", "4", "--logger-class", "portal.gunicorn_logger.Logger", "portal.wsgi"]
    start = time.perf_counter()
    log = (Path(environment["ONRAMP_HOME"]) / "gunicorn.log").open("wb")
    with (
        log,
        subprocess.Popen(  # noqa: S603 -- as above
            [sys.executable, *command], cwd=BASE_DIR, env=environment, stderr=log
        ) as process,
    ):
        try:
            while _status(port) != 200:
                if process.poll() is not None or time.perf_counter() - start > _START_LIMIT:
                    raise RuntimeError(f"the portal did not start: {Path(log.name).read_text()[-2000:]}")
                time.sleep(0.02)
            yield port, time.perf_counter() - start
        finally:
            process.terminate()
            process.wait(10)


def _status(port: int) -> int:
    connection = http.client.HTTPConnection(LOOPBACK, port, timeout=10)
    try:
        connection.request("GET", "/readyz", headers={"Host": "localhost"})
        return connection.getresponse().status
    except OSError:
        return 0
    finally:
        connection.close()


def _weight(port: int, path: str, cookie: str) -> Weight:
    """Raises RuntimeError where the page has something fetched from elsewhere."""
    weight = Weight()
    page = _get(port, path, weight, "HTML", cookie if path == _SETUP else "")
    seen: set[str] = set()
    for name in _FETCHED.findall(page):
        _fetch(port, name, path, weight, seen)
    return weight


def _fetch(port: int, name: str, page: str, weight: Weight, seen: set[str]) -> None:
    if not name.startswith("/") or name.startswith("//"):
        raise RuntimeError(f"{page} has {name} fetched from elsewhere")
    if name in seen:
        return
    seen.add(name)
    kind = {"css": "CSS", "js": "JavaScript", "woff2": "fonts"}.get(name.rpartition(".")[2], "images")
    text = _get(port, name, weight, kind)
    for inner in _IN_STYLES.findall(text) if kind == "CSS" else ():
        _fetch(port, urljoin(name, inner), page, weight, seen)


def _get(port: int, path: str, weight: Weight, kind: str, cookie: str = "") -> str:
    """The text of what is there; its weight as it was sent. Pages are compressed by the proxy in front of the portal,
    so here they are weighed as gzip leaves them."""
    connection = http.client.HTTPConnection(LOOPBACK, port, timeout=30)
    connection.request("GET", path, headers={"Host": "localhost", "Accept-Encoding": "gzip", "Cookie": cookie})
    answer = connection.getresponse()
    body = answer.read()
    connection.close()
    if answer.status != 200:
        raise RuntimeError(f"{path} answered {answer.status}")
    weight.add(kind, len(gzip.compress(body, 6)) if kind == "HTML" else len(body))
    if answer.headers["Content-Encoding"] == "gzip":
        body = gzip.decompress(body)
    return body.decode(errors="replace")


def _shine(told: _Told, port: int, cookie: str) -> None:
    for path in (_DOOR, _SETUP):
        try:
            report = lighthouse.report(f"http://localhost:{port}{path}", cookie if path == _SETUP else "")
        except lighthouse.Unavailable as error:
            told.why_not = str(error)
            return
        told.points[path] = report.points
        for category, lost in report.lost.items():
            told.lost[category] += [f"{path} {each}" for each in lost]
