"""Traces of a small application, in memory, and of the school, at a collector."""

from __future__ import annotations

import io
import logging
from collections.abc import AsyncGenerator, Iterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import pytest
import socketio
import structlog
from aiohttp import web
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import format_trace_id

from stonechat.core.adapters.memory import MemoryService
from stonechat.core.application import Application
from stonechat.core.context import Connection, HookContext, Params
from stonechat.core.encoding import decode
from stonechat.core.errors import Conflict
from stonechat.core.logs import configure_logs, trace_id
from stonechat.core.testing import serving
from stonechat.core.tracing import tracing
from stonechat.core.tracing.spans import trace
from stonechat.core.transports.realtime import realtime
from stonechat.core.transports.rest import rest
from tests.support.school import serve_school, test_settings

TRACE = "0af7651916cd43dd8448eb211c80319c"
CALLER = "b7ad6b7169203331"
SECRET_WORDS = "what nobody but us may read"

logger = structlog.stdlib.get_logger(__name__)


@pytest.fixture
def output() -> Iterator[io.StringIO]:
    """What is logged as JSON, until the logs are as before."""
    root, configuration = logging.getLogger(), structlog.get_config()
    handlers, level = root.handlers[:], root.level
    stream = io.StringIO()
    configure_logs("info", "json", stream=stream)
    yield stream
    structlog.configure(**configuration)
    root.handlers[:] = handlers
    root.setLevel(level)


class Weather:
    async def get(self, id: Any, params: Params) -> dict[str, Any]:
        if id == "taken":
            raise Conflict(SECRET_WORDS)
        if id == "broken":
            raise RuntimeError(SECRET_WORDS)
        return {"id": id, "trace": trace_id.get()}


def application(ratio: float = 1.0) -> tuple[Application, InMemorySpanExporter]:
    app, exporter = Application(), InMemorySpanExporter()
    trace(app, SimpleSpanProcessor(exporter), ratio=ratio)
    app.configure(rest()).configure(realtime()).use("weather", Weather()).use("notes", MemoryService())
    return app, exporter


def named(spans: Sequence[ReadableSpan]) -> dict[str, ReadableSpan]:
    return {span.name: span for span in spans}


def attributes(span: ReadableSpan) -> dict[str, Any]:
    return dict(span.attributes or {})


async def test_a_call_over_rest_goes_on_with_the_callers_trace() -> None:
    app, exporter = application()
    headers = {"traceparent": f"00-{TRACE}-{CALLER}-01"}
    async with serving(app) as url, aiohttp.ClientSession() as http:
        async with http.get(f"{url}/weather/here", headers=headers) as response:
            assert (await response.json())["trace"] == TRACE
        async with http.get(f"{url}/weather/there") as response:
            other = (await response.json())["trace"]
    assert trace_id.get() == ""
    first, second = exporter.get_finished_spans()
    assert first.context is not None
    assert first.parent is not None
    assert format_trace_id(first.context.trace_id) == TRACE
    assert f"{first.parent.span_id:016x}" == CALLER
    assert second.parent is None
    assert other != TRACE
    assert attributes(first) == {
        "stonechat.service": "weather",
        "stonechat.method": "get",
        "stonechat.provider": "rest",
        "stonechat.status": 200,
    }


async def test_a_header_that_is_no_trace_begins_one() -> None:
    app, exporter = application()
    headers = {"traceparent": "00-nonsense"}
    async with (
        serving(app) as url,
        aiohttp.request("GET", f"{url}/weather/here", headers=headers) as response,
    ):
        assert response.status == 200
    (span,) = exporter.get_finished_spans()
    assert span.parent is None


