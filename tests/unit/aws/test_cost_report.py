"""A CUR 2.0 export: which files are the export now, which lines count, in both formats, and what is broken."""

from __future__ import annotations

import csv
import datetime as dt
import gzip
import io
import json
import tracemalloc
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from io import BytesIO
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from botocore.response import StreamingBody

from onboarding.aws import AwsError, NoAnswer, PortalDenied, Refused
from onboarding.aws.cost_report import ReportLine, report_lines
from onboarding.aws.session import Access
from tests.unit.checks.stubs import ACCOUNT, Error, Params, Stubs

ACCESS = Access(f"arn:aws:iam::{ACCOUNT}:role/OnrampReadOnly", "external")
LOCATION, ROOT = "s3://acme-billing/cur/onramp", "cur/onramp/"
ANA = f"arn:aws:sts::{ACCOUNT}:assumed-role/ClaudeCode/ana.nunez@acme.example"
BEN = f"arn:aws:iam::{ACCOUNT}:user/ben"
SONNET = "Claude Sonnet 4.6 (Amazon Bedrock Edition)"
DAY = dt.date(2026, 11, 20)
SINCE, UNTIL = dt.date(2026, 11, 1), dt.date(2026, 12, 1)
MOMENT = dt.datetime(2026, 11, 21, 6, tzinfo=dt.UTC)

Line = dict[str, Any]


def line(amount: str = "1.5", principal: str = ANA, **columns: Any) -> Line:
    """A line about Ana's use of Sonnet, as an export of every column has it."""
    return {
        "line_item_usage_start_date": dt.datetime(2026, 11, 20, 14),
        "line_item_line_item_type": "Usage",
        "line_item_usage_account_id": ACCOUNT,
        "line_item_unblended_cost": amount,
        "line_item_iam_principal": principal,
        "line_item_product_code": "6f1a2b3c4d5e",
        "line_item_usage_type": "EUW1-MP:EUW1_InputTokenCount-Units",
        "product": {"product_name": SONNET, "region": "eu-west-1"},
        # A column nobody asks for.
        "line_item_operation": "InvokeModelInference",
        **columns,
    }


def as_csv(lines: Sequence[Line]) -> bytes:
    def cell(value: Any) -> str:
        if isinstance(value, dt.datetime):
            return f"{value:%Y-%m-%dT%H:%M:%S}.000Z"
        return json.dumps(value) if isinstance(value, dict) else str(value)

    text = io.StringIO()
    table = csv.DictWriter(text, list(lines[0]))
    table.writeheader()
    table.writerows({column: cell(value) for column, value in row.items()} for row in lines)
    return gzip.compress(text.getvalue().encode())


def as_parquet(lines: Sequence[Line]) -> bytes:
    strings = pa.map_(pa.string(), pa.string())
    kinds = {"line_item_usage_start_date": pa.timestamp("ms"), "line_item_unblended_cost": pa.float64()}
    schema = pa.schema(
        (column, strings if isinstance(value, dict) else kinds.get(column, pa.string()))
        for column, value in lines[0].items()
    )
    rows = [{**row, "line_item_unblended_cost": float(row["line_item_unblended_cost"])} for row in lines]
    file = BytesIO()
    pq.write_table(pa.Table.from_pylist(rows, schema=schema), file)
    return file.getvalue()


FORMATS = {"csv.gz": as_csv, "snappy.parquet": as_parquet}
Write = Callable[[Sequence[Line]], bytes]


