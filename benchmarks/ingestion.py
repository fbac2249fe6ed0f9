"""`python -m benchmarks.ingestion DATABASE_URL BODIES`: read a gigabyte of logs; one line of JSON says how it went.

The logs lie in the S3 of a server of moto's, in a process of its own. The plain loop that they are held against reads
the same files, packed as they are, from memory. Loop and reading take turns, each in a process of its own, and of
each the fastest round counts: what else the machine does can only make a round slower, and hits the two unlike. BODIES
is the share of records that have prompt and answer with them.
"""

from __future__ import annotations

import gzip
import io
import json
import multiprocessing
import os
import random
import resource
import signal
import socket
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from operator import itemgetter
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

from benchmarks.portal import portal

ACCOUNT, REGION, BUCKET = "123456789012", "eu-west-1", "bench-logs"  # the account that moto gives to unknown keys
_QUIET_REGION = "eu-west-3"  # logged, and nobody calls from it
FILES, PEOPLE = 24, 500  # a file an hour
MEGABYTES = 1000
ROUNDS = 5
_DAY = "2026/11/20"
_ROLE = f"arn:aws:sts::{ACCOUNT}:assumed-role/AWSReservedSSO_ClaudeCode_0123456789abcdef"
_WORDS = [f"{word}{ending}" for word in ("read", "write", "rename", "test", "file") for ending in ("", "s", ' "it"')]
_MODELS = ("eu.anthropic.claude-sonnet-4-6", "eu.anthropic.claude-opus-4-8")
_HAIKU = "eu.anthropic.claude-haiku-4-5-20251001-v1:0"


def _words(dice: random.Random, count: int) -> str:
    return " ".join(dice.choices(_WORDS, k=count))


