"""Watching calls from outside of their hooks, at no cost where nobody does."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any, Protocol

from .context import Connection
from .hooks import Step

if TYPE_CHECKING:
    from .service import Service

EventHandler = Callable[[Connection, Any], Awaitable[Any]]


class Observer(Protocol):
    """One of ``app.observers``: wraps what is about to be composed or registered, so add it before."""

    def call(self, service: Service, method: str, chain: Step) -> Step:
        """The chain of a method's hooks, with whatever is to be done around it."""
        ...

    def event(self, name: str, handler: EventHandler) -> EventHandler:
        """The handler of an own event of clients, with whatever is to be done around it."""
        ...
