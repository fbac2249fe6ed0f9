"""Reading usage through the seam: the ledger is what the sandbox says was used, whatever is odd about its logs."""

from __future__ import annotations

import datetime as dt
import gzip
import json
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from typing import Any

import pytest
from django.core.management.base import CommandError
from django.db.models import Max, Sum
from django.utils import timezone

from onboarding import statuses, tasks
from onboarding.aws.session import forget_clients
from onboarding.catalog import session_name
from onboarding.costs import coverage, ingest
from onboarding.enums import Problem, Role, RunState, TokenClass
from onboarding.models import Account, Caller, Ingestion, LogSource, Person, PersonStatus, UsageEntry
from onboarding.models.statuses import NEVER
from sandbox.aws.usage import workday
from tests.aws.ingesting import RECENT, environment_of_a_process, ledger, output, read, source_of, used, whole_day
from tests.sandbox_aws import NO_RETENTION, PAYMENTS, PROD, SMALL, Aws
from tests.unit.costs.logs import joined, line
from tests.web.plan_pages import client_of, text_of

pytestmark = pytest.mark.usefixtures("company")

SONNET = "anthropic.claude-sonnet-4-6"
IRELAND, TOKYO = "eu-west-1", "ap-northeast-1"
PROD_LOGS, PAYMENTS_LOGS = "acme-ai-prod-bedrock-logs", "acme-ai-payments-bedrock-logs"
SHORTLY = dt.timedelta(days=4)


@pytest.fixture(autouse=True)
def _no_throttling(aws: Aws) -> None:
    """Of the company's own faults, one throttles for ever."""
    aws.call("PUT", "/sandbox/faults", [])


def log_files(
    aws: Aws, day: dt.date | None = None, *, account: str = PROD, bucket: str = PROD_LOGS
) -> list[dict[str, Any]]:
    """The log files of a bucket, or those of a day, as S3 lists them."""
    pages = aws.portal("s3", account).get_paginator("list_objects_v2").paginate(Bucket=bucket)
    folder = f"/{day:%Y/%m/%d}/" if day else "/"
    rows = [row for page in pages for row in page.get("Contents", [])]
    return [row for row in rows if folder in row["Key"] and row["Key"].endswith(".json.gz")]


def records_of(aws: Aws, key: str, *, account: str = PROD, bucket: str = PROD_LOGS) -> list[dict[str, Any]]:
    body = aws.portal("s3", account).get_object(Bucket=bucket, Key=key)["Body"].read()
    return [json.loads(line) for line in gzip.decompress(body).splitlines()]


def incident(aws: Aws, kind: str) -> dt.date:
    """The day of one of the scenario's incidents."""
    assert aws.company.usage is not None
    (found,) = (row for row in aws.company.usage.incidents if row.kind == kind)
    return workday(timezone.now().date(), found.days_ago)


def counted(rows: list[Ingestion], what: str) -> int:
    return sum(getattr(row, what) for row in rows)


# --- The whole


def test_the_ledger_is_what_was_used_in_every_account_and_stays_so(aws: Aws) -> None:
    # What is used while this runs, an hour at a time, is left out.
    today = timezone.now().date()
    truth = used(aws, until=today)
    assert {row.account for row in truth} == {PROD, PAYMENTS, SMALL}
    assert {row.token_class for row in truth} == set(TokenClass.values)

    said = output("ingest_usage").splitlines()

    assert ledger(until=today) == truth
    assert len(said) == LogSource.objects.count()
    priced = UsageEntry.objects.filter(day__lt=today).order_by("pk")
    runs = Ingestion.objects.aggregate(lines=Sum("lines"), new=Sum("new"), duplicates=Sum("duplicates"))
    assert runs["lines"] == runs["new"] + runs["duplicates"]
    assert runs["duplicates"] > 0
    assert not Ingestion.objects.exclude(unreadable=0, too_old=0).exists()
    costs = list(priced.values_list("pk", "tokens", "rate", "cost"))

    output("ingest_usage", days=100)

    assert ledger(until=today) == truth
    assert list(priced.values_list("pk", "tokens", "rate", "cost")) == costs


# --- What is odd about the logs


def test_a_file_that_is_there_twice_counts_once_and_is_told(aws: Aws) -> None:
    day = incident(aws, "duplicated")
    files = log_files(aws, day)
    twins = [row for row in files if sum(other["ETag"] == row["ETag"] for other in files) == 2]
    assert len(twins) == 2

    rows = read(regions=[IRELAND])

    assert counted(rows, "duplicates") == len(records_of(aws, twins[0]["Key"]))
    assert ledger(day=day, meter__region=IRELAND) == of_day(aws, day)