async def test_an_event_its_calls_and_their_publication_are_one_trace() -> None:
    app, exporter = application()
    assert app.realtime is not None

    async def note(connection: Connection, payload: Any) -> Any:
        return await app.service("notes").create(payload, Params(connection, connection=connection))

    app.realtime.on("note", note)
    app.on("connection", app.channel("all").join)
    app.publish(lambda item, context: app.channel("all"))
    async with serving(app) as url:
        client = socketio.AsyncClient(reconnection=False)
        await client.connect(url, transports=["websocket"])
        for _ in range(2):
            await client.call("note", {"text": SECRET_WORDS})
        await client.disconnect()
    spans = exporter.get_finished_spans()
    traces = {span.context.trace_id for span in spans if span.context is not None}
    assert len(traces) == 2
    first = named(spans[: len(spans) // 2])
    assert set(first) == {"note", "notes create", "publish notes created"}
    event = first["note"]
    assert event.parent is None
    assert first["notes create"].parent == event.context
    assert first["publish notes created"].parent == event.context
    assert attributes(first["publish notes created"])["stonechat.recipients"] == 1
    assert SECRET_WORDS not in str([span.to_json() for span in spans])


@pytest.mark.parametrize(
    ("id", "code", "outcome"), [("here", 200, "UNSET"), ("taken", 409, "UNSET"), ("broken", 500, "ERROR")]
)
async def test_a_span_tells_the_code_of_an_error_and_not_its_words(id: str, code: int, outcome: str) -> None:
    app, exporter = application()
    try:
        await app.service("weather").get(id)
    except (Conflict, RuntimeError):
        assert code != 200
    (span,) = exporter.get_finished_spans()
    assert attributes(span)["stonechat.status"] == code
    assert span.status.status_code.name == outcome
    assert SECRET_WORDS not in span.to_json()


async def test_nobody_from_outside_can_have_all_traces_kept() -> None:
    app, exporter = application(ratio=0.0)
    async with serving(app) as url, aiohttp.ClientSession() as http:
        headers = {"traceparent": f"00-{TRACE}-{CALLER}-01"}
        async with http.get(f"{url}/weather/here", headers=headers) as response:
            assert response.status == 200
    assert exporter.get_finished_spans() == ()


async def test_log_lines_of_a_call_carry_the_trace(output: io.StringIO) -> None:
    app, exporter = application()

    def log(context: HookContext) -> None:
        logger.info("in the call")

    app.service("weather").hooks({"before": {"get": [log]}})
    logger.info("before the call")
    await app.service("weather").get("here")
    (span,) = exporter.get_finished_spans()
    assert span.context is not None
    before, inside = [decode(line) for line in output.getvalue().splitlines()]
    assert "trace_id" not in before
    assert inside["trace_id"] == format_trace_id(span.context.trace_id)


def test_without_an_endpoint_nothing_watches() -> None:
    app = Application().configure(tracing(None))
    assert app.observers == []
    assert not app.has_listeners("publish")


@asynccontextmanager
async def collector() -> AsyncGenerator[tuple[str, list[Span]]]:
    """What OpenTelemetry's collector is to an exporter: takes spans over HTTP."""
    spans: list[Span] = []

    async def take(request: web.Request) -> web.Response:
        sent = ExportTraceServiceRequest.FromString(await request.read())
        spans.extend(span for part in sent.resource_spans for some in part.scope_spans for span in some.spans)
        return web.Response(body=b"", content_type="application/x-protobuf")

    server = web.Application()
    server.router.add_post("/v1/traces", take)
    runner = web.AppRunner(server)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    host, port = runner.addresses[0][:2]
    try:
        yield f"http://{host}:{port}/v1/traces", spans
    finally:
        await runner.cleanup()


async def test_one_message_of_a_socket_is_one_trace_down_to_the_database(mongodb_url: str) -> None:
    async with collector() as (endpoint, spans):
        tables = {"tracing": {"endpoint": endpoint, "ratio": 1.0}}
        async with serve_school(test_settings(mongodb_url, "test_tracing", **tables)) as school:
            conversation = await school.conversation("rivera", "ada")
            person = await school.person("rivera")
            async with person.socket() as socket:
                data = {"conversationId": conversation, "content": SECRET_WORDS}
                said = await socket.say("message:send", data)
                assert "error" not in said, said
                await socket.next("messages created")
    roots = [span for span in spans if span.name == "message:send"]
    assert len(roots) == 1
    assert roots[0].parent_span_id == b""
    ours = {span.span_id: span for span in spans if span.trace_id == roots[0].trace_id}
    names = {span.name for span in ours.values()}
    assert {"messages create", "insert messages", "insert deliveries", "publish messages created"} <= names
    for span in ours.values():
        above = span
        while above.parent_span_id:
            above = ours[above.parent_span_id]
        assert above.name == "message:send"
    text = str(spans)
    assert SECRET_WORDS not in text
    assert person.id not in text
    assert conversation not in text
