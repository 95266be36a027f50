"""Events of services, which are told on every node to whoever listens and is connected there."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

import structlog

from ..context import UNSET, HookContext, Params
from .alone import EVERYWHERE, Backplane, Body

if TYPE_CHECKING:
    from ..application import Application
    from ..service import Service

KIND: Final = "event"
PATIENCE_SECONDS: Final = 3.0
"""For so long an event that Redis has not taken counts as not sent; then it is left to this node's buffer."""

TopicOf = Callable[[str, Any], str]

logger = structlog.stdlib.get_logger(__name__)


class ServiceEvents:
    """Sends what services emit here, and emits what others have sent, which goes no further.

    What must be done once for all nodes is a hook's work: listeners run on each of them.
    """

    def __init__(self, app: Application, plane: Backplane, topic_of: TopicOf) -> None:
        self.topic_of = topic_of
        self._app = app
        self._plane = plane
        plane.on(KIND, self._arrived)

    def send(
        self, service: Service, event: str, item: Any, dispatch: Any, context: HookContext | None
    ) -> asyncio.Future[bool] | None:
        """``dispatch``: what clients get instead of the item, or UNSET. None where nobody can hear of it."""
        if not _is_heard(service, event):
            return None
        body: Body = {"path": service.path, "event": event, "item": item}
        if dispatch is not UNSET:
            body["dispatch"] = dispatch
        if context is not None:
            body |= {"method": context.method, "id": context.id}
        loop = asyncio.get_running_loop()
        safe: asyncio.Future[bool] = loop.create_future()

        def taken(outcome: bool) -> None:
            if not safe.done():
                safe.set_result(outcome)

        try:
            self._plane.send(self.topic_of(service.path, item) or EVERYWHERE, KIND, body, taken=taken)
        except (TypeError, ValueError):
            logger.exception("an event stays on its node", path=service.path, event_name=event)
            return None
        timer = loop.call_later(PATIENCE_SECONDS, taken, False)
        safe.add_done_callback(lambda _: timer.cancel())
        return safe

    def _arrived(self, topic: str, node: str, body: Body) -> None:
        service = self._app.services.get(body["path"])
        if service is None or body["event"] not in service.events:
            return
        context = HookContext(
            service, body.get("method") or body["event"], id=body.get("id"), params=Params()
        )
        context.result = body["item"]
        context.dispatch = body.get("dispatch", UNSET)
        service.hear(body["event"], body["item"], context)


def _is_heard(service: Service, event: str) -> bool:
    mounted = (service, *service.mounts)
    return service.has_listeners(event) or any(
        publishers.get(event) is not None for one in mounted for publishers in one.publisher_maps
    )
