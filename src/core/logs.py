"""One log, of structlog's and of the standard library's loggers, as text for people or as JSON."""

import logging
import random
import re
import sys
from collections.abc import Mapping, Sequence
from contextvars import ContextVar
from typing import Literal, TextIO, cast

import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

LogLevel = Literal["debug", "info", "warning", "error", "critical"]
LogFormat = Literal["console", "json"]

request_id: ContextVar[str] = ContextVar("request_id", default="")
trace_id: ContextVar[str] = ContextVar("trace_id", default="")
"""32 hex digits while a trace is being made, as ``tracing`` does."""

REDACTED = "[redacted]"
SECRET_KEYS = ("password", "token", "secret", "authorization", "cookie")
"""Ends of keys, without case and separators: accessToken, client_secret and Set-Cookie are among them."""

PROPAGATED = ("uvicorn", "uvicorn.access", "uvicorn.error", "uvicorn.asgi", "starlette")
SOCKET_LOGGERS = ("socketio.server", "socketio.client", "engineio.server", "engineio.client")

_VALID_REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")


def new_request_id() -> str:
    """16 hex digits; they tell requests apart and are no secret."""
    return f"{random.getrandbits(64):016x}"


def valid_request_id(text: str) -> bool:
    """Whether a client's id may stand in logs and headers: 1 to 64 of letters, digits, '.', '_' and '-'."""
    return _VALID_REQUEST_ID.fullmatch(text) is not None


def configure_logs(
    level: LogLevel = "info",
    format: LogFormat = "console",
    *,
    stream: TextIO | None = None,
) -> None:
    """Log to `stream`, standard error by default. A second call replaces the first.

    uvicorn must be given `log_config=None`, or it takes its loggers back.
    """
    number = logging.getLevelNamesMapping()[level.upper()]
    output = stream or sys.stderr
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        _add_ids,
        structlog.processors.StackInfoRenderer(),
    ]
    # Neither renderer shows local variables in a traceback: secrets are among them.
    rendering: list[Processor] = (
        [structlog.processors.format_exc_info, structlog.processors.JSONRenderer()]
        if format == "json"
        else [
            structlog.dev.ConsoleRenderer(
                colors=output.isatty(), exception_formatter=structlog.dev.plain_traceback
            )
        ]
    )
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        wrapper_class=structlog.make_filtering_bound_logger(number),
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=False,
    )
    handler = logging.StreamHandler(output)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[*shared, structlog.stdlib.ExtraAdder(), _drop_colors],
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, _redact, *rendering],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(number)
    for name in PROPAGATED:
        logger = logging.getLogger(name)
        logger.handlers.clear()
        logger.propagate = True
        logger.setLevel(logging.NOTSET)
    for name in SOCKET_LOGGERS:
        logger = logging.getLogger(name)
        logger.handlers.clear()
        # They add a handler of their own to a logger that has no level.
        logger.setLevel(max(number, logging.WARNING))
    # At debug level the driver logs every command with its documents.
    logging.getLogger("pymongo").setLevel(max(number, logging.INFO))


def _add_ids(logger: WrappedLogger, method: str, event: EventDict) -> EventDict:
    if current := request_id.get():
        event.setdefault("request_id", current)
    if trace := trace_id.get():
        event.setdefault("trace_id", trace)
    return event


def _drop_colors(logger: WrappedLogger, method: str, event: EventDict) -> EventDict:
    event.pop("color_message", None)  # uvicorn's message once more, for its own formatter
    return event


def _redact(logger: WrappedLogger, method: str, event: EventDict) -> EventDict:
    return {key: _redacted(key, value) for key, value in event.items()}


def _redacted(key: object, value: object) -> object:
    if isinstance(key, str) and re.sub(r"[^a-z]", "", key.lower()).endswith(SECRET_KEYS):
        return REDACTED
    if isinstance(value, Mapping):
        items = cast("Mapping[object, object]", value)
        return {name: _redacted(name, item) for name, item in items.items()}
    if isinstance(value, list | tuple):
        return [_redacted(None, item) for item in cast("Sequence[object]", value)]
    return value
