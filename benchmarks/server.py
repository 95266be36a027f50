"""Our side: a service in the memory adapter, over both transports, with hooks around each method."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qs

from stonechat.core.adapters.memory import MemoryService
from stonechat.core.application import Application, Scope
from stonechat.core.channels import Channel
from stonechat.core.context import Connection, HookContext
from stonechat.core.logs import configure_logs
from stonechat.core.transports.realtime import realtime
from stonechat.core.transports.rest import rest


async def nothing(context: HookContext) -> None:
    """A hook of any application, without its work."""


def join_room(connection: Connection, scope: Scope) -> None:
    """``?room=C`` in the handshake puts the connection into the channel of conversation C."""
    for room in parse_qs(scope["query_string"].decode()).get("room", []):
        app.channel(room).join(connection)


def conversation(message: dict[str, Any], context: HookContext) -> Channel:
    return context.app.channel(message["conversationId"])


# As quiet as the peers, which are started without an access log.
configure_logs("warning")
app = Application()
app.configure(rest())
app.configure(realtime(handshake=join_room))
app.use("messages", MemoryService(indexes=["conversationId"], paginate={"default": 50, "max": 50}))
app.service("messages").hooks({"before": {"all": [nothing]}, "after": {"all": [nothing]}})
app.publish(conversation)
