"""A CUR 2.0 export in S3: what AWS charged for Bedrock, by day, caller and model.

Data Exports writes `<folder>/data/BILLING_PERIOD=YYYY-MM/…` and says in a manifest under `<folder>/metadata/` which of
those files are the export now: an export that does not overwrite leaves the superseded ones beside them.
https://docs.aws.amazon.com/cur/latest/userguide/dataexports-export-delivery.html
"""

from __future__ import annotations

import datetime as dt
import json
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from decimal import Decimal

from onboarding.aws.errors import NoAnswer, Refused
from onboarding.aws.objects import Folder, StoredObject, folder, objects_under, opened
from onboarding.aws.report_files import charges
from onboarding.aws.session import Access

# S3 tells where a bucket really is, and botocore follows.
_REGION = "us-east-1"
_OPERATION = "s3:GetObject"
_LARGEST_MANIFEST = 10_000_000


@dataclass(frozen=True, slots=True)
class ReportLine:
    """US dollars of one UTC day. `principal` is the caller's ARN, empty where the export has none; `model` is AWS's
    name for it, such as `Claude Sonnet 4.6`, empty for what Bedrock charges beside its models.
    """

    day: dt.date
    principal: str
    model: str
    amount: Decimal


def report_lines(
    location: str,
    *,
    since: dt.date,
    until: dt.date,
    account_id: str,
    access: Access,
    on_file: Callable[[], None] = lambda: None,
) -> Iterator[ReportLine]:
    """What an account was charged for Bedrock on the days from `since` to before `until`: one line for each day,
    caller and model, by billing period.

    `location` is the export's own folder, `s3://bucket/prefix/name`. A period that was never delivered has no lines.
    `on_file` is called before each file, and what it raises ends the reading.
    Raises NoAnswer also where the export is replaced while it is read, and Refused where it cannot be understood.
    """
    export = _Export(folder(location), access)
    for period in _periods(since, until):
        amounts: defaultdict[tuple[dt.date, str, str], Decimal] = defaultdict(Decimal)
        for file in export.files(period):
            on_file()
            with opened(export.place.bucket, file, region=_REGION, access=access) as body:
                for charge in charges(body, file, account_id=account_id):
                    if since <= charge.day < until:
                        amounts[charge.day, charge.principal, charge.model] += charge.amount
        export.check_unchanged(period)
        yield from (ReportLine(*key, amount) for key, amount in sorted(amounts.items()) if amount)


def _periods(since: dt.date, until: dt.date) -> Iterator[str]:
    """The billing periods, which are months, that the days from `since` to before `until` fall into."""
    month = since.replace(day=1)
    while month < until:
        yield f"{month:%Y-%m}"
        month = (month + dt.timedelta(days=32)).replace(day=1)


class _Export:
    """An export's files, and whether they are still the same at the end."""

    def __init__(self, place: Folder, access: Access) -> None:
        self.place = place
        self._access = access
        self._read: dict[str, StoredObject | None] = {}

    def files(self, period: str) -> list[str]:
        """The keys of the data files that a period's newest manifest names. It is written after all of them."""
        manifest = self._read[period] = self._manifest(period)
        if manifest is None:
            return []
        with opened(self.place.bucket, manifest.key, region=_REGION, access=self._access) as body:
            text = body.read(_LARGEST_MANIFEST)
        try:
            named = json.loads(text)["dataFiles"]
            return [self._key(file) for file in named]
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise Refused(_OPERATION, f"{manifest.key} names no data files", code="UnknownManifest") from error

    def check_unchanged(self, period: str) -> None:
        """Raises NoAnswer where the period was delivered anew: half of the old files may have been read."""
        if self._manifest(period) != self._read[period]:
            raise NoAnswer(_OPERATION, f"the export of {period} was replaced while it was read")

    def _manifest(self, period: str) -> StoredObject | None:
        prefix = f"{self.place.prefix}metadata/BILLING_PERIOD={period}/"
        found = objects_under(self.place.bucket, prefix, region=_REGION, access=self._access)
        manifests = [one for one in found if one.key.endswith("-Manifest.json")]
        return max(manifests, key=lambda one: (one.modified_at, one.key), default=None)

    def _key(self, file: str) -> str:
        """A key of this bucket, whether the manifest spells a whole address or the key alone."""
        key = file.removeprefix(f"s3://{self.place.bucket}/")
        if "://" in key or not key.startswith(self.place.prefix):
            raise ValueError(file)
        return key
