"""The few fields of an invocation log that are counted. Nothing else of a line becomes an object.

Shape: https://docs.aws.amazon.com/bedrock/latest/userguide/model-invocation-logging.html. Prompts and completions
stand in the same lines; the decoder passes over them, and no error names a value.
"""

from __future__ import annotations

import msgspec


class Identity(msgspec.Struct, gc=False):
    arn: str = ""


class Writes(msgspec.Struct, gc=False):
    """How long the prompt cache keeps what was written to it; only a body says so."""

    ephemeral_5m_input_tokens: int = 0
    ephemeral_1h_input_tokens: int = 0


class Usage(msgspec.Struct, gc=False):
    cache_creation: Writes | None = None


class Message(msgspec.Struct, gc=False):
    usage: Usage | None = None


class Event(msgspec.Struct, gc=False):
    """One event of a stream, or an answer as a whole."""

    message: Message | None = None
    usage: Usage | None = None


class Input(msgspec.Struct, rename="camel", gc=False):
    """`input_token_count` leaves out what was read from or written to the prompt cache."""

    input_token_count: int = 0
    cache_read_input_token_count: int = 0
    cache_write_input_token_count: int = 0


class Counted(msgspec.Struct, rename="camel", gc=False):
    output_token_count: int = 0


class Output(Counted, rename="camel", gc=False):
    output_body_json: list[Event] | Event | None = None


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

    @property
    def hour_writes(self) -> int | None:
        """Tokens written to the cache for an hour; None where no body says."""
        body = self.output.output_body_json if self.output else None
        for event in body if isinstance(body, list) else [body] if body else []:
            usage = event.message.usage if event.message else event.usage
            if usage and usage.cache_creation:
                return usage.cache_creation.ephemeral_1h_input_tokens
        return None


class _WithoutBody(Record, rename="camel", gc=False):
    """For lines whose body is in a shape nobody expects: the counts stand outside of it."""

    output: Counted | None = None  # type: ignore[assignment]  # less than the whole, for decoding alone


_DECODER = msgspec.json.Decoder(Record)
_TOLERANT = msgspec.json.Decoder(_WithoutBody)


def read_lines(data: bytes) -> tuple[list[Record], int]:
    """The records of whole lines of JSON, and how many lines are none."""
    try:
        return _DECODER.decode_lines(data), 0
    except (msgspec.DecodeError, UnicodeDecodeError):
        read = [_read(line) for line in data.splitlines() if line.strip()]
    records = [record for record in read if record is not None]
    return records, len(read) - len(records)


def _read(line: bytes) -> Record | None:
    try:
        return _DECODER.decode(line)
    except (msgspec.DecodeError, UnicodeDecodeError):
        pass
    try:
        found = _TOLERANT.decode(line)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None
    output = Output(found.output.output_token_count) if found.output else None
    return Record(found.timestamp, found.request_id, found.model_id, found.identity, found.input, output)
