"""Who is told what comes from other nodes."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable
from typing import Any

import structlog

from .alone import Body, Handler, OnGap, OnHeld, OnReaped, OnReleased

logger = structlog.stdlib.get_logger(__name__)


class Listeners:
    """A handler that fails is logged: what came is not kept from the others."""

    def __init__(self) -> None:
        self._of_kind: defaultdict[str, list[Handler]] = defaultdict(list)
        self._held: list[OnHeld] = []
        self._released: list[OnReleased] = []
        self._reaped: list[OnReaped] = []
        self._gap: list[OnGap] = []

    def on(self, kind: str, handler: Handler) -> None:
        self._of_kind[kind].append(handler)

    def on_held(self, handler: OnHeld) -> None:
        self._held.append(handler)

    def on_released(self, handler: OnReleased) -> None:
        self._released.append(handler)

    def on_reaped(self, handler: OnReaped) -> None:
        self._reaped.append(handler)

    def on_gap(self, handler: OnGap) -> None:
        self._gap.append(handler)

    def came(self, topic: str, node: str, kind: str, body: Body) -> None:
        _call(self._of_kind.get(kind, ()), topic, node, body)

    def held(self, topic: str, node: str, key: str, value: Body) -> None:
        _call(self._held, topic, node, key, value)

    def released(self, topic: str, node: str, key: str, value: Body, *, died: bool) -> None:
        _call(self._released, topic, node, key, value, died)

    def reaped(self, topic: str, key: str, value: Body) -> None:
        _call(self._reaped, topic, key, value)

    def gap(self, topic: str) -> None:
        _call(self._gap, topic)


def _call(handlers: Iterable[Callable[..., object]], *args: Any) -> None:
    for handler in handlers:
        try:
            handler(*args)
        except Exception:
            logger.exception("handler of the backplane failed", topic=args[0])
