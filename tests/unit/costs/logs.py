"""Lines of invocation logs as Bedrock writes them, for tests that read some."""

from __future__ import annotations

import json
import uuid
from typing import Any

from hypothesis import strategies as st

ANA = "arn:aws:sts::111122223333:assumed-role/AWSReservedSSO_ClaudeCode_0123456789abcdef/ana.nunez@acme.example"
SONNET = "eu.anthropic.claude-sonnet-4-6"


def line(
    *,
    at: str = "2026-11-20T14:03:17Z",
    request: str = "",
    arn: str | None = ANA,
    model: str = SONNET,
    tokens: tuple[int, int, int, int] = (3, 412, 24_101, 936),
    **more: Any,
) -> dict[str, Any]:
    """One record; `tokens` are input, output, cache read, cache write. `more` replaces or adds members."""
    given, answered, read, written = tokens
    record = {
        "timestamp": at,
        "accountId": "111122223333",
        "region": "eu-west-1",
        "requestId": request or str(uuid.uuid4()),
        "operation": "InvokeModelWithResponseStream",
        "modelId": model,
        "inferenceRegion": "eu-west-3",
        "identity": {"arn": arn} if arn is not None else None,
        "input": {
            "inputContentType": "application/json",
            "inputTokenCount": given,
            "cacheReadInputTokenCount": read,
            "cacheWriteInputTokenCount": written,
        },
        "output": {"outputContentType": "application/json", "outputTokenCount": answered},
        "errorCode": None,
        "status": "200",
        "schemaType": "ModelInvocationLog",
        "schemaVersion": "1.0",
    }
    return record | more


def split_body(five_minutes: int, hour: int, text: str = "") -> list[dict[str, Any]]:
    """A stream's events, the first of which says how long the cache keeps what was written."""
    creation = {"ephemeral_5m_input_tokens": five_minutes, "ephemeral_1h_input_tokens": hour}
    return [
        {"type": "message_start", "message": {"id": "msg_1", "usage": {"cache_creation": creation}}},
        {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": text}},
        {"type": "message_delta", "usage": {"output_tokens": 412}},
    ]


def joined(*records: dict[str, Any]) -> bytes:
    return b"".join(json.dumps(record).encode() + b"\n" for record in records)


def records() -> st.SearchStrategy[dict[str, Any]]:
    """Any few requests of a few callers, models, hours and shapes."""
    counts = st.tuples(*(st.integers(0, 300_000) for _ in range(4)))
    hours = st.sampled_from(["2026-11-19T23:59:59Z", "2026-11-20T00:00:00Z", "2026-11-20T14:03:17.250Z"])
    callers = st.sampled_from([ANA, ANA.replace("ana.nunez", "Ana.Nunez"), "arn:aws:iam::111122223333:user/ci", None])
    models = st.sampled_from([SONNET, f"global.{SONNET[3:]}", SONNET[3:], "eu.anthropic.claude-saga-1"])
    body = st.one_of(st.just({}), st.builds(split_body, st.integers(0, 900), st.integers(0, 900)).map(_with_body))
    made = st.builds(line, at=hours, request=st.uuids(version=4).map(str), arn=callers, model=models, tokens=counts)
    return st.builds(lambda record, extra: _merged(record, extra), made, body)


def _with_body(events: list[dict[str, Any]]) -> dict[str, Any]:
    return {"outputBodyJson": events}


def _merged(record: dict[str, Any], extra: dict[str, Any]) -> dict[str, Any]:
    return record | {"output": record["output"] | extra}