class Bucket:
    """A bucket as two operations of S3 show it."""

    def __init__(self, stubs: Stubs) -> None:
        self.objects: dict[str, tuple[bytes, dt.datetime]] = {}
        stubs.answer(ListObjectsV2=self._list, GetObject=self._get)

    def put(self, key: str, content: bytes, at: dt.datetime = MOMENT) -> None:
        self.objects[key] = (content, at)

    def deliver(
        self, files: Mapping[str, bytes], period: str = "2026-11", run: str = "", at: dt.datetime = MOMENT
    ) -> None:
        """A delivery of an export; with a `run`, as an export that does not overwrite names its folders."""
        folder = f"BILLING_PERIOD={period}/" + (f"{run}/" if run else "")
        for name, content in files.items():
            self.put(f"{ROOT}data/{folder}{name}", content, at)
        named = [f"s3://acme-billing/{ROOT}data/{folder}{name}" for name in files]
        manifest = json.dumps({"dataFiles": named, "columns": []}).encode()
        self.put(f"{ROOT}metadata/{folder}onramp-Manifest.json", manifest, at)

    def _list(self, params: Params) -> Any:
        found = sorted(key for key in self.objects if key.startswith(params["Prefix"]))
        rows = [
            {"Key": key, "ETag": f'"{hash(content)}"', "Size": len(content), "LastModified": at}
            for key, (content, at) in ((key, self.objects[key]) for key in found)
        ]
        return {"Contents": rows, "IsTruncated": False}

    def _get(self, params: Params) -> Any:
        if params["Key"] not in self.objects:
            return Error("NoSuchKey", 404)
        content, _ = self.objects[params["Key"]]
        return {"Body": StreamingBody(BytesIO(content), len(content))}


@pytest.fixture
def bucket(stubs: Stubs) -> Bucket:
    return Bucket(stubs)


def lines(since: dt.date = SINCE, until: dt.date = UNTIL) -> list[ReportLine]:
    return list(report_lines(LOCATION, since=since, until=until, account_id=ACCOUNT, access=ACCESS))


# --- What counts


@pytest.mark.parametrize("kind", FORMATS)
def test_lines_add_up_by_day_caller_and_model(bucket: Bucket, kind: str) -> None:
    opus = {"product": {"product_name": "Claude Opus 4.8 (Amazon Bedrock Edition)"}}
    rows = [
        line("1.5"),
        line("0.25", line_item_usage_start_date=dt.datetime(2026, 11, 20, 23, 59)),
        line("4", line_item_usage_start_date=dt.datetime(2026, 11, 21)),
        line("8", BEN, **opus),
        line("16", ""),
    ]
    bucket.deliver({f"onramp-00001.{kind}": FORMATS[kind](rows)})

    assert lines() == [
        ReportLine(DAY, "", "Claude Sonnet 4.6", Decimal(16)),
        ReportLine(DAY, BEN, "Claude Opus 4.8", Decimal(8)),
        ReportLine(DAY, ANA, "Claude Sonnet 4.6", Decimal("1.75")),
        ReportLine(dt.date(2026, 11, 21), ANA, "Claude Sonnet 4.6", Decimal(4)),
    ]


@pytest.mark.parametrize("kind", FORMATS)
def test_what_does_not_count(bucket: Bucket, kind: str) -> None:
    others = [
        *(line(line_item_line_item_type=name) for name in ("Credit", "Tax", "Fee", "Refund", "EdpDiscount")),
        line(line_item_line_item_type="PrivateRateDiscount"),
        line(line_item_usage_account_id="999988887777"),
        line(line_item_product_code="AmazonS3", product={"product_name": "Amazon Simple Storage Service"}),
        line(line_item_usage_start_date=dt.datetime(2026, 10, 31, 23)),
    ]
    discounted = line("2", line_item_line_item_type="DiscountedUsage")
    bucket.deliver({f"onramp-00001.{kind}": FORMATS[kind]([*others, discounted])})

    assert [found.amount for found in lines()] == [2]


@pytest.mark.parametrize("kind", FORMATS)
def test_an_export_without_callers_names_nobody(bucket: Bucket, kind: str) -> None:
    row = line()
    del row["line_item_iam_principal"]
    bucket.deliver({f"onramp-00001.{kind}": FORMATS[kind]([row])})

    assert lines() == [ReportLine(DAY, "", "Claude Sonnet 4.6", Decimal("1.5"))]


