"""What the pretend company uses: the shape of Claude Code, the same every time, and told by the sandbox itself."""

from __future__ import annotations

import datetime as dt
import hashlib
import statistics
import subprocess
import sys
from collections import Counter, defaultdict
from typing import Any

from sandbox.aws import bill, usage
from sandbox.aws.usage import Invocation
from sandbox.scenario import load_company
from tests.sandbox_aws import PROD, SMALL, Aws

TODAY = dt.date(2026, 11, 25)
NOW = dt.datetime(2026, 11, 25, 12, tzinfo=dt.UTC)
COMPANY = load_company()
ROWS = usage.invocations(COMPANY, TODAY, NOW)
SAGA = "eu.anthropic.claude-saga-1"


_PRINT = """
import datetime as dt, hashlib
from sandbox.aws import usage
from sandbox.scenario import load_company
rows = usage.invocations(load_company(), dt.date(2026, 11, 25), dt.datetime(2026, 11, 25, 12, tzinfo=dt.UTC))
print(hashlib.sha256(repr(rows).encode()).hexdigest())
"""

_START = """
import sys
from sandbox.aws import usage
made, real = [], usage.invocations
usage.invocations = lambda *arguments: made.append(arguments) or real(*arguments)
from sandbox.aws.server import Application
from sandbox.scenario import load_company
metering = Application(load_company()).world.metering
assert not made and not {"genai_prices", "pyarrow"} & set(sys.modules), "made before anybody asked"
assert metering.rows() and metering.charges() and len(made) == 1
"""


def totals(rows: list[dict[str, Any]], *by: str) -> dict[tuple[Any, ...], int]:
    sums: Counter[tuple[Any, ...]] = Counter()
    for row in rows:
        sums[tuple(row[name] for name in by)] += row["tokens"]
    return dict(sums)


def test_sixty_days_of_it_and_nothing_of_what_is_still_to_come() -> None:
    days = {row.at.date() for row in ROWS}
    assert (min(days), max(days)) == (TODAY - dt.timedelta(days=59), TODAY)
    assert max(row.at for row in ROWS) < NOW
    assert len({row.request_id for row in ROWS}) == len(ROWS)
    workdays = Counter(row.at.date() for row in ROWS if row.at.date() < TODAY)
    busy = [count for day, count in workdays.items() if day.weekday() < 5]
    quiet = [count for day, count in workdays.items() if day.weekday() > 4]
    assert statistics.mean(quiet) < statistics.mean(busy) / 5


def test_it_reads_much_from_the_cache_and_sends_little_beside_it() -> None:
    grown = [row for row in ROWS if row.cache_write]
    assert len(grown) > len(ROWS) / 2
    assert statistics.median(row.input for row in grown) < 20
    assert sum(row.cache_read for row in ROWS) > 5 * sum(row.cache_write for row in ROWS)
    assert sum(row.cache_read for row in ROWS) > 50 * sum(row.input for row in ROWS)
    short = [row for row in ROWS if not row.cache_write and not row.error]
    assert {("haiku" in row.model_id) or row.model_id.endswith("c3d4e5f6a1b2") for row in short} == {True}


def test_the_dice_fall_alike_in_every_process_and_for_every_hour() -> None:
    prints = {subprocess.run([sys.executable, "-c", _PRINT], capture_output=True, check=True).stdout for _ in range(2)}
    assert prints == {hashlib.sha256(repr(ROWS).encode()).hexdigest().encode() + b"\n"}
    earlier = usage.invocations(COMPANY, TODAY, NOW - dt.timedelta(hours=3))
    assert earlier == [row for row in ROWS if row.at < NOW - dt.timedelta(hours=3)]
    # Where it runs over midnight, the days before stay as they were.
    later = usage.invocations(COMPANY, TODAY, NOW + dt.timedelta(days=1))
    assert [row for row in later if row.at < NOW] == ROWS
    assert {row.at.date() for row in later} - {row.at.date() for row in ROWS} == {TODAY + dt.timedelta(days=1)}


def test_nothing_is_made_before_somebody_asks() -> None:
    """So that the sandbox starts as fast as without usage."""
    started = subprocess.run([sys.executable, "-c", _START], capture_output=True, text=True, check=False)
    assert (started.returncode, started.stderr) == (0, "")