def of_day(aws: Aws, day: dt.date, region: str = IRELAND) -> dict[Any, int]:
    """What an account's log of a day holds, by the sandbox."""
    return {row: tokens for row, tokens in used(aws, PROD).items() if (row.day, row.region) == (str(day), region)}


def test_requests_in_the_folder_of_another_hour_count_for_when_they_were_made(aws: Aws) -> None:
    day = incident(aws, "misplaced")
    misplaced = [
        record
        for file in log_files(aws, day)
        for record in records_of(aws, file["Key"])
        if f"/{record['timestamp'][:13].replace('-', '/').replace('T', '/')}/" not in file["Key"]
    ]
    assert misplaced

    read(regions=[IRELAND])

    assert ledger(day=day, meter__region=IRELAND) == of_day(aws, day)


LATE_MODEL = "anthropic.claude-late-1"


def deliver_late(aws: Aws) -> None:
    """A request of Ireland, in the folder of an hour that was listed before it came."""
    at = timezone.now() - dt.timedelta(hours=2)
    caller = f"{aws.session_arn('ClaudeCodeDeveloper')}/ana.nunez@acme.example"
    record = line(at=f"{at:%Y-%m-%dT%H:%M:%SZ}", arn=caller, model=f"eu.{LATE_MODEL}", tokens=(7, 5, 0, 0))
    key = f"{log_files(aws)[0]['Key'].partition(f'/{IRELAND}/')[0]}/{IRELAND}/{at:%Y/%m/%d/%H}/late.json.gz"
    aws.portal("s3").put_object(Bucket=PROD_LOGS, Key=key, Body=gzip.compress(joined(record)))


def late_tokens() -> dict[str, int]:
    return {row.token_class: tokens for row, tokens in ledger(meter__model_id=LATE_MODEL).items()}


def test_a_file_that_comes_hours_later_is_found_by_the_next_reading(aws: Aws) -> None:
    read(regions=[IRELAND], back=dt.timedelta(hours=4))
    deliver_late(aws)

    read(regions=[IRELAND])

    assert late_tokens() == {"input": 7, "output": 5}


GROUP = "/acme/bedrock/invocations"
ELSEWHERE: dict[str, dict[str, Any]] = {
    "off": {},
    "another bucket": {"s3Config": {"bucketName": PAYMENTS_LOGS, "keyPrefix": "new"}},
    "a log group": {
        "cloudWatchConfig": {"logGroupName": GROUP, "roleArn": f"arn:aws:iam::{PROD}:role/BedrockInvocationLogging"}
    },
}


def log_to(aws: Aws, config: dict[str, Any], region: str = IRELAND) -> None:
    bedrock = aws.portal("bedrock", PROD, region)
    if config:
        bedrock.put_model_invocation_logging_configuration(loggingConfig=config)
    else:
        bedrock.delete_model_invocation_logging_configuration()


@pytest.mark.parametrize("new", ELSEWHERE)
def test_what_comes_late_to_where_logging_was_is_read_there(aws: Aws, new: str) -> None:
    aws.portal("logs").create_log_group(logGroupName=GROUP)
    read(regions=[IRELAND], back=dt.timedelta(hours=4))
    log_to(aws, ELSEWHERE[new])
    read(regions=[IRELAND])
    deliver_late(aws)

    read(regions=[IRELAND])

    source = source_of()
    assert (source.left.startswith(f"s3://{PROD_LOGS}"), source.destination != source.left) == (True, True)
    assert (source.problem, late_tokens()) == ("", {"input": 7, "output": 5})


def look_back(back: dt.timedelta) -> None:
    """Read Ireland again from that long ago on."""
    rows = ingest.open_ingestions(back=back, accounts=[Account.objects.get(account_id=PROD)])
    (row,) = [row for row in rows if row.source.region == IRELAND]
    tasks.run_ingestion(ingestion_id=row.pk)


def test_where_logging_was_is_not_read_for_ever(aws: Aws) -> None:
    read(regions=[IRELAND], back=dt.timedelta(hours=4))
    log_to(aws, {})
    read(regions=[IRELAND])
    deliver_late(aws)
    LogSource.objects.filter(pk=source_of().pk).update(left_at=timezone.now() - dt.timedelta(hours=3))

    read(regions=[IRELAND])
    assert late_tokens() == {}

    # What comes still later, the run finds that looks back for late files.
    look_back(ingest.LATE)
    assert late_tokens() == {"input": 7, "output": 5}


