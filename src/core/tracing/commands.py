"""Spans of the database's commands: their names and collections, never their contents."""

from __future__ import annotations

from typing import Any, Final

from opentelemetry.trace import Span, SpanKind, StatusCode, Tracer, get_current_span
from pymongo.monitoring import (
    CommandFailedEvent,
    CommandListener,
    CommandStartedEvent,
    CommandSucceededEvent,
)

MOST: Final = 10_000
"""Commands that may be open. Of one that was cancelled, pymongo tells no end."""

COLLECTION_OF: Final = {"getMore": "collection"}
"""Where a command names its collection, if not in the value of its name."""


class CommandSpans(CommandListener):
    """Pymongo tells of a command in the task that sends it, where the span of the call is current."""

    def __init__(self, tracer: Tracer) -> None:
        self._tracer = tracer
        self._open: dict[tuple[int, Any], Span] = {}

    def started(self, event: CommandStartedEvent) -> None:
        if not get_current_span().is_recording():
            return
        name = event.command_name
        collection = event.command.get(COLLECTION_OF.get(name, name))
        attributes = {
            "db.system.name": "mongodb",
            "db.namespace": event.database_name,
            "db.operation.name": name,
        }
        if isinstance(collection, str):
            attributes["db.collection.name"] = collection
            name = f"{name} {collection}"
        if len(self._open) >= MOST:
            self._open.pop(next(iter(self._open))).end()
        key = (event.request_id, event.connection_id)
        self._open[key] = self._tracer.start_span(name, kind=SpanKind.CLIENT, attributes=attributes)

    def succeeded(self, event: CommandSucceededEvent) -> None:
        if (span := self._open.pop((event.request_id, event.connection_id), None)) is not None:
            span.end()

    def failed(self, event: CommandFailedEvent) -> None:
        if (span := self._open.pop((event.request_id, event.connection_id), None)) is not None:
            span.set_status(StatusCode.ERROR)
            span.end()