@pytest.mark.parametrize(
    ("columns", "model"),
    [
        ({"product": {"servicename": SONNET}}, "Claude Sonnet 4.6"),
        ({"product": {}, "product_servicename": SONNET}, "Claude Sonnet 4.6"),
        ({"product": {"model": "Nova Lite"}, "line_item_product_code": "AmazonBedrock"}, "Nova Lite"),
        (
            {
                "product": {},
                "line_item_product_code": "AmazonBedrock",
                "line_item_usage_type": "USE1-Claude4.6Sonnet-input-tokens",
            },
            "Claude Sonnet 4.6",
        ),
        ({"product": {}, "line_item_product_code": "AmazonBedrock", "line_item_usage_type": "USE1-Guardrail"}, ""),
    ],
    ids=["service", "a column", "attribute", "usage type", "no model"],
)
def test_where_a_model_is_named(bucket: Bucket, columns: dict[str, Any], model: str) -> None:
    bucket.deliver({"onramp-00001.csv.gz": as_csv([line(**columns)])})

    assert [found.model for found in lines()] == [model]


def test_amounts_are_exact(bucket: Bucket) -> None:
    bucket.deliver({"onramp-00001.csv.gz": as_csv([line("0.1000000001"), line("0.2"), line("1e-10"), line("")])})

    assert [found.amount for found in lines()] == [Decimal("0.3000000002")]


# --- Which files


@pytest.mark.parametrize("kind", FORMATS)
def test_all_files_of_the_manifest_and_no_others(bucket: Bucket, kind: str) -> None:
    write = FORMATS[kind]
    bucket.deliver({f"a-00001.{kind}": write([line("1")]), f"a-00002.{kind}": write([line("2")])})
    bucket.put(f"{ROOT}data/BILLING_PERIOD=2026-11/a-00003.{kind}", write([line("100")]))

    assert [found.amount for found in lines()] == [3]


def test_a_newer_delivery_takes_the_place_of_older_ones(bucket: Bucket) -> None:
    bucket.deliver({"a.csv.gz": as_csv([line("100")])}, run="run-2")
    bucket.deliver({"a.csv.gz": as_csv([line("2")])}, run="run-1", at=MOMENT + dt.timedelta(hours=8))

    assert [found.amount for found in lines()] == [2]


def test_the_periods_of_the_days_are_read(bucket: Bucket) -> None:
    october = line("1", line_item_usage_start_date=dt.datetime(2026, 10, 20))
    bucket.deliver({"a.csv.gz": as_csv([october])}, period="2026-10")
    bucket.deliver({"a.csv.gz": as_csv([line("2")])})
    bucket.deliver({"a.csv.gz": b"unread"}, period="2026-09")
    bucket.deliver({"a.csv.gz": b"unread"}, period="2026-12")

    assert [found.amount for found in lines(dt.date(2026, 10, 1), UNTIL)] == [1, 2]


def test_a_key_alone_in_the_manifest(bucket: Bucket) -> None:
    key = f"{ROOT}data/BILLING_PERIOD=2026-11/a.csv.gz"
    bucket.put(key, as_csv([line("2")]))
    bucket.put(f"{ROOT}metadata/BILLING_PERIOD=2026-11/a-Manifest.json", json.dumps({"dataFiles": [key]}).encode())

    assert [found.amount for found in lines()] == [2]


def test_nothing_delivered_is_no_lines(bucket: Bucket) -> None:
    bucket.put(f"{ROOT}data/BILLING_PERIOD=2026-11/a.csv.gz", as_csv([line()]))

    assert lines() == []


# --- What is broken


@pytest.mark.parametrize(
    "content",
    [as_csv([line()])[:-30], b"not gzip", gzip.compress(b'"line_item'), as_csv([line("many")])],
    ids=["cut short", "not packed", "no header", "no number"],
)
def test_a_broken_file(bucket: Bucket, content: bytes) -> None:
    bucket.deliver({"a.csv.gz": content})

    with pytest.raises((NoAnswer, Refused)):
        lines()