def test_it_is_kept_from_when_on_logs_were_read(aws: Aws) -> None:
    read(regions=[IRELAND])
    first = source_of().read_from
    assert first is not None
    assert timezone.now() - first < RECENT + dt.timedelta(minutes=5)

    read(regions=[IRELAND])
    assert source_of().read_from == first

    look_back(2 * RECENT)
    earlier = source_of().read_from
    assert earlier is not None
    assert first - earlier > RECENT / 2


def test_a_place_that_cannot_be_read_any_more_is_told_and_keeps_nobody_from_the_new_one(aws: Aws) -> None:
    read(regions=[IRELAND], back=dt.timedelta(hours=4))
    until, s3 = source_of().read_until, aws.portal("s3")
    here = log_files(aws)[0]["Key"]
    deliver_late(aws)
    late = next(row["Key"] for row in log_files(aws) if row["Key"].endswith("/late.json.gz"))
    s3.create_bucket(Bucket="acme-new-logs", CreateBucketConfiguration={"LocationConstraint": IRELAND})
    s3.copy_object(Bucket="acme-new-logs", Key=late, CopySource={"Bucket": PROD_LOGS, "Key": late})
    log_to(aws, {"s3Config": {"bucketName": "acme-new-logs", "keyPrefix": here.partition("AWSLogs/")[0].rstrip("/")}})
    aws.fault(operation="s3.ListObjectsV2", kind="denied", when={"Bucket": PROD_LOGS})

    read(regions=[IRELAND])

    source = source_of()
    assert source.destination.startswith("s3://acme-new-logs")
    assert (source.problem, source.read_until) == (Problem.DENIED, until)
    assert late_tokens() == {"input": 7, "output": 5}


def test_a_log_group_that_was_left_does_not_say_how_far_the_new_place_was_read(aws: Aws) -> None:
    read(regions=[TOKYO])
    until = source_of(region=TOKYO).read_until
    log_to(aws, ELSEWHERE["another bucket"], TOKYO)
    aws.fault(operation="s3.ListObjectsV2", kind="denied")

    read(regions=[TOKYO])

    source = source_of(region=TOKYO)
    assert (source.left, source.problem, source.read_until) == (GROUP, Problem.DENIED, until)


def test_a_file_that_comes_days_later_is_found_at_night(aws: Aws) -> None:
    s3, day = aws.portal("s3"), incident(aws, "late")
    midnight = dt.datetime.combine(timezone.now().date(), dt.time(), dt.UTC)
    (late,) = (row for row in log_files(aws, day) if row["LastModified"] >= midnight)
    content = s3.get_object(Bucket=PROD_LOGS, Key=late["Key"])["Body"].read()
    s3.delete_object(Bucket=PROD_LOGS, Key=late["Key"])
    read(regions=[IRELAND], back=RECENT)
    before = sum(ledger(day=day, meter__region=IRELAND).values())
    s3.put_object(Bucket=PROD_LOGS, Key=late["Key"], Body=content)

    (soon,) = read(regions=[IRELAND])
    assert (soon.new, sum(ledger(day=day, meter__region=IRELAND).values())) == (0, before)
    tasks.open_late_ingestions()
    run = Ingestion.objects.live().get(source=source_of())
    tasks.run_ingestion(ingestion_id=run.pk)

    run.refresh_from_db()
    assert (run.files, run.new) == (1, len(records_of(aws, late["Key"])))
    assert ledger(day=day, meter__region=IRELAND) == of_day(aws, day)
    assert sum(of_day(aws, day).values()) > before


def test_a_log_group_is_read_event_by_event(aws: Aws) -> None:
    aws.forget_calls()

    (run,) = read(regions=[TOKYO], back=None)

    assert source_of(region=TOKYO).destination == GROUP
    today = timezone.now().date()
    truth = {row: tokens for row, tokens in used(aws, PROD, until=today).items() if row.region == TOKYO}
    assert ledger(until=today, meter__region=TOKYO) == truth
    assert truth
    assert run.files == 0
    assert {"logs.FilterLogEvents"} == {name for name in aws.calls() if name.startswith(("logs.", "s3."))}