def test_everything_that_makes_counting_hard_is_in_it() -> None:
    by_owner: defaultdict[str, list[Invocation]] = defaultdict(list)
    for row in ROWS:
        by_owner[row.owner].append(row)
    assert all(
        bill.base_model(COMPANY, row)[0] in {model.id for model in COMPANY.models}
        for row in ROWS
        if row.model_id != SAGA
    )
    nobodys = {row.principal.rpartition(":")[2] for row in by_owner[""]}
    assert nobodys == {"user/BedrockAPIKey-q7xk", "assumed-role/acme-ci/build-42"}
    assert {row.principal.rpartition("/")[2] for row in by_owner["sean.o'neill@acme.example"]} == {
        "onramp-401793c3078678984ed03be86d205dc8"
    }
    long = [row for row in ROWS if row.input + row.cache_read + row.cache_write > 200_000]
    assert Counter(row.owner for row in long) == {"bruno.rey@acme.example": 2, "sofia.marin@acme.example": 2}
    assert 0.005 < sum(bool(row.error) for row in ROWS) / len(ROWS) < 0.02
    assert {row.account for row in ROWS if row.cache_write_1h} == {SMALL}
    assert any(":inference-profile/" in row.model_id for row in ROWS)
    assert any(":application-inference-profile/" in row.model_id for row in ROWS)
    assert {row.region for row in ROWS} == {"eu-west-1", "ap-northeast-1"}


def test_the_sandbox_tells_what_was_used_and_what_no_log_tells(aws: Aws) -> None:
    rows = aws.call("GET", "/sandbox/usage")
    assert rows == aws.call("GET", "/sandbox/usage")
    of_prod = aws.call("GET", f"/sandbox/usage?account={PROD}")
    assert of_prod == [row for row in rows if row["account"] == PROD]
    assert len({tuple(row[name] for name in row if name not in ("tokens", "requests")) for row in rows}) == len(rows)
    off = {(row["account"], row["region"]) for row in rows if not row["is_logged"]}
    assert off == {(PROD, "eu-west-1"), ("555566667777", "eu-west-1")}
    assert len({row["day"] for row in rows if row["account"] == PROD and not row["is_logged"]}) == 1
    again = totals(rows, "day", "token_class")
    aws.call("POST", "/sandbox/reset", {})
    assert totals(aws.call("GET", "/sandbox/usage"), "day", "token_class") == again


def test_the_sandbox_tells_what_was_billed(aws: Aws) -> None:
    rows = aws.call("GET", "/sandbox/bill")
    assert {row["record_type"] for row in rows} == {"Usage", "Credit"}
    assert {float(row["amount"]) < 0 for row in rows if row["record_type"] == "Credit"} == {True}
    today = dt.datetime.now(dt.UTC).date()
    assert max(row["day"] for row in rows) == str(today - dt.timedelta(days=2))
    assert "Claude Saga 1" in {row["model"] for row in rows}
    used = {(row["day"], row["account"], row["principal"]) for row in aws.call("GET", "/sandbox/usage")}
    assert {(row["day"], row["account"], row["principal"]) for row in rows if row["model"]} <= used


def test_a_bill_is_its_tokens_at_their_price_and_the_account_s_discount() -> None:
    charges = [row for row in bill.charges(COMPANY, ROWS, TODAY) if row.model]
    sums: Counter[tuple[str, str, str]] = Counter()
    tokens: Counter[tuple[str, str, str]] = Counter()
    for row in charges:
        sums[row.account, row.model, row.usage_type] += row.amount
        tokens[row.account, row.model, row.usage_type] += row.tokens
    sonnet = "EUW1-Claude4.6Sonnet-{}"
    # USD per million tokens, geographic and global: https://aws.amazon.com/bedrock/pricing/
    for kind, price in (("output-tokens", 16.5), ("cache-read-input-token-count", 0.33), ("input-tokens", 3.3)):
        key = (PROD, "Claude Sonnet 4.6", sonnet.format(kind))
        assert sums[key] == round(tokens[key] * price * 1_000_000)
    key = ("222233334444", "Claude Sonnet 4.6", sonnet.format("output-tokens-cross-region-global"))
    assert sums[key] == round(tokens[key] * 15 * 0.9 * 1_000_000)
    assert tokens[key] > 0
