"""Other systems told in the school's services: each dialect is a folder with the tables of its document."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from ..core.application import Application
from .caller import Caller, Lookup, SocketCaller
from .campzone import CAMPZONE
from .chat_api import CHAT
from .community import community
from .dialect import Dialect, Event, Route, Sent, Tell
from .routes import add_routes
from .sockets import DialectSockets
from .spoken import speak
from .team_chat import TEAM

__all__ = [
    "Caller",
    "Dialect",
    "Event",
    "Lookup",
    "Route",
    "Sent",
    "SocketCaller",
    "Tell",
    "dialects",
    "speaking",
]

KNOWN: Final[tuple[Dialect, ...]] = (CAMPZONE, CHAT, TEAM)


def dialects(switched: Mapping[str, bool], *, max_body: int) -> Callable[[Application], None]:
    """Speak those dialects that are ``switched`` on, by name. ``max_body`` of their requests, in bytes.

    Goes after the services and the school's sockets.
    """

    def configure(app: Application) -> None:
        for dialect in KNOWN:
            if switched.get(dialect.name):
                app.configure(speaking(dialect, max_body=max_body))
        if switched.get("community"):
            app.configure(community)  # which says what it has to say as services

    return configure


def speaking(dialect: Dialect, *, max_body: int) -> Callable[[Application], None]:
    """Speak this dialect, which may be another package's. Raises ValueError for a namespace that is taken."""

    def configure(app: Application) -> None:
        speak(app, dialect)
        add_routes(app, dialect, max_body)
        if dialect.namespace is not None and app.realtime is not None:
            _ = DialectSockets(app, app.realtime, dialect, dialect.namespace)

    return configure
