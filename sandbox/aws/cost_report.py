"""CUR 2.0 exports as AWS Data Exports delivers them: a file and a manifest a month, as Parquet or as CSV.

https://docs.aws.amazon.com/cur/latest/userguide/dataexports-export-delivery.html and table-dictionary-cur2.html
"""

from __future__ import annotations

import csv
import gzip
import hashlib
import io
import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from sandbox.aws.bill import CREDIT, INFERENCE_TYPES, PICO, STORAGE, Charge
from sandbox.aws.invocation_logs import Stored
from sandbox.company import Account, CostReport

_DATES = (
    "bill_billing_period_end_date",
    "bill_billing_period_start_date",
    "line_item_usage_end_date",
    "line_item_usage_start_date",
)
_NUMBERS = ("line_item_unblended_cost", "line_item_usage_amount", "pricing_public_on_demand_cost")
_MAPS = ("product", "tags")
_THOUSAND, _MILLION = 1_000, 1_000_000


def dollars(amount: int) -> str:
    """As AWS writes amounts: up to ten decimals."""
    return f"{Decimal(amount) / PICO:.10f}"


def objects(account: Account, charges: Sequence[Charge], written_at: datetime) -> Iterator[Stored]:
    """The objects of the account's export; () when it has none."""
    report = account.cost_report
    if report is None:
        return
    months: dict[datetime, list[Charge]] = {}
    for charge in charges:
        if charge.account == account.id:
            months.setdefault(charge.hour.replace(day=1, hour=0), []).append(charge)
    for month, members in months.items():
        yield from _month(account, report, month, members, written_at)


def _month(
    account: Account, report: CostReport, month: datetime, charges: Sequence[Charge], written_at: datetime
) -> Iterator[Stored]:
    folder, period = f"{report.prefix}/{report.name}", f"BILLING_PERIOD={month:%Y-%m}"
    rows = [_row(account, charge, month) for charge in charges]
    rows += _without_usage(rows, charges)
    is_csv = report.format == "csv"
    key = f"{folder}/data/{period}/{report.name}-00001.{'csv.gz' if is_csv else 'snappy.parquet'}"
    yield Stored(key, _csv(rows) if is_csv else _parquet(rows), written_at)
    manifest = f"{folder}/metadata/{period}/{report.name}-Manifest.json"
    yield Stored(manifest, _manifest(account, report, rows[0], key).encode(), written_at)


def _next_month(month: datetime) -> datetime:
    return (month + timedelta(days=32)).replace(day=1)


def _row(account: Account, charge: Charge, month: datetime) -> dict[str, Any]:
    """A line of the export; its columns are in the order of their names, as AWS has them."""
    end = charge.hour + timedelta(hours=1)
    unit = _MILLION if charge.is_marketplace else _THOUSAND
    code = _product_code(charge)
    identity = hashlib.sha256(f"{charge.hour} {charge.principal} {charge.usage_type} {charge.service}".encode())
    return {
        "bill_bill_type": "Anniversary",
        "bill_billing_entity": "AWS Marketplace" if charge.is_marketplace else "AWS",
        "bill_billing_period_end_date": _next_month(month),
        "bill_billing_period_start_date": month,
        "bill_payer_account_id": "999988887777",
        "identity_line_item_id": identity.hexdigest()[:52],
        "identity_time_interval": f"{charge.hour:%Y-%m-%dT%H:%M:%SZ}/{end:%Y-%m-%dT%H:%M:%SZ}",
        "line_item_currency_code": "USD",
        "line_item_iam_principal": charge.principal or None,
        "line_item_line_item_description": f"{charge.service} {charge.usage_type}".strip(),
        "line_item_line_item_type": charge.record_type,
        "line_item_operation": "InvokeModelStreamingInference" if charge.model else None,
        "line_item_product_code": code,
        "line_item_unblended_cost": Decimal(dollars(charge.amount)),
        "line_item_usage_account_id": charge.account,
        "line_item_usage_account_name": account.name,
        "line_item_usage_amount": Decimal(charge.tokens) / unit,
        "line_item_usage_end_date": end,
        "line_item_usage_start_date": charge.hour,
        "line_item_usage_type": charge.usage_type or None,
        "pricing_public_on_demand_cost": Decimal(dollars(charge.amount)) / Decimal(str(account.price_multiplier)),
        "pricing_unit": ("1M tokens" if charge.is_marketplace else "1K tokens") if charge.model else None,
        "product": _product(charge),
        "product_region_code": charge.region,
        "product_servicecode": "AmazonBedrockFoundationModels" if charge.is_marketplace else code,
        "tags": {account.cost_tag: charge.owner} if account.cost_tag and charge.owner else {},
    }


