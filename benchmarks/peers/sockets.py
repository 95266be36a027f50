"""Stock python-socketio with its own rooms and ``emit``, in front of the plain Starlette application."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

import socketio

from ..asked import Asked
from . import rest
from .store import Message

sio = socketio.AsyncServer(async_mode="asgi")


async def connect(sid: str, environ: Mapping[str, Any], auth: Any) -> None:
    asked = Asked.of(environ["QUERY_STRING"])
    for room in asked.rooms:
        await sio.enter_room(sid, room)
    for contact in asked.contacts:
        await sio.enter_room(sid, f"presence:{contact}")
    if asked.user is not None:
        change = {"userId": asked.user, "status": "online", "at": int(time.time() * 1000)}
        await sio.emit("presence", change, room=f"presence:{asked.user}")


async def create(sid: str, data: Message) -> Message:
    message = rest.store.create(data)
    await sio.emit("message", message, room=message["conversationId"])
    return message


sio.on("connect", connect)
sio.on("message:create", create)
app = socketio.ASGIApp(sio, rest.app)