def test_what_is_invoked_now_is_in_the_next_reading(aws: Aws) -> None:
    # Hana's own habit is Haiku.
    keys = aws.credentials("hana.novak@acme.example", PROD, "ClaudeCodeDeveloper")
    hers: dict[str, Any] = {"meter__caller__arn__endswith": "/hana.novak@acme.example", "meter__model_id": SONNET}
    read(regions=[IRELAND], back=dt.timedelta(hours=2))
    assert not ledger(**hers)
    body = {"anthropic_version": "bedrock-2023-05-31", "max_tokens": 9, "messages": [{"role": "user", "content": "?"}]}
    runtime = aws.client("bedrock-runtime", keys)
    answer = runtime.invoke_model(modelId=f"eu.{SONNET}", body=json.dumps(body))

    read(regions=[IRELAND])

    found, headers = ledger(**hers), answer["ResponseMetadata"]["HTTPHeaders"]
    assert {row.token_class: tokens for row, tokens in found.items()} == {
        "input": int(headers["x-amzn-bedrock-input-token-count"]),
        "output": int(headers["x-amzn-bedrock-output-token-count"]),
    }
    assert {row.principal for row in found} == {f"{aws.session_arn('ClaudeCodeDeveloper')}/hana.novak@acme.example"}
    assert found.items() <= used(aws, PROD).items()


def test_a_day_without_logs_and_an_account_without_them_are_warnings(aws: Aws) -> None:
    day = incident(aws, "logging-off")
    lost = sum(
        tokens for row, tokens in used(aws, PROD, logged=False).items() if (row.day, row.region) == (str(day), IRELAND)
    )
    assert lost

    read(PROD, back=None)
    read(NO_RETENTION)

    warnings = [row for row in coverage.warnings(timezone.now()) if row.account.account_id in (PROD, NO_RETENTION)]
    (off,) = (row for row in warnings if row.kind == "off")
    assert (off.account.account_id, off.region) == (NO_RETENTION, IRELAND)
    (gap,) = (row for row in warnings if row.kind in ("gap", "gaps") and row.account.account_id == PROD)
    assert (gap.kind, gap.since) == ("gap", day)
    assert f" {lost:,} tokens " in gap.text
    assert not ledger(day=day, meter__region=IRELAND)
    page = text_of(client_of(Role.ADMIN).get("/costs/"))
    assert off.title in page
    assert gap.title in page


# --- Who and what


def test_everybody_is_known_by_what_aws_calls_them_and_a_machine_stays_nobodys(aws: Aws) -> None:
    read(regions=[IRELAND])

    def of(arn_ends: str) -> Caller:
        return Caller.objects.get(arn__endswith=arn_ends)

    def email(arn_ends: str) -> str:
        person = of(arn_ends).person
        assert person is not None, arn_ends
        return person.email

    assert email("/ana.nunez@acme.example") == "ana.nunez@acme.example"
    assert email("/Oscar.Benitez@Acme.example") == "oscar.benitez@acme.example"
    assert email(f"/{session_name(SEAN)}") == SEAN
    assert email(":user/emma.jones@acme.example") == "emma.jones@acme.example"
    # Tags say whose these IAM users are: one is a contractor's, one was made for an API key that lasts.
    assert email(":user/svc-sven") == "sven.berg@acme.example"
    assert email(":user/BedrockAPIKey-q7xk") == "rita.lopes@acme.example"
    machine = of("/acme-ci/build-42")
    assert (machine.person, machine.meters.exists()) == (None, True)
    admin = client_of(Role.ADMIN)
    assert "acme-ci/build-42" in text_of(admin.get("/costs/callers/"))


def test_who_used_it_before_today_has_used_it_on_the_pages_about_people_at_once(aws: Aws) -> None:
    statuses.refresh(Person.objects.values_list("pk", flat=True))
    assert not PersonStatus.objects.filter(last_used_on__gt=NEVER.date()).exists()

    read(regions=[IRELAND], back=SHORTLY)

    days = UsageEntry.objects.exclude(meter__caller__person=None).order_by("meter__caller__person")
    newest = dict(days.values_list("meter__caller__person").annotate(Max("day")))
    assert len(newest) > 10
    assert dict(PersonStatus.objects.filter(person__in=newest).values_list("person", "last_used_on")) == newest


SEAN = "sean.o'neill@acme.example"


def test_users_are_nobodys_while_iam_does_not_answer_and_usage_is_counted_all_the_same(aws: Aws) -> None:
    aws.fault(operation="iam.GetAccountAuthorizationDetails", kind="denied")

    read(regions=[IRELAND])

    assert source_of().problem == ""
    key = Caller.objects.get(arn__endswith=":user/BedrockAPIKey-q7xk")
    assert (key.person, key.meters.exists()) == (None, True)
    aws.call("PUT", "/sandbox/faults", [])
    read(regions=[IRELAND])
    key.refresh_from_db()
    assert key.person == Person.objects.get(email="rita.lopes@acme.example")


