"""Who types where in the school, on whatever node."""

from __future__ import annotations

import asyncio
from typing import NamedTuple

from ..core.application import Application, Realtime
from ..core.backplane.alone import Body
from ..core.context import Connection
from .channels import Audiences
from .connections import ConnectionManager
from .events import ServerEvent
from .typing_status import TypingStatus

KIND = "typing"
TYPING_SECONDS = "typingSeconds"
"""The key of a connection whose starts last longer, or shorter, than others'."""


class Away(NamedTuple):
    """A user's devices on another node, as far as they type in one conversation."""

    node: str
    user_id: str
    conversation_id: str


class Typists:
    """Tells the members who are connected here who types, and the other nodes who types here.

    What another node said last holds until it says otherwise, or for as long as any start does: so nobody
    types for ever on a node that died.
    """

    def __init__(
        self,
        app: Application,
        realtime: Realtime,
        audiences: Audiences,
        connections: ConnectionManager[Connection],
        *,
        expires: float,
        every: float,
    ) -> None:
        self._app = app
        self._realtime = realtime
        self._audiences = audiences
        self._connections = connections
        self._all: TypingStatus[Connection | Away] = TypingStatus(self._forward, expires=expires, every=every)
        self._own: TypingStatus[Connection] = TypingStatus(self._say, expires=expires, every=every)
        self._turn: asyncio.Task[None] | None = None

    def register(self) -> None:
        self._app.backplane.on(KIND, self._hear)

    def start(self, connection: Connection, user_id: str, conversation_id: str) -> bool:
        """Return False, telling nothing, where the connection types in as many places as it may."""
        seconds: float | None = connection.get(TYPING_SECONDS)
        if not self._own.start(connection, user_id, conversation_id, seconds=seconds):
            return False
        return self._all.start(connection, user_id, conversation_id, seconds=seconds)

    def stop(self, connection: Connection, user_id: str, conversation_id: str) -> None:
        self._own.stop(connection, user_id, conversation_id)
        self._all.stop(connection, user_id, conversation_id)

    def sent(self, user_id: str, conversation_id: str) -> None:
        self._own.sent(user_id, conversation_id)
        self._all.sent(user_id, conversation_id)

    def disconnect(self, connection: Connection) -> None:
        """Goes before the connection leaves the index."""
        self._own.disconnect(connection)
        self._all.disconnect(connection)

    def close(self) -> None:
        self._own.close()
        self._all.close()

    def _say(self, event: str, conversation_id: str, user_id: str) -> None:
        identity = self._connections.identity_of_user(user_id)
        if identity is not None:
            body = {
                "event": event,
                "conversationId": conversation_id,
                "userId": user_id,
                "seconds": self._own.lasts(user_id, conversation_id),
            }
            self._app.backplane.send(identity.school_id, KIND, body)

    def _hear(self, topic: str, node: str, body: Body) -> None:
        user_id, conversation_id = body["userId"], body["conversationId"]
        away = Away(node, user_id, conversation_id)
        if body["event"] == ServerEvent.TYPING_START:
            self._all.start(away, user_id, conversation_id, seconds=body["seconds"])
        else:
            self._all.stop(away, user_id, conversation_id)

    def _forward(self, event: str, conversation_id: str, user_id: str) -> None:
        previous = self._turn

        async def forward() -> None:
            channel = await self._audiences.members(conversation_id, but=[user_id])
            if previous is not None:
                await asyncio.wait([previous])  # a stop must not overtake its start
            payload = {"conversationId": conversation_id, "userId": user_id}
            self._realtime.send(channel.connections, event, payload, ephemeral=True)

        self._turn = self._app.tasks.start(forward(), name=event)
