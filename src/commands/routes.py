"""``stonechat routes``: what services an application has."""

from __future__ import annotations

import argparse
from collections.abc import Iterable

from ..core.application import Application
from ..core.context import EVENT_OF_METHOD
from ..core.hooks import TYPES
from ..core.service import Service
from ..dialects.dialect import Dialect
from ..dialects.spoken import spoken
from .applications import add_location, application_of
from .running import configured
from .tables import print_table


def add(options: argparse.ArgumentParser) -> None:
    configured(options, _routes)
    add_location(options)


def _routes(options: argparse.Namespace) -> None:
    app, _ = application_of(options)
    rows = [
        (
            f"/{path}".replace("//", "/"),
            " ".join(service.methods),
            _hook_counts(app, service),
            " ".join(service.wire_event(event) for event in _emitted(service)),
        )
        for path, service in sorted(app.services.items())
    ]
    print_table(("SERVICE", "METHODS", "HOOKS", "EVENTS"), rows)
    for dialect in spoken(app):
        print(f"\n{dialect.title}{f', in {dialect.namespace}' if dialect.namespace else ''}")
        print_table(("CLIENTS SEND", ""), _sent(dialect))
        if told := _told(dialect):
            print_table(("CLIENTS ARE TOLD", "AFTER"), told)


def _sent(dialect: Dialect) -> list[tuple[str, str]]:
    return [
        *((f"{route.verb} {route.path}", route.summary) for route in dialect.routes),
        *((event.name, event.summary) for event in dialect.events),
    ]


def _told(dialect: Dialect) -> list[tuple[str, str]]:
    return [*((tell.event, tell.of) for tell in dialect.tells), *((sent.event, "") for sent in dialect.sends)]


def _hook_counts(app: Application, service: Service) -> str:
    stores = service.hook_stores()
    counts = {
        kind: sum(len(store.of(kind, name)) for store in stores for name in ("all", *service.methods))
        for kind in TYPES
    }
    return " ".join(f"{kind}:{count}" for kind, count in counts.items() if count)


def _emitted(service: Service) -> Iterable[str]:
    standard = (EVENT_OF_METHOD[method] for method in service.methods if method in EVENT_OF_METHOD)
    return (*standard, *service.custom_events)