def test_a_model_without_a_price_has_tokens_and_no_cost(aws: Aws) -> None:
    output("load_prices")

    read(regions=[IRELAND])

    saga = UsageEntry.objects.filter(meter__model_id="anthropic.claude-saga-1")
    assert saga.aggregate(tokens=Sum("tokens"))["tokens"] > 0
    assert set(saga.values_list("rate", "cost")) == {(None, None)}
    others = UsageEntry.objects.exclude(meter__model_id="anthropic.claude-saga-1")
    assert not others.filter(rate=None).exists()


# --- Workers that end, and AWS that does not answer

_READER = """
import django
django.setup()
from django.core.management import call_command
from onboarding.costs import ingest
ingest._LINES_A_COMMIT = 40
call_command("ingest_usage", account="222233334444")
"""


@pytest.fixture
def committed(transactional_db: None, company: None) -> Iterator[None]:
    """Rows that other processes see."""
    yield
    forget_clients()


@pytest.mark.usefixtures("committed")
def test_a_worker_that_is_killed_in_the_middle_leaves_nothing_twice_and_nothing_out(aws: Aws) -> None:
    aws.fault(operation="s3.GetObject", kind="slow", seconds=0.02)
    command = [sys.executable, "-c", _READER]
    reader = subprocess.Popen(command, env=environment_of_a_process(), stderr=subprocess.DEVNULL)
    try:
        for _ in range(1500):
            if (run := Ingestion.objects.filter(new__gt=100).first()) or reader.poll() is not None:
                break
            time.sleep(0.02)
        assert run is not None
    finally:
        reader.send_signal(signal.SIGKILL)
        reader.wait()
    aws.call("PUT", "/sandbox/faults", [])
    run.refresh_from_db()
    today = timezone.now().date()
    truth = used(aws, PAYMENTS, until=today)
    assert run.state == RunState.RUNNING
    assert 0 < sum(ledger().values()) < sum(truth.values())
    tasks.run_ingestion(ingestion_id=run.pk)
    run.refresh_from_db()
    assert run.state == RunState.RUNNING  # somebody may still hold it
    Ingestion.objects.update(lease_until=timezone.now() - dt.timedelta(seconds=1))

    tasks.run_ingestion(ingestion_id=run.pk)

    run.refresh_from_db()
    assert (run.state, run.fence) == (RunState.DONE, 2)
    assert ledger(until=today) == truth


@pytest.mark.usefixtures("company")
def test_the_command_waits_for_a_worker_and_takes_over_from_one_that_died() -> None:
    account = Account.objects.filter(account_id=SMALL)
    (run,) = ingest.open_ingestions(accounts=list(account))
    assert Ingestion.objects.claim(run.pk, lease=dt.timedelta(seconds=2)) == 1

    said = output("ingest_usage", account=SMALL)

    run.refresh_from_db()
    assert (run.state, run.fence) == (RunState.DONE, 2)
    assert f" {run.new} new requests" in said


@pytest.mark.parametrize(
    ("operation", "kind", "problem"),
    [
        ("s3.ListObjectsV2", "throttle", Problem.NO_ANSWER),
        ("s3.GetObject", "error", Problem.NO_ANSWER),
        ("s3.GetObject", "denied", Problem.DENIED),
        ("bedrock.GetModelInvocationLoggingConfiguration", "denied", Problem.DENIED),
    ],
)
def test_what_aws_does_not_give_is_a_problem_that_is_told_and_passes(
    aws: Aws, operation: str, kind: str, problem: Problem
) -> None:
    # Of the files the last one alone, so that there is something to keep.
    last = log_files(aws, bucket=PAYMENTS_LOGS, account=PAYMENTS)[-1]["Key"]
    aws.fault(operation=operation, kind=kind, when={"Key": last} if operation == "s3.GetObject" else {})

    read(PAYMENTS, back=SHORTLY)

    source = source_of(PAYMENTS)
    assert (source.problem, source.read_until) == (problem, None)
    assert source.problem_detail.startswith(f"{operation.replace('.', ':').replace('ObjectsV2', 'Bucket')}: ")
    (warning,) = (row for row in coverage.warnings(timezone.now()) if row.kind == "problem")
    assert warning.account == source.account
    assert bool(ledger()) == (operation == "s3.GetObject")
    with pytest.raises(CommandError, match="what was read is kept"):
        output("ingest_usage", account=PAYMENTS)
    aws.call("PUT", "/sandbox/faults", [])

    read(PAYMENTS, back=SHORTLY)

    source.refresh_from_db()
    assert (source.problem, source.problem_detail, source.problem_since) == ("", "", None)
    assert source.read_until is not None
    since = whole_day(SHORTLY)
    today = timezone.now().date()
    assert ledger(since=since, until=today) == used(aws, PAYMENTS, since=since, until=today)
