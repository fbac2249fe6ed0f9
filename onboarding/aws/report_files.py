"""The files of a CUR 2.0 export, packed CSV or Parquet, and what a line of them says about Bedrock.

https://docs.aws.amazon.com/cur/latest/userguide/table-dictionary-cur2.html
"""

from __future__ import annotations

import csv
import datetime as dt
import gzip
import io
import json
import re
import shutil
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from tempfile import SpooledTemporaryFile
from typing import IO, Any, cast

from onboarding.aws.billing import CURRENCY
from onboarding.aws.errors import NoAnswer, Refused
from onboarding.aws.objects import Body

_DAY, _TYPE, _ACCOUNT, _COST = (
    *("line_item_usage_start_date", "line_item_line_item_type"),
    *("line_item_usage_account_id", "line_item_unblended_cost"),
)
_REQUIRED = (_DAY, _TYPE, _ACCOUNT, _COST)
# An export has of these what its query asked for: the caller only with "Include caller identity (IAM principal)
# allocation data", product attributes as one map, or some of them as columns of their own.
_OPTIONAL = (
    *("line_item_iam_principal", "line_item_product_code", "line_item_usage_type", "line_item_currency_code"),
    *("product", "product_product_name", "product_servicename", "product_servicecode"),
)
# The lines that count: what was used, at its price, as Cost Explorer's RECORD_TYPE=Usage has it. Credit, Refund, Tax,
# Fee, and the discounts that some exports have as lines of their own (EdpDiscount, PrivateRateDiscount,
# BundledDiscount), do not.
USAGE_TYPES = ("Usage", "DiscountedUsage")

# Anthropic's models are sold under a service name of their own, others under Bedrock's.
_EDITION = re.compile(r"(?P<model>.+?)\s*\(Amazon Bedrock Edition\)\s*")
_BEDROCK = frozenset({"AmazonBedrock", "AmazonBedrockService", "AmazonBedrockFoundationModels"})
# As in `USE1-Claude4.6Sonnet-input-tokens`.
# https://aws.amazon.com/blogs/machine-learning/introducing-granular-cost-attribution-for-amazon-bedrock
_CLAUDE = re.compile(r"Claude-?(?P<version>\d+(?:\.\d+)?)-?(?P<family>[A-Z][a-z]+)")

_IN_MEMORY = 8_000_000
_BATCH = 20_000
# A line is a few kilobytes. A file of one line that is packed well would fill the memory.
_LONGEST_LINE = 1 << 20
# What a broken or half-written file makes csv, gzip and Arrow raise; gzip's and Arrow's own errors are among them.
_BROKEN = (
    *(EOFError, OSError, ValueError, LookupError, NotImplementedError, InvalidOperation, csv.Error, zlib.error),
)

Row = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Charge:
    """One line about Bedrock."""

    day: dt.date
    principal: str
    model: str
    amount: Decimal


def charges(body: Body, name: str, *, account_id: str) -> Iterator[Charge]:
    """The lines of a file about an account's use of Bedrock, read as they are asked for, some thousands at a time.

    Raises NoAnswer for a file that breaks off, and Refused for one that is none of the two kinds, lacks a column, or
    counts in another currency than US dollars.
    """
    rows = _parquet_rows if name.endswith(".parquet") else _csv_rows
    if not name.endswith((".parquet", ".csv.gz")):
        raise Refused("s3:GetObject", f"{name} is neither .csv.gz nor .parquet", code="UnknownFormat")
    try:
        for row in rows(body, name, account_id):
            if (model := _model(row)) is not None:
                _check_currency(row, name)
                yield Charge(_day(row[_DAY]), row.get("line_item_iam_principal") or "", model, _amount(row[_COST]))
    except _BROKEN as error:
        raise NoAnswer("s3:GetObject", f"{name} cannot be read ({type(error).__name__})") from error


# --- Lines


