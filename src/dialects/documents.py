"""The dialects that are spoken, for OpenAPI and AsyncAPI."""

from __future__ import annotations

from collections.abc import Iterable

from ..core.application import Application
from ..core.documentation import OwnEvent, OwnRoute
from .dialect import Dialect
from .routes import web_path
from .spoken import spoken


def dialect_routes(app: Application) -> Iterable[OwnRoute]:
    for dialect in spoken(app):
        for route in dialect.routes:
            yield OwnRoute(
                verb=route.verb,
                path=web_path(route.path),
                summary=route.summary,
                takes=route.takes(),
                status=route.status,
                tag=dialect.title,
            )


def dialect_events(app: Application) -> Iterable[OwnEvent]:
    for dialect in spoken(app):
        if dialect.namespace is not None:
            yield from _events(dialect, dialect.namespace)


def _events(dialect: Dialect, namespace: str) -> Iterable[OwnEvent]:
    for event in dialect.events:
        yield OwnEvent(
            name=event.name,
            sent_by="client",
            summary=event.summary,
            payload=event.takes(),
            namespace=namespace,
        )
    told = {tell.event: (tell.carries, tell.summary or f"After {tell.of}.") for tell in dialect.tells}
    sent = {one.event: (one.carries, one.summary) for one in dialect.sends}
    for name, (carries, summary) in {**told, **sent}.items():
        if carries is not None:
            yield OwnEvent(
                name=name, sent_by="server", summary=summary, payload=carries(), namespace=namespace
            )
