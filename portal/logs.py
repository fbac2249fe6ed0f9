"""Logging: structlog, one object a line, one redaction processor over everything that is written."""

from __future__ import annotations

import re
from typing import Any, Literal

import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

from onboarding.masking import MASK, mask

_SECRET_KEYS = re.compile(r"(?i)secret|password|token|authorization|cookie|credential|code_verifier|client_assertion")


def redact(value: Any) -> Any:
    """`value` with every secret in it masked, however deep: by its key's name, and by its own shape."""
    if isinstance(value, str):
        return mask(value)
    if isinstance(value, dict):
        return {
            key: MASK if isinstance(key, str) and _SECRET_KEYS.search(key) else redact(item)
            for key, item in value.items()
        }
    if isinstance(value, list | tuple):
        return [redact(item) for item in value]
    return value


def redact_event(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """structlog's processor form of `redact`; of a request's address, the path."""
    redacted: EventDict = redact(event)
    if isinstance(redacted.get("request"), str):
        redacted["request"] = _without_query(redacted["request"])
    return redacted


def _without_query(request: str) -> str:
    """A request's line as it is logged: what somebody looked for, and what a sign-in carries, is in the query."""
    path, mark, _query = request.partition("?")
    return f"{path}{mark}…" if mark else path


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
        "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "onramp"}},
        "root": {"handlers": ["stderr"], "level": "INFO"},
        "loggers": {
            "django": {"handlers": [], "propagate": True},
            "django.server": {"handlers": [], "propagate": True},
            # botocore logs request bodies at DEBUG; it never gets there.
            "botocore": {"level": "WARNING"},
        },
    }
