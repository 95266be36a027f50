"""What another system's document says, as tables: what comes in, what goes out, under which names."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Coroutine, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from marshmallow import Schema

from ..core.context import Connection
from ..core.errors import FeathersError

if TYPE_CHECKING:
    from .caller import Caller, SocketCaller

Data = dict[str, Any]
Verb = Literal["GET", "POST", "PUT", "PATCH", "DELETE"]


@dataclass(frozen=True, slots=True)
class Event:
    """Sent by a client: one object that ``takes`` describes. What ``does`` returns is acknowledged."""

    name: str
    takes: type[Schema]
    does: Callable[[SocketCaller, Data], Awaitable[Any]]
    summary: str


@dataclass(frozen=True, slots=True)
class Route:
    """A request. ``path`` may have placeholders, ``/api/messages/:id``.

    ``takes`` describes what comes by the placeholders and by the body, of GET by the query; what ``does``
    returns is the answer, with ``status``.
    """

    verb: Verb
    path: str
    takes: type[Schema]
    does: Callable[[Caller, Data], Awaitable[Any]]
    summary: str
    status: int = 200


@dataclass(frozen=True, slots=True)
class Tell:
    """What becomes of an event ``of`` the school: that of the name ``event``, with another ``payload``.

    The school chooses who may hear of it; of these are told those who have joined the ``room``, where there
    is one, and ``only`` those for whom that is true. Where ``payload`` gives None nobody is told. If it is a
    coroutine function it gets a ``Lookup`` too, to find what the event does not say. ``done`` follows for
    each socket that was told, with what the school has said.
    """

    of: str
    event: str
    payload: Callable[..., Data | Awaitable[Data | None] | None]
    room: Callable[[Any], str | None] | None = None
    only: Callable[[Connection, Any], bool] | None = None
    carries: type[Schema] | None = None
    summary: str = ""
    done: Callable[[SocketCaller, Any], Coroutine[Any, Any, None]] | None = None


@dataclass(frozen=True, slots=True)
class Sent:
    """An event that a client's own event brings about, for the documents."""

    event: str
    carries: type[Schema]
    summary: str


@dataclass(frozen=True, slots=True)
class Dialect:
    """Another system, told in the services of the school. No rule of the domain is in it.

    ``room_of`` is the room of a conversation: who is no member any more has left it. ``failure`` says an
    error as the system does: the body of a failed request, and the event ``error_event`` after a failed one.
    ``marks`` are put on its sockets' connections. ``welcome`` is done for each socket that came, ``left`` for
    each that is gone, with the rooms that it was in.
    """

    name: str
    title: str
    namespace: str | None = None
    events: tuple[Event, ...] = ()
    tells: tuple[Tell, ...] = ()
    sends: tuple[Sent, ...] = ()
    routes: tuple[Route, ...] = ()
    room_of: Callable[[str], str] = str
    marks: Mapping[str, Any] = field(default_factory=dict[str, Any])
    welcome: Callable[[SocketCaller], Awaitable[None]] | None = None
    left: Callable[[SocketCaller, list[str]], None] | None = None
    failure: Callable[[FeathersError], Mapping[str, Any]] = FeathersError.to_json
    error_event: str | None = None
