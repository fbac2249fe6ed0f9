"""The user of docs/hardening.md, on a real Redis: beat and workers do their work as it, and it is refused nothing."""

from __future__ import annotations

import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
import redis
from celery import Celery

from deploy.redis import embedded_redis
from tests.aws.ingesting import environment_of_a_process
from tests.deploy.declared import BASE_DIR, commands

pytestmark = pytest.mark.django_db(transaction=True)

PASSWORD = "of-the-portals-user"


def until(is_so: Callable[[], object], seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < deadline, "took too long"
        time.sleep(0.1)


@pytest.fixture
def administrator(tmp_path: Path) -> Iterator[redis.Redis]:
    server = embedded_redis(tmp_path / "redis")
    process = subprocess.Popen(server.command, stdout=subprocess.DEVNULL)
    try:
        until(server.answers)
        with redis.Redis.from_url(server.url, decode_responses=True) as client:
            yield client
    finally:
        process.terminate()
        process.wait(20)


def test_the_portals_user_may_all_it_does_and_no_more(administrator: redis.Redis, tmp_path: Path) -> None:
    page = (BASE_DIR / "docs/hardening.md").read_text(encoding="utf-8")
    (line,) = re.findall(r"^user (onramp .*)$", page, re.MULTILINE)
    rule = line.replace("…", PASSWORD).split()
    administrator.execute_command("ACL", "SETUSER", *rule)  # type: ignore[no-untyped-call]  # redis types a part
    port = administrator.connection_pool.connection_kwargs["port"]
    url = f"redis://onramp:{PASSWORD}@127.0.0.1:{port}/0"
    environment = environment_of_a_process() | {"REDIS_URL": url, "ONRAMP_METRICS_DIR": str(tmp_path / "metrics")}
    log = tmp_path / "log"

    with ExitStack() as stack, log.open("wb") as output, Celery(broker=url, set_as_current=False) as app:
        for name, command in commands().items():
            named = ["--hostname", f"{name}@%h"] if "worker" in command else []
            process = subprocess.Popen(
                [sys.executable, "-m", *command, *named], env=environment, stdout=output, stderr=output
            )
            stack.callback(process.wait, 30)
            stack.callback(process.terminate)
        until(lambda: len(app.control.ping(timeout=1)) == 2)
        app.send_task("onboarding.forget_expired", queue="sweeps")
        app.send_task("onboarding.forget_expired", queue="interactive", countdown=1)
        until(lambda: log.read_text().count("onboarding.forget_expired[") >= 2)
        until(lambda: "beat.active" in log.read_text())

    # What redis-py tells a server of itself: a refusal means nothing to it, and newer servers refuse nothing of it.
    assert [row for row in administrator.acl_log() if row["object"] != "client"] == []
    with redis.Redis.from_url(url) as portal:
        for forbidden in (
            ("FLUSHALL",),
            ("CONFIG", "GET", "*"),
            ("KEYS", "*"),
            ("GET", "another-programs"),
            ("PUBLISH", "a", "b"),
        ):
            with pytest.raises(redis.exceptions.NoPermissionError):
                portal.execute_command(*forbidden)
