"""Bedrock's model invocation logs, where a Region delivers them: objects in S3, or events of a log group.

What they hold is handed on as bytes and looked at by nobody here: prompts and answers are in it.
https://docs.aws.amazon.com/bedrock/latest/userguide/model-invocation-logging.html
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterator
from contextlib import AbstractContextManager

from onboarding.aws.errors import mapped
from onboarding.aws.objects import Body, StoredObject, folder, objects_under, opened
from onboarding.aws.session import Access, client

LogObject = StoredObject

# YYYY/MM/DD/HH/name.json.gz. Bodies that are too large for a record lie in a folder of their own beside it, and a
# file without that ending is what Bedrock writes to see whether it may.
_IN_AN_HOUR = re.compile(r"\d{4}/\d\d/\d\d/\d\d/[^/]+\.json\.gz")


def log_objects(
    location: str, *, account_id: str, region: str, since: dt.datetime, access: Access
) -> Iterator[LogObject]:
    """The log files that were delivered in or after the hour of `since`, in key order, which is by hour.

    `location` is the `s3://bucket/prefix` of the Region's logging. The hour in a key is the one of the delivery, in
    UTC.
    """
    place = folder(location)
    root = f"{place.prefix}AWSLogs/{account_id}/BedrockModelInvocationLogs/{region}/"
    # No key comes before the name of its folder, so that nothing of the hour itself is passed over.
    hour = f"{root}{since.astimezone(dt.UTC):%Y/%m/%d/%H}/"
    for found in objects_under(place.bucket, root, region=region, access=access, start_after=hour):
        if _IN_AN_HOUR.fullmatch(found.key, len(root)):
            yield found


def open_log(location: str, key: str, *, region: str, access: Access) -> AbstractContextManager[Body]:
    """One log file, packed with gzip as it is; `.read(size)` gives what arrives. Raises also while it is read."""
    return opened(folder(location).bucket, key, region=region, access=access)


def log_events(
    group: str, *, region: str, since: dt.datetime, until: dt.datetime, access: Access
) -> Iterator[list[bytes]]:
    """The messages of a log group whose time is at or after `since` and before `until`, in pages, some of them empty.

    FilterLogEvents counts in milliseconds and includes `endTime`, so it is asked for one less.
    https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_FilterLogEvents.html
    """
    logs = client("logs", region=region, access=access)
    arguments: dict[str, object] = {
        "logGroupName": group,
        "startTime": _milliseconds(since),
        "endTime": _milliseconds(until) - 1,
    }
    while True:
        with mapped("logs:FilterLogEvents"):
            page = logs.filter_log_events(**arguments)
            # Half of a surrogate pair, where a prompt was cut, is no reason to read nothing any more.
            messages = [event["message"].encode(errors="replace") for event in page["events"]]
        yield messages
        if not page.get("nextToken"):
            return
        arguments["nextToken"] = page["nextToken"]


def _milliseconds(moment: dt.datetime) -> int:
    return round(moment.timestamp() * 1000)