def test_a_file_without_ends_of_lines_is_not_read_into_memory(bucket: Bucket) -> None:
    bucket.deliver({"a.csv.gz": gzip.compress(gzip.decompress(as_csv([line()])) + b"1," * 50_000_000, 1)})
    tracemalloc.start()
    try:
        with pytest.raises(NoAnswer):
            lines()
        assert tracemalloc.get_traced_memory()[1] < 40_000_000
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("kind", FORMATS)
def test_another_currency_is_refused_and_not_taken_for_dollars(bucket: Bucket, kind: str) -> None:
    bucket.deliver({f"a.{kind}": FORMATS[kind]([line(line_item_currency_code="USD")])})
    assert len(lines()) == 1
    bucket.deliver({f"b.{kind}": FORMATS[kind]([line(line_item_currency_code="CNY")])})
    with pytest.raises(Refused, match="is in CNY"):
        lines()


def test_a_broken_parquet_file_is_no_answer(bucket: Bucket) -> None:
    bucket.deliver({"a.parquet": as_parquet([line()])[:-10]})

    with pytest.raises(NoAnswer):
        lines()


@pytest.mark.parametrize("kind", FORMATS)
def test_a_column_that_an_export_lacks_is_named(bucket: Bucket, kind: str) -> None:
    row = line()
    del row["line_item_unblended_cost"]
    content = as_csv([row]) if kind == "csv.gz" else _without_costs()
    bucket.deliver({f"a.{kind}": content})

    with pytest.raises(Refused, match="line_item_unblended_cost"):
        lines()


def _without_costs() -> bytes:
    table = pq.read_table(BytesIO(as_parquet([line()]))).drop_columns(["line_item_unblended_cost"])
    file = BytesIO()
    pq.write_table(table, file)
    return file.getvalue()


@pytest.mark.parametrize(
    "text",
    [
        b"{}",
        b"[]",
        b"<html>",
        b'{"dataFiles": null}',
        b'{"dataFiles": ["s3://elsewhere/cur/onramp/a.csv.gz"]}',
        b'{"dataFiles": ["other/a.csv.gz"]}',
        b'{"dataFiles": [7]}',
    ],
)
def test_a_manifest_that_cannot_be_understood(bucket: Bucket, text: bytes) -> None:
    bucket.put(f"{ROOT}metadata/BILLING_PERIOD=2026-11/a-Manifest.json", text)

    with pytest.raises(Refused, match="names no data files"):
        lines()


def test_an_unknown_format(bucket: Bucket) -> None:
    bucket.deliver({"a.zip": b""})

    with pytest.raises(Refused, match=r"neither \.csv\.gz nor \.parquet"):
        lines()


def test_an_export_that_is_replaced_meanwhile_is_no_answer(bucket: Bucket, stubs: Stubs) -> None:
    bucket.deliver({"a.csv.gz": as_csv([line()])})
    get = bucket._get

    def answer(params: Params) -> Any:
        if params["Key"].endswith(".csv.gz"):
            bucket.deliver({"b.csv.gz": as_csv([line()])}, at=MOMENT + dt.timedelta(hours=1))
        return get(params)

    stubs.answer(GetObject=answer)

    with pytest.raises(NoAnswer, match="replaced"):
        lines()


@pytest.mark.parametrize(
    ("operation", "label"), [("ListObjectsV2", "s3:ListBucket"), ("GetObject", "s3:GetObject")], ids=["list", "get"]
)
@pytest.mark.parametrize(
    ("fault", "kind"),
    [(Error("AccessDenied", 403), PortalDenied), (Error("SlowDown", 503), NoAnswer)],
    ids=["denied", "503"],
)
def test_the_error_ladder(
    bucket: Bucket, stubs: Stubs, operation: str, label: str, fault: Error, kind: type[AwsError]
) -> None:
    bucket.deliver({"a.csv.gz": as_csv([line()])})
    stubs.answer({operation: fault})

    with pytest.raises(AwsError) as caught:
        lines()

    assert (type(caught.value), caught.value.operation) == (kind, label)