def _stream(dice: random.Random, usage: dict[str, Any]) -> list[dict[str, Any]]:
    """The events of an answer, some words each."""
    deltas = [
        {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": _words(dice, 5)}}
        for _ in range(dice.randrange(10, 60))
    ]
    begin = {"type": "message_start", "message": {"id": "msg_bdrk_01", "role": "assistant", "usage": usage}}
    return [begin, *deltas, {"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": {}}]


def _line(dice: random.Random, at: str, bodies: float) -> bytes:
    """One record. With the probability of `bodies` it has what was asked and answered, some kilobytes of it."""
    person = dice.randrange(PEOPLE)
    model = dice.choice((_MODELS[person % 2], _HAIKU))  # one's own, and what Claude Code takes for small tasks
    given, read, written, answered = (dice.randrange(most) for most in (40, 160_000, 3_000, 1_500))
    asked: dict[str, Any] = {}
    output: dict[str, Any] = {"outputContentType": "application/json", "outputTokenCount": answered}
    if dice.random() < bodies:
        creation = {"ephemeral_5m_input_tokens": written, "ephemeral_1h_input_tokens": 0}
        usage = {"input_tokens": given, "cache_read_input_tokens": read, "cache_creation": creation}
        messages = [{"role": "user", "content": _words(dice, 150)} for _ in range(dice.randrange(1, 10))]
        asked["inputBodyJson"] = {"anthropic_version": "bedrock-2023-05-31", "messages": messages}
        output["outputBodyJson"] = _stream(dice, usage)
    record = {
        "timestamp": at,
        "accountId": ACCOUNT,
        "region": REGION,
        "requestId": str(uuid.UUID(int=dice.getrandbits(128), version=4)),
        "operation": "InvokeModelWithResponseStream",
        "modelId": f"arn:aws:bedrock:{REGION}:{ACCOUNT}:inference-profile/{model}",
        "inferenceRegion": "eu-central-1",
        "identity": {"arn": f"{_ROLE}/p{person}@acme.example"},
        "input": {
            "inputContentType": "application/json",
            "inputTokenCount": given,
            "cacheReadInputTokenCount": read,
            "cacheWriteInputTokenCount": written,
            **asked,
        },
        "output": output,
        "performanceConfig": {"latency": "standard"},
        "errorCode": None,
        "status": "200",
        "schemaType": "ModelInvocationLog",
        "schemaVersion": "1.0",
    }
    return json.dumps(record).encode()


def make_files(bodies: float) -> tuple[dict[str, bytes], int]:
    """Packed files by key, spread over the hours of a day, and how many lines they have."""
    dice, packed, lines = random.Random(7), {}, 0  # noqa: S311 -- the same logs every time
    root = f"AWSLogs/{ACCOUNT}/BedrockModelInvocationLogs/{REGION}/{_DAY}"
    for number in range(FILES):
        hour = number
        made, size = [], 0
        while size < MEGABYTES * 1_000_000 / FILES:
            made.append(_line(dice, f"2026-11-20T{hour:02d}:{dice.randrange(60):02d}:17Z", bodies))
            size += len(made[-1]) + 1
        lines += len(made)
        packed[f"{root}/{hour:02d}/{number:04d}.json.gz"] = gzip.compress(b"\n".join(made) + b"\n", 6)
    return packed, lines


@contextmanager
def _aws() -> Iterator[str]:
    """A server of moto's on a free port; its address."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)]
    server = subprocess.Popen(  # noqa: S603 -- as above
        command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        _wait_for(port)
        yield f"http://127.0.0.1:{port}"
    finally:
        server.send_signal(signal.SIGTERM)
        server.wait(10)


def _wait_for(port: int) -> None:
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        with socket.socket() as tried:
            if tried.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.1)
    raise RuntimeError("moto's server did not start")


def _upload(url: str, files: dict[str, bytes]) -> None:
    import boto3

    session = boto3.Session("testing", "testing", region_name=REGION)
    s3 = session.client("s3", endpoint_url=url)
    s3.create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
    for key, body in files.items():
        s3.put_object(Bucket=BUCKET, Key=key, Body=body)
    config = {"s3Config": {"bucketName": BUCKET, "keyPrefix": ""}, "textDataDeliveryEnabled": False}
    for region in (REGION, _QUIET_REGION):
        bedrock = session.client("bedrock", region, endpoint_url=url)
        bedrock.put_model_invocation_logging_configuration(loggingConfig=config)


def _plain_loop(files: Sequence[bytes]) -> int:
    """What is to be beaten: every line as Python's own objects, one sum."""
    tokens = 0
    for body in files:
        with gzip.open(io.BytesIO(body)) as lines:
            for line in lines:
                tokens += json.loads(line)["input"]["inputTokenCount"]
    return tokens


def _rss_mb() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def work(url: str) -> None:
    """A worker, and the job that reads the source: one line of JSON with seconds, and memory before and after."""
    import logging

    import django

    from portal.environment import Environment

    Environment.model_config["env_file"] = None
    django.setup()
    logging.disable(logging.WARNING)
    import onboarding.tasks  # noqa: F401 -- what a worker imports
    from onboarding.costs import ingest
    from onboarding.models import Account, LogSource
    from portal.celery import settle

    os.environ |= {"AWS_ENDPOINT_URL": url, "AWS_ACCESS_KEY_ID": "testing", "AWS_SECRET_ACCESS_KEY": "testing"}
    account = Account.objects.create(account_id=ACCOUNT, name="bench")
    # A worker has read before: the SDK has loaded what it knows of AWS.
    LogSource.objects.create(account=account, region=_QUIET_REGION)
    (run,) = ingest.open_ingestions()
    ingest.run(run.pk)
    LogSource.objects.create(account=account, region=REGION)
    run = ingest.open_ingestions()[0]
    settle()
    before, start = _rss_mb(), time.perf_counter()
    ingest.run(run.pk)
    seconds = time.perf_counter() - start
    run.refresh_from_db()
    if run.source.problem:
        raise RuntimeError(f"nothing was read: {run.source.problem_detail}")
    print(json.dumps({"seconds": seconds, "rss_before_mb": before, "rss_mb": _rss_mb()}))  # noqa: T201 -- for `main`


def _worked(database_url: str, url: str) -> dict[str, Any]:
    """What `work` says, in a process that has imported no more than a worker does."""
    from django.db import connection

    name = connection.settings_dict["NAME"]
    theirs = urlunsplit(urlsplit(database_url)._replace(path=f"/{name}"))
    command = [sys.executable, "-m", "benchmarks.ingestion", "work", url]
    done = subprocess.run(  # noqa: S603 -- the program is this Python, and this module
        command, env=os.environ | {"DATABASE_URL": theirs}, stdout=subprocess.PIPE, text=True, check=True
    )
    told: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return told


def main(database_url: str, bodies: str) -> None:
    """Files are made, and the loop runs, in other processes than the reading, whose memory is measured."""
    with _aws() as url, tempfile.TemporaryDirectory(prefix="onramp-logs-") as kept:
        lines = _elsewhere(_prepare, url, Path(kept), float(bodies))
        with portal(database_url):
            from django.core.management import call_command

            call_command("load_prices", stdout=io.StringIO())
            rounds = [_round(database_url, url, Path(kept)) for _ in range(ROUNDS)]
    reading, loop = (min(rounds, key=itemgetter(name)) for name in ("seconds", "loop_seconds"))
    told = reading | {
        "loop_seconds": loop["loop_seconds"],
        "ratio": loop["loop_seconds"] / reading["seconds"],
        "lines": lines,
        "rss_mb": max(each["rss_mb"] for each in rounds),
    }
    print(json.dumps(told))  # noqa: T201 -- what benchmarks/costs.py reads


def _elsewhere(work: Callable[..., Any], *arguments: Any) -> Any:
    """What a function returns, in a process that ends with it."""
    with ProcessPoolExecutor(max_workers=1, mp_context=multiprocessing.get_context("fork")) as process:
        return process.submit(work, *arguments).result()


def _prepare(url: str, kept: Path, bodies: float) -> int:
    """Make the files, for S3 and for the loop; how many lines they have."""
    files, lines = make_files(bodies)
    _upload(url, files)
    for number, body in enumerate(files.values()):
        (kept / str(number)).write_bytes(body)
    return lines


def _timed_loop(kept: Path) -> tuple[float, int]:
    """Seconds, and the sum."""
    files = [file.read_bytes() for file in kept.iterdir()]
    start = time.perf_counter()
    tokens = _plain_loop(files)
    return time.perf_counter() - start, tokens


def _round(database_url: str, url: str, kept: Path) -> dict[str, Any]:
    from onboarding.models import Account, Caller, LogSource, Meter, UsageEntry

    # The row of an account refers to none of these, and each of these to those after it.
    for model in (UsageEntry, Meter, Caller, LogSource, Account):
        model.objects.all().delete()
    seconds, tokens = _elsewhere(_timed_loop, kept)
    told = _worked(database_url, url)
    _compare(tokens)
    return told | {"loop_seconds": seconds}


def _compare(tokens: int) -> None:
    from django.db.models import Sum

    from onboarding.enums import TokenClass
    from onboarding.models import UsageEntry

    found = UsageEntry.objects.filter(token_class=TokenClass.INPUT).aggregate(Sum("tokens"))["tokens__sum"]
    if found != tokens:
        raise RuntimeError(f"the ledger has {found} tokens of input, the loop counted {tokens}")


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["work", aws]:
            work(aws)
        case arguments:
            main(*arguments)
