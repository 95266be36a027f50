"""Traces for OpenTelemetry: ``app.configure(tracing(endpoint))``, with the extra ``otel``."""

from __future__ import annotations

from ..application import Application, Configure
from ..configuration import ConfigurationError

LISTENERS = "command_listeners"
"""The setting with what is to hear of the database's commands: pymongo's ``CommandListener``."""

__all__ = ["LISTENERS", "tracing"]


def tracing(endpoint: str | None, *, ratio: float = 1.0) -> Configure:
    """Send spans of calls, own events, publications and database commands to ``endpoint``: OTLP over HTTP.

    ``ratio`` of the traces are kept, from 0 to 1. Without an endpoint nothing is loaded and nothing is done.
    To be configured before transports and services. Raises ConfigurationError where the extra is missing.
    """

    def configure(app: Application) -> None:
        if endpoint is None:
            return
        try:
            from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter  # noqa: PLC0415
            from opentelemetry.sdk.trace.export import BatchSpanProcessor  # noqa: PLC0415

            from .spans import trace  # noqa: PLC0415
        except ImportError as error:
            raise ConfigurationError(
                [f"tracing.endpoint: needs OpenTelemetry (stonechat[otel]): {error}"]
            ) from None
        trace(app, BatchSpanProcessor(OTLPSpanExporter(endpoint)), ratio=ratio)

    return configure
