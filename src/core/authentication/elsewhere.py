"""What other nodes do to those who are logged in here."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from ..application import Application
from ..backplane.alone import EVERYWHERE, Body
from ..context import Connection, HookContext, Params

if TYPE_CHECKING:
    from .service import AuthenticationService

ENDED: Final = "session-end"
ALL_ENDED: Final = "sessions-end"


class Elsewhere:
    """Hears the topic of each user who is logged in on a connection, and of sessions that end on any node.

    What was missed, by a gap or while a topic was not heard yet, is read from the services.
    """

    def __init__(self, app: Application, service: AuthenticationService) -> None:
        self._app = app
        self._service = service
        self._topics: dict[Connection, str] = {}
        self._heard: Counter[str] = Counter()
        """How many connections here go by each topic."""

    def attach(self) -> None:
        app = self._app
        app.on("login", self._logged_in).on("disconnect", self._left)
        app.on("logout", self._logged_out).on(ENDED, self._ended).on(ALL_ENDED, self._all_ended)
        app.backplane.on(ENDED, self._hear_end)
        app.backplane.on(ALL_ENDED, self._hear_all_ended)
        app.backplane.on_gap(self._missed)

    async def _logged_in(self, result: Mapping[str, Any], params: Params, _: HookContext) -> None:
        connection, others = params.connection, self._app.publications.others
        user_id = None if connection is None else self._service.logins.user_of(connection)
        if connection is None or others is None or user_id is None:
            return
        topic = others.topic_of(self._service.entities.path, params.get(self._service.options.entity))
        if self._topics.get(connection) == topic:
            return
        self._left(connection)
        is_new = topic not in self._heard
        self._topics[connection] = topic
        self._heard[topic] += 1
        self._app.backplane.join(topic)
        await self._app.backplane.joined(topic)
        if is_new:
            # Nobody here has heard of what changed between the look at the user and now.
            self._service.watch.changes += 1
            await self._service.watch.refresh(user_id)

    def _left(self, connection: Connection) -> None:
        topic = self._topics.pop(connection, None)
        if topic is not None:
            self._heard[topic] -= 1
            if not self._heard[topic]:
                del self._heard[topic]
            self._app.backplane.leave(topic)

    def _logged_out(self, result: Mapping[str, Any], params: Params, _: HookContext) -> None:
        if params.connection is not None:
            self._left(params.connection)

    def _ended(self, user_id: str, session_id: str) -> None:
        self._app.backplane.send(EVERYWHERE, ENDED, {"userId": user_id, "sid": session_id})

    def _all_ended(self, user_id: str) -> None:
        self._app.backplane.send(EVERYWHERE, ALL_ENDED, {"userId": user_id})

    def _hear_end(self, topic: str, node: str, body: Body) -> None:
        if self._service.sessions is not None:
            self._service.sessions.note_end(body["userId"], body["sid"])

    def _hear_all_ended(self, topic: str, node: str, body: Body) -> None:
        if self._service.sessions is not None:
            self._service.sessions.note_all_ended(body["userId"])

    def _missed(self, topic: str) -> None:
        if topic == EVERYWHERE and self._service.sessions is not None:
            _ = self._app.tasks.start(self._service.sessions.recall(), name="recall ended sessions")
        self._service.watch.changes += 1
        users = {self._service.logins.user_of(one) for one, joined in self._topics.items() if joined == topic}
        for user_id in users - {None}:
            _ = self._app.tasks.start(self._service.watch.refresh(str(user_id)), name="refresh a user")
