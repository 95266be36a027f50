"""Spans of what an application does. No attribute tells of a person or of what was written."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Generator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final

from opentelemetry.context import Context
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import SpanProcessor, TracerProvider
from opentelemetry.sdk.trace.sampling import ParentBased, TraceIdRatioBased
from opentelemetry.trace import Span, SpanKind, StatusCode, Tracer, format_trace_id, get_current_span
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from ..application import Application
from ..context import Connection, HookContext
from ..errors import BY_CODE, FeathersError
from ..hooks import Step
from ..logs import trace_id
from ..observer import EventHandler
from . import LISTENERS
from .commands import CommandSpans

if TYPE_CHECKING:
    from ..service import Service

PROVIDERS: Final = frozenset({"rest", "socketio", "sse"})


def trace(app: Application, processor: SpanProcessor, *, ratio: float = 1.0) -> None:
    """Make spans, a ``ratio`` of all traces, and give them to the processor until the teardown."""
    sampler = TraceIdRatioBased(ratio)
    # The caller's choice to have a trace kept is not ours: anybody could have all of them kept.
    provider = TracerProvider(
        sampler=ParentBased(sampler, remote_parent_sampled=sampler),
        resource=Resource.create({"service.name": "stonechat", "service.version": app.version}),
    )
    provider.add_span_processor(processor)
    tracer = provider.get_tracer("stonechat")

    async def setup(_: Any, proceed: Callable[[], Awaitable[None]]) -> None:
        await proceed()
        app.on("publish", publications.end)

    async def teardown(_: Any, proceed: Callable[[], Awaitable[None]]) -> None:
        try:
            await proceed()
        finally:
            app.off("publish", publications.end)
            await asyncio.to_thread(provider.shutdown)

    app.observers.append(CallSpans(tracer))
    app.set(LISTENERS, [CommandSpans(tracer)])
    publications = PublicationSpans(tracer)
    app.on("publish", publications.begin)
    app.hooks({"around": {"setup": [setup], "teardown": [teardown]}})


class CallSpans:
    """An observer: a span for each call, and one for each own event of a client, which begins a trace."""

    def __init__(self, tracer: Tracer) -> None:
        self._tracer = tracer
        self._incoming = TraceContextTextMapPropagator()

    def call(self, service: Service, method: str, chain: Step) -> Step:
        name = f"{service.path} {method}"
        known = {"stonechat.service": service.path, "stonechat.method": method}

        async def traced(context: HookContext) -> None:
            params = context.params
            provider = params.provider
            label = "internal" if provider is None else provider if provider in PROVIDERS else "unknown"
            attributes = {**known, "stonechat.provider": label}
            is_nested = get_current_span().get_span_context().is_valid
            parent = None
            if provider == "rest" and not is_nested:
                parent = self._incoming.extract(params.headers)
            kind = SpanKind.INTERNAL if provider is None or is_nested else SpanKind.SERVER
            with _watched(self._tracer, name, kind, attributes, parent):
                await chain(context)

        return traced

    def event(self, name: str, handler: EventHandler) -> EventHandler:
        attributes = {"stonechat.event": name, "stonechat.provider": "socketio"}

        async def traced(connection: Connection, payload: Any) -> Any:
            with _watched(self._tracer, name, SpanKind.SERVER, attributes, Context()):
                return await handler(connection, payload)

        return traced


class PublicationSpans:
    """A span for each payload of an event, while the transports hand it to their connections.

    ``begin`` is the first listener of ``publish``, ``end`` the last: nothing is done between them but what
    another listener publishes in its turn.
    """

    def __init__(self, tracer: Tracer) -> None:
        self._tracer = tracer
        self._spans: list[Span] = []

    def begin(self, service: Service, event: str, payload: Any, connections: list[Connection]) -> None:
        attributes: dict[str, str | int] = {
            "stonechat.service": service.path,
            "stonechat.event": event,
            "stonechat.recipients": len(connections),
        }
        name = f"publish {service.path} {event}"
        self._spans.append(self._tracer.start_span(name, kind=SpanKind.PRODUCER, attributes=attributes))

    def end(self, *_: object) -> None:
        if self._spans:
            self._spans.pop().end()


@contextmanager
def _watched(
    tracer: Tracer, name: str, kind: SpanKind, attributes: Mapping[str, str], parent: Context | None
) -> Generator[None]:
    # What an error says may hold what somebody wrote: its code is enough.
    with tracer.start_as_current_span(
        name,
        parent,
        kind,
        attributes=attributes,
        record_exception=False,
        set_status_on_exception=False,
    ) as span:
        token = trace_id.set(format_trace_id(span.get_span_context().trace_id))
        status = 200
        try:
            yield
        except Exception as error:
            status = _code(error)
            raise
        finally:
            span.set_attribute("stonechat.status", status)
            if status >= 500:
                span.set_status(StatusCode.ERROR)
            trace_id.reset(token)


def _code(error: Exception) -> int:
    return error.code if isinstance(error, FeathersError) and error.code in BY_CODE else 500
