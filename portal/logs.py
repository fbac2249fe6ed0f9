"""Logging: structlog, one object a line, one redaction processor over everything that is written."""

from __future__ import annotations

import logging
import re
from typing import Any, Literal

import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

from onboarding.masking import MASK, mask

_SECRET_KEYS = re.compile(
    r"(?i)secret|passw(?:or)?d|passphrase|token|authorization|cookie|credential|code_verifier|assertion|saml_?response"
    r"|(?:api|private|access)[ _-]?key|signature|webhook"
)
# People are named by their ids. Celery's workers are called like addresses.
_EMAIL = re.compile(
    r"(?<![\w.+-])(?!(?:beat|celery|costs|worker)@)[\w.+-]{1,64}(?:@|%40)[\w-]{1,63}(?:\.[\w-]{1,63}){1,8}"
)
_PLAIN = (bool, int, float, type(None))


def redact(value: Any) -> Any:
    """`value` with every secret in it masked, however deep: by its key's name, and by its own shape; and without
    people's e-mail addresses. What is no text becomes one, as the renderer would write it."""
    if isinstance(value, _PLAIN):
        return value
    if isinstance(value, dict):
        return {_text(key): MASK if _SECRET_KEYS.search(str(key)) else redact(item) for key, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [redact(item) for item in value]
    return _text(value)


def _text(value: Any) -> str:
    if isinstance(value, bytes | bytearray | memoryview):
        value = bytes(value).decode("utf-8", "replace")
    return _EMAIL.sub("[e-mail]", mask(value if isinstance(value, str) else repr(value)))


def redact_event(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """structlog's processor form of `redact`."""
    redacted: EventDict = redact(event)
    return redacted


class WithoutWhatWasSent(logging.Filter):
    """Of a request that gunicorn refuses or fails at, it logs parts as they came: a line with a code of sign-in in its
    query, a header without a name. What is left says from where it came, and which page it asked for.
    """

    def filter(self, record: logging.LogRecord) -> bool:
        record.msg = str(record.msg)
        if record.msg.startswith("Invalid request from ip="):
            record.msg = record.msg.partition(": ")[0]
        if isinstance(record.args, tuple):
            record.args = tuple(arg.partition("?")[0] if isinstance(arg, str) else arg for arg in record.args)
        return True


_SHARED: list[Processor] = [
    structlog.contextvars.merge_contextvars,
    structlog.stdlib.add_logger_name,
    structlog.stdlib.add_log_level,
    structlog.processors.TimeStamper(fmt="iso", utc=True),
    structlog.processors.StackInfoRenderer(),
    structlog.processors.format_exc_info,
]


def configure_structlog() -> None:
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *_SHARED,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=True,
    )


def logging_config(log_format: Literal["json", "console"]) -> dict[str, Any]:
    """Django's LOGGING. Both formats go through `redact_event`."""
    renderer = structlog.processors.JSONRenderer() if log_format == "json" else structlog.dev.ConsoleRenderer()
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {
            "onramp": {
                "()": structlog.stdlib.ProcessorFormatter,
                "foreign_pre_chain": _SHARED,
                "processors": [
                    structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                    redact_event,
                    renderer,
                ],
            }
        },
        "filters": {"without-what-was-sent": {"()": WithoutWhatWasSent}},
        "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "onramp"}},
        "root": {"handlers": ["stderr"], "level": "INFO"},
        "loggers": {
            "django": {"handlers": [], "propagate": True},
            "django.server": {"handlers": [], "propagate": True},
            # Its own handler writes plain lines past `redact_event`.
            "gunicorn.error": {"handlers": [], "filters": ["without-what-was-sent"], "propagate": True},
            # botocore logs request bodies at DEBUG; it never gets there.
            "botocore": {"level": "WARNING"},
        },
    }
