"""Publishers, which choose the channels of events, and how what they choose is handed on."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Awaitable, Callable, Iterable, Sequence
from enum import Enum
from typing import TYPE_CHECKING, Any, Final, Protocol, Self

import structlog

from .channels import Channel, CombinedChannel
from .context import UNSET, Connection, HookContext, Params
from .events import Tasks
from .shapes import is_list

if TYPE_CHECKING:
    from .application import Application
    from .service import Service

logger = structlog.stdlib.get_logger(__name__)

Publication = Channel | None | Sequence["Publication"]
Publisher = Callable[[Any, HookContext], Publication | Awaitable[Publication]]


class PublisherMap:
    """The publishers of an application or a service: one for each event, one for the rest."""

    def __init__(self) -> None:
        self._by_event: dict[str | None, Publisher] = {}

    def set(self, event: str | None, publisher: Publisher) -> None:
        self._by_event[event] = publisher

    def get(self, event: str) -> Publisher | None:
        return self._by_event.get(event) or self._by_event.get(None)


class Publishing:
    """What applications and services have in common: publishers for the events they know."""

    publishers: PublisherMap

    @property
    def events(self) -> tuple[str, ...]:
        raise NotImplementedError

    def publish(self, event: str | Publisher, publisher: Publisher | None = None) -> Self:
        """Choose who gets ``event``; ``publish(publisher)`` is for every event without one of its own.

        Raises ValueError for an event that is not known here, TypeError for an event without publisher.
        """
        name, chosen = (event, publisher) if isinstance(event, str) else (None, event)
        if name is not None and name not in self.events:
            raise ValueError(f"'{name}' is not a valid service event")
        if not callable(chosen):
            raise TypeError("a publisher is a function of the item and the context")
        self.publishers.set(name, chosen)
        return self

    register_publisher = publish


class Elsewhere(Enum):
    """The type of ``ELSEWHERE``: the event is another node's, which sees to it that it is told."""

    ELSEWHERE = "elsewhere"


ELSEWHERE: Final = Elsewhere.ELSEWHERE

Told = asyncio.Future[bool] | Elsewhere | None
"""Comes true once an event is safe with the other nodes; None where there are none to tell."""


class Others(Protocol):
    """Tells the other nodes of events; see ``core.backplane``."""

    def send(
        self, service: Service, event: str, item: Any, dispatch: Any, context: HookContext | None
    ) -> asyncio.Future[bool] | None: ...

    def topic_of(self, path: str, item: Any, /) -> str: ...


class Publications:
    """Finds who is to get an event and hands it on, in the order in which the events happened.

    Publishers may be coroutine functions. They run at once and side by side, but their answers are
    sent in turn, so that no client sees two events swapped. Each delivery is the application event
    ``publish`` with ``(service, event, payload, connections)``, which the transports listen to. Before it
    comes ``publishing`` with ``(service, event, item)``, at the end ``published`` with ``(service, event,
    item, error)``, where ``error`` is the publisher's or None; both only on the event's own node. With other
    nodes ``published`` comes when these can not miss the event any more.
    """

    def __init__(self, app: Application, tasks: Tasks) -> None:
        self.others: Others | None = None
        self._app = app
        self._tasks = tasks
        self._turn: asyncio.Task[None] | None = None

    def tell_others(self, service: Service, event: str, item: Any, context: HookContext | None) -> Told:
        if self.others is None:
            return None
        payload = item if context is None else _payload(item, context, UNSET)
        return self.others.send(service, event, item, UNSET if payload is item else payload, context)

    def publish(
        self, service: Service, event: str, item: Any, context: HookContext | None, told: Told = None
    ) -> None:
        if told is not ELSEWHERE:
            self._app.emit("publishing", service, event, item)
        publisher = _choose(service, event)
        if context is None:
            context = HookContext(service, event, params=Params())
            context.result = item
        try:
            answer = None if publisher is None else publisher(item, context)
        except Exception as error:
            logger.exception("publisher failed", path=service.path, event_name=event)
            self._end(service, event, item, error, told)
            return
        if not isinstance(answer, Channel) and inspect.isawaitable(answer):
            self._deliver_in_turn(service, event, item, context, asyncio.ensure_future(answer), told)
        elif self._turn is None:
            self._deliver(service, event, item, context, answer, told)
        else:
            known: asyncio.Future[Publication] = asyncio.get_running_loop().create_future()
            known.set_result(answer)
            self._deliver_in_turn(service, event, item, context, known, told)

    def _deliver_in_turn(
        self,
        service: Service,
        event: str,
        item: Any,
        context: HookContext,
        pending: asyncio.Future[Publication],
        told: Told,
    ) -> None:
        previous = self._turn

        async def in_turn() -> None:
            publication: Publication = None
            failure: Exception | None = None
            try:
                try:
                    publication = await pending
                except Exception as error:
                    logger.exception("publisher failed", path=service.path, event_name=event)
                    failure = error
                if previous is not None:
                    await asyncio.wait([previous])
                if failure is None:
                    self._deliver(service, event, item, context, publication, told)
                else:
                    self._end(service, event, item, failure, told)
            finally:
                if self._turn is turn:
                    self._turn = None

        turn = self._turn = self._tasks.start(in_turn(), name=f"publish {service.path} {event}")

    def _deliver(
        self,
        service: Service,
        event: str,
        item: Any,
        context: HookContext,
        publication: Publication,
        told: Told,
    ) -> None:
        try:
            channels = _flatten(publication)
        except TypeError as error:
            logger.exception("publisher failed", path=service.path, event_name=event)
            self._end(service, event, item, error, told)
            return
        if len(channels) == 1:
            groups: Iterable[tuple[Any, list[Connection]]] = [(channels[0].data, channels[0].connections)]
        else:
            groups = CombinedChannel(channels).payloads() if channels else ()
        for data, connections in groups:
            self._app.emit("publish", service, event, _payload(item, context, data), connections)
        self._end(service, event, item, None, told)

    def _end(self, service: Service, event: str, item: Any, error: Exception | None, told: Told) -> None:
        if isinstance(told, Elsewhere):
            return
        if told is None or told.done():
            self._app.emit("published", service, event, item, error)
        else:
            told.add_done_callback(lambda _: self._app.emit("published", service, event, item, error))


def _choose(service: Service, event: str) -> Publisher | None:
    for publishers in service.publisher_maps:
        if (publisher := publishers.get(event)) is not None:
            return publisher
    return None


def _flatten(publication: Publication) -> list[Channel]:
    if not publication:
        return []
    if isinstance(publication, CombinedChannel):
        return [deep for child in publication.children for deep in _flatten(child)]
    if isinstance(publication, Channel):
        return [publication]
    if not isinstance(publication, list | tuple):
        raise TypeError(f"a publisher returns channels, not {type(publication).__name__}")
    return [channel for part in publication for channel in _flatten(part)]


def _payload(item: Any, context: HookContext, data: Any) -> Any:
    """What clients get of ``item``: its counterpart in the channel's ``data`` or in ``context.dispatch``."""
    given = context.dispatch if data is UNSET else data
    if given is UNSET or (given is None and data is UNSET):
        return item
    if is_list(context.result) and is_list(given):
        for position, one in enumerate(context.result):
            if one is item and position < len(given):
                return given[position]
    return given