def _product_code(charge: Charge) -> str:
    if charge.is_marketplace:
        return hashlib.sha256(charge.service.encode()).hexdigest()[:25]  # a product of the Marketplace has no name
    return "AmazonS3" if charge.service == STORAGE else "AmazonBedrock"


def _product(charge: Charge) -> dict[str, str]:
    """What Bedrock says of an inference: the attributes that Cost Explorer groups by, too."""
    if not charge.model:
        return {"product_name": charge.service}
    return {
        "provider": "Anthropic",
        "model": charge.model,
        "inferenceType": INFERENCE_TYPES[charge.token_class],
        "feature": "On-demand Inference",
        "product_name": charge.service,
    }


def _without_usage(rows: Sequence[dict[str, Any]], charges: Sequence[Charge]) -> list[dict[str, Any]]:
    """The month's tax: what is no usage must not be taken for it."""
    total = sum(charge.amount for charge in charges if charge.record_type != CREDIT)
    empty = ("line_item_iam_principal", "line_item_operation", "line_item_usage_type", "pricing_unit")
    tax = {
        "line_item_line_item_type": "Tax",
        "line_item_line_item_description": "VAT",
        "line_item_unblended_cost": Decimal(dollars(total * 21 // 100)),
        "line_item_usage_amount": Decimal(1),
        "product": {},
        "tags": {},
    }
    return [{**rows[0], **dict.fromkeys(empty), **tax, "identity_line_item_id": "tax"}]


def _manifest(account: Account, report: CostReport, row: Mapping[str, Any], key: str) -> str:
    columns = [{"name": name, "type": _type(name)} for name in row]
    return json.dumps(
        {
            "executionId": hashlib.sha256(key.encode()).hexdigest()[:32],
            "exportArn": f"arn:aws:bcm-data-exports:us-east-1:{account.id}:export/{report.name}",
            "columns": columns,
            "dataFiles": [f"s3://{report.bucket}/{key}"],
        }
    )


def _type(name: str) -> str:
    kinds = {"timestamp": _DATES, "double": _NUMBERS, "map": _MAPS}
    return next((kind for kind, names in kinds.items() if name in names), "string")


def _csv(rows: Sequence[Mapping[str, Any]]) -> bytes:
    out = io.StringIO()
    writer = csv.DictWriter(out, list(rows[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows({name: _text(value) for name, value in row.items()} for row in rows)
    return gzip.compress(out.getvalue().encode(), compresslevel=1, mtime=0)


def _text(value: Any) -> str:
    if isinstance(value, datetime):
        return f"{value:%Y-%m-%dT%H:%M:%S.000Z}"
    if isinstance(value, Decimal):
        return f"{value.normalize():f}"
    return json.dumps(value) if isinstance(value, dict) else str(value or "")


def _parquet(rows: Sequence[Mapping[str, Any]]) -> bytes:
    import pyarrow as pa  # as genai-prices: only bills need it
    import pyarrow.parquet as pq

    def column(name: str) -> Any:
        values = [row[name] for row in rows]
        if name in _DATES:
            return pa.array([value.astimezone(UTC).replace(tzinfo=None) for value in values], pa.timestamp("ms"))
        if name in _NUMBERS:
            return pa.array([float(value) for value in values], pa.float64())
        if name in _MAPS:
            return pa.array([list(value.items()) for value in values], pa.map_(pa.string(), pa.string()))
        return pa.array(values, pa.string())

    out = io.BytesIO()
    pq.write_table(pa.table({name: column(name) for name in rows[0]}), out, compression="snappy")
    return out.getvalue()
