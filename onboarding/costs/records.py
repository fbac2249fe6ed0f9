"""The few fields of an invocation log that are counted. Nothing else of a line becomes an object.

Shape: https://docs.aws.amazon.com/bedrock/latest/userguide/model-invocation-logging.html. Prompts and completions
stand in the same lines; the decoder passes over them, and no error names a value.
"""

from __future__ import annotations

from contextlib import suppress
from typing import Annotated, Any, Generic, TypeVar

import msgspec

# Far more tokens than a request can have: what says more, or less than none, is no record, and would break a sum.
_MOST = 1_000_000_000
Count = Annotated[int, msgspec.Meta(ge=0, le=_MOST)]


class Identity(msgspec.Struct, gc=False):
    arn: str = ""


class Writes(msgspec.Struct, gc=False):
    """How long the prompt cache keeps what was written to it; only a body says so."""

    ephemeral_5m_input_tokens: Count = 0
    ephemeral_1h_input_tokens: Count = 0


class Usage(msgspec.Struct, gc=False):
    cache_creation: Writes | None = None


class Message(msgspec.Struct, gc=False):
    usage: Usage | None = None


class Event(msgspec.Struct, gc=False):
    """One event of a stream, or an answer as a whole."""

    message: Message | None = None
    usage: Usage | None = None

    @property
    def cache_creation(self) -> Writes | None:
        usage = self.message.usage if self.message else self.usage
        return usage.cache_creation if usage else None


class Stream(msgspec.Struct, array_like=True, gc=False):
    """The events of an answer that was streamed. `message_start`, which says what was written to the cache, comes
    first, or after a `ping`; the dozens that follow are passed over, too.

    Source: https://docs.anthropic.com/en/docs/build-with-claude/streaming.
    """

    first: Event | None = None
    second: Event | None = None

    @property
    def hour_writes(self) -> int | None:
        """Tokens written to the cache for an hour; None where no event says."""
        for event in (self.first, self.second):
            if event and (writes := event.cache_creation):
                return writes.ephemeral_1h_input_tokens
        return None


class Input(msgspec.Struct, rename="camel", gc=False):
    """`input_token_count` leaves out what was read from or written to the prompt cache."""

    input_token_count: Count = 0
    cache_read_input_token_count: Count = 0
    cache_write_input_token_count: Count = 0


class Output(msgspec.Struct, rename="camel", gc=False):
    output_token_count: Count = 0
    output_body_json: Stream | None = None


class Record(msgspec.Struct, rename="camel", gc=False):
    """One invocation. One without output was refused, and costs nothing."""

    timestamp: str
    request_id: str
    model_id: str
    identity: Identity | list[Identity] | None = None
    input: Input | None = None
    output: Output | None = None

    @property
    def arn(self) -> str:
        """Who called; empty where the log names nobody."""
        identity = self.identity
        if isinstance(identity, list):
            identity = identity[0] if identity else None
        return identity.arn if identity else ""


# --- Lines that are not as most are: they are read once more, with patience

_Body = TypeVar("_Body", Stream, Event)


class _LooseInput(msgspec.Struct, rename="camel", gc=False):
    input_token_count: Count | None = None
    cache_read_input_token_count: Count | None = None
    cache_write_input_token_count: Count | None = None


class _Counted(msgspec.Struct, rename="camel", gc=False):
    """For a body in a shape nobody expects: the counts stand outside of it."""

    output_token_count: Count | None = None


class _LooseOutput(_Counted, Generic[_Body], rename="camel", gc=False):
    output_body_json: _Body | None = None


_Out = TypeVar("_Out", bound=_Counted)


class _LooseRecord(msgspec.Struct, Generic[_Out], rename="camel", gc=False):
    timestamp: str
    request_id: str
    model_id: str
    identity: Identity | list[Identity] | None = None
    input: _LooseInput | None = None
    output: _Out | None = None


_DECODER = msgspec.json.Decoder(Record)
# A body is a stream or an answer as a whole, and no decoder takes both. None of these minds `5.0` in the place of 5.
_OTHERS = (
    msgspec.json.Decoder(_LooseRecord[_LooseOutput[Stream]], strict=False),
    msgspec.json.Decoder(_LooseRecord[_LooseOutput[Event]], strict=False),
    msgspec.json.Decoder(_LooseRecord[_Counted], strict=False),
)


def read_lines(data: bytes | memoryview) -> tuple[list[Record], int]:
    """The records of whole lines of JSON, and how many lines are none."""
    try:
        return _DECODER.decode_lines(data), 0
    except (msgspec.DecodeError, UnicodeDecodeError):
        read = [_read(line) for line in bytes(data).splitlines() if line.strip()]
    records = [record for record in read if record is not None]
    return records, len(read) - len(records)


def _read(line: bytes) -> Record | None:
    with suppress(msgspec.DecodeError, UnicodeDecodeError):
        return _DECODER.decode(line)
    for decoder in _OTHERS:
        with suppress(msgspec.DecodeError, UnicodeDecodeError):
            return _as_most(decoder.decode(line))
    return None


def _as_most(found: _LooseRecord[Any]) -> Record:
    """The same as what counts it knows: without nulls, and the answer as a stream of one event."""
    given, answered = found.input, found.output
    counts = Input(*(count or 0 for count in msgspec.structs.astuple(given))) if given else None
    output = Output(answered.output_token_count or 0, _stream_of(answered)) if answered else None
    return Record(found.timestamp, found.request_id, found.model_id, found.identity, counts, output)


def _stream_of(answered: _Counted) -> Stream | None:
    body = answered.output_body_json if isinstance(answered, _LooseOutput) else None
    return Stream(body) if isinstance(body, Event) else body