def _csv_rows(body: Body, name: str, account_id: str) -> Iterator[Row]:
    with gzip.GzipFile(fileobj=cast(IO[bytes], body)) as unpacked:
        lines = csv.reader(_lines(io.TextIOWrapper(cast(IO[bytes], unpacked), "utf-8", newline="")))
        header = next(lines, [])
        places = {column: header.index(column) for column in _present(header, name)}
        kind, account = places[_TYPE], places[_ACCOUNT]
        for cells in lines:
            if cells[kind] in USAGE_TYPES and cells[account].zfill(12) == account_id:
                yield {column: cells[place] for column, place in places.items()}


def _lines(text: io.TextIOWrapper) -> Iterator[str]:
    while line := text.readline(_LONGEST_LINE):
        if len(line) == _LONGEST_LINE:
            raise ValueError("a line without an end")
        yield line


def _parquet_rows(body: Body, name: str, account_id: str) -> Iterator[Row]:
    # Here, so that the web's processes do without its 50 MB.
    import pyarrow as pa
    import pyarrow.compute as pc
    import pyarrow.parquet as pq

    # Parquet is read from its end.
    with SpooledTemporaryFile(max_size=_IN_MEMORY) as copy:
        shutil.copyfileobj(cast(IO[bytes], body), copy, 1 << 20)
        copy.seek(0)
        file = pq.ParquetFile(copy)
        for batch in file.iter_batches(_BATCH, columns=_present(file.schema_arrow.names, name)):
            wanted = pc.and_(
                pc.is_in(batch.column(_TYPE).cast(pa.string()), value_set=pa.array(USAGE_TYPES)),
                pc.equal(batch.column(_ACCOUNT).cast(pa.string()), account_id),
            )
            yield from batch.filter(wanted).to_pylist()


def _present(header: list[str], name: str) -> list[str]:
    """The columns that are read, of those that a file has."""
    missing = [column for column in _REQUIRED if column not in header]
    if missing:
        raise Refused("s3:GetObject", f"{name} has no column {missing[0]}", code="MissingColumn")
    return [column for column in (*_REQUIRED, *_OPTIONAL) if column in header]


# --- What a line says


def _day(value: Any) -> dt.date:
    """The UTC day of a line: text such as 2026-11-20T14:00:00.000Z, or a time, which Parquet keeps without a zone."""
    if isinstance(value, dt.datetime):
        return (value.astimezone(dt.UTC) if value.tzinfo else value).date()
    return dt.date.fromisoformat(str(value)[:10])


def _check_currency(row: Row, name: str) -> None:
    """An export that does not say is in dollars, as nearly every bill is."""
    if (currency := row.get("line_item_currency_code") or CURRENCY) != CURRENCY:
        raise Refused("s3:GetObject", f"{name} is in {currency}", code="OtherCurrency")


def _amount(value: Any) -> Decimal:
    return Decimal(str(value)) if value not in (None, "") else Decimal()


def _model(row: Row) -> str | None:
    """The model a line is about, as AWS names it; empty for anything else of Bedrock's, None for other services."""
    product = _product(row.get("product"))
    names = (product.get("product_name"), product.get("servicename"))
    for name in (*names, row.get("product_product_name"), row.get("product_servicename")):
        if edition := _EDITION.fullmatch(name or ""):
            return edition["model"]
    codes = {row.get("line_item_product_code"), row.get("product_servicecode"), product.get("servicecode")}
    if not codes & _BEDROCK:
        return None
    if product.get("model"):
        return product["model"]
    claude = _CLAUDE.search(row.get("line_item_usage_type") or "")
    return f"Claude {claude['family']} {claude['version']}" if claude else ""


def _product(value: Any) -> Mapping[str, str]:
    """The map of product attributes: JSON in CSV, pairs in Parquet."""
    if isinstance(value, str):
        value = json.loads(value) if value else {}
    return dict(value or {})
