"""Stock python-socketio with its own rooms and ``emit``, in front of the plain Starlette application."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qs

import socketio

from . import rest
from .store import Message

sio = socketio.AsyncServer(async_mode="asgi")


async def connect(sid: str, environ: Mapping[str, Any], auth: Any) -> None:
    for room in parse_qs(environ["QUERY_STRING"]).get("room", []):
        await sio.enter_room(sid, room)


async def create(sid: str, data: Message) -> Message:
    message = rest.store.create(data)
    await sio.emit("message", message, room=message["conversationId"])
    return message


sio.on("connect", connect)
sio.on("message:create", create)
app = socketio.ASGIApp(sio, rest.app)
