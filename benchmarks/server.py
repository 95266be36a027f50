"""Our side: a service in the memory adapter, over both transports, with hooks around each method."""

from __future__ import annotations

import time
from typing import Any

from stonechat.core.adapters.memory import MemoryService
from stonechat.core.application import Application, Scope
from stonechat.core.channels import Channel
from stonechat.core.context import Connection, HookContext, Params
from stonechat.core.logs import configure_logs
from stonechat.core.transports.realtime import Sockets, realtime
from stonechat.core.transports.rest import rest

from .asked import Asked
from .stalls import Stalls


class Presence:
    async def find(self, params: Params) -> list[dict[str, Any]]:
        return []


class Waiting:
    """What clients have not read: the most of one, in bytes, and how many were cut off for it."""

    async def find(self, params: Params) -> dict[str, int]:
        sockets = app.realtime
        if not isinstance(sockets, Sockets):
            return {"queued": 0, "cutOff": 0}
        return {"queued": sockets.queued[1], "cutOff": sockets.cut_off}


async def nothing(context: HookContext) -> None:
    """A hook of any application, without its work."""


def ask(connection: Connection, scope: Scope) -> None:
    connection["asked"] = Asked.of(scope["query_string"].decode())


def join(connection: Connection) -> None:
    asked: Asked = connection.pop("asked")
    for room in asked.rooms:
        app.channel(room).join(connection)
    for contact in asked.contacts:
        app.channel(f"presence:{contact}").join(connection)
    if asked.user is not None:
        change = {"userId": asked.user, "status": "online", "at": int(time.time() * 1000)}
        app.service("presence").emit("changed", change)


def conversation(message: dict[str, Any], context: HookContext) -> Channel:
    return context.app.channel(message["conversationId"])


def contacts(change: dict[str, Any], context: HookContext) -> Channel:
    return app.channel(f"presence:{change['userId']}")


# As quiet as the peers, which are started without an access log.
configure_logs("warning")
app = Application()
app.configure(rest())
app.configure(realtime(handshake=ask))
app.use("messages", MemoryService(indexes=["conversationId"], paginate={"default": 50, "max": 50}))
app.use("presence", Presence(), methods=["find"], events=["changed"])
app.use("stalls", Stalls(), methods=["find"])
app.use("waiting", Waiting(), methods=["find"])
app.service("messages").hooks({"before": {"all": [nothing]}, "after": {"all": [nothing]}})
app.service("messages").publish(conversation)
app.service("presence").publish(contacts)
app.on("connection", join)
