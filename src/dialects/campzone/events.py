"""What CampZone's clients ask for."""

from __future__ import annotations

from contextlib import suppress
from datetime import UTC, datetime
from typing import Any, Final

from ...core.errors import BadRequest, FeathersError, Forbidden
from ...socket.events import ClientEvent
from ...socket.requests import MAX_ASKED
from ..caller import Lookup, SocketCaller
from ..dialect import Data
from .told import PENDING, message_of

ANNOUNCED: Final = "campzoneRooms"


async def join_room(caller: SocketCaller, data: Data) -> Data:
    if data.get("userId", caller.user_id) != caller.user_id:
        raise Forbidden(
            "userId is another's: nobody joins for others", {"errors": {"userId": "is another's"}}
        )
    room = await _room(caller, data)
    if caller.join(room):
        await _still_in(caller, data)
        if not await _is_invisible(caller):
            _announced(caller).add(room)
            caller.others(room, "user_joined", _came(caller, room))
    joined = {"roomId": room, "message": "Successfully joined the room"}
    caller.reply("joined_room", joined)
    return joined


async def leave_room(caller: SocketCaller, data: Data) -> Data:
    room = str(data["roomId"])
    if caller.leave(room):
        left(caller, [room])
    return {"roomId": room}


def left(caller: SocketCaller, rooms: list[str]) -> None:
    """Who has come unseen goes unseen."""
    for room in _announced(caller).intersection(rooms):
        _announced(caller).discard(room)
        caller.others(room, "user_left", _came(caller, room))


async def send_message(caller: SocketCaller, data: Data) -> Data:
    written = {
        "conversationId": str(data["roomId"]),
        "content": data["content"],
        "idempotencyKey": data["idempotencyKey"],
    }
    if "lamportTimestamp" in data:
        written["lamport"] = data["lamportTimestamp"]
    answer = await caller.ask(ClientEvent.MESSAGE_SEND, written)
    duplicate = {"duplicate": True} if answer.get("duplicate") else {}
    message = answer["message"]
    sent = {
        "messageId": str(message["_id"]),
        "idempotencyKey": data["idempotencyKey"],
        "status": PENDING,
        **duplicate,
    }
    caller.reply("message_sent", sent)
    return sent


async def typing_start(caller: SocketCaller, data: Data) -> Any:
    return await caller.ask(ClientEvent.TYPING_START, {"conversationId": str(data["roomId"])})


async def typing_stop(caller: SocketCaller, data: Data) -> Any:
    return await caller.ask(ClientEvent.TYPING_STOP, {"conversationId": str(data["roomId"])})


async def mark_read(caller: SocketCaller, data: Data) -> Data:
    message = await caller.call("messages", "get", id=str(data["messageId"]))
    if message["conversationId"] != data["roomId"]:
        raise BadRequest("messageId is of another room", {"errors": {"messageId": "is of another room"}})
    read = {"conversationId": str(data["roomId"]), "seq": message["seq"]}
    await caller.ask(ClientEvent.MESSAGE_READ, read)
    return {"roomId": str(data["roomId"]), "messageId": str(data["messageId"])}


async def get_messages(caller: SocketCaller, data: Data) -> Data:
    room = await _room(caller, data)
    clock = (await caller.call("conversations", "get", id=room))["clock"]
    # Numbers have no gaps: what is skipped is a range, and not counted one by one.
    last = max(0, clock - data["skip"])
    numbers = {"$gt": max(0, last - data["limit"]), "$lte": last}
    query = {"conversationId": room, "seq": numbers, "$sort": {"seq": 1}, "$limit": data["limit"]}
    found: list[Data] = (await caller.call("messages", "find", query=query))["data"]
    answer = {"roomId": room, "messages": [message_of(one) for one in found], "count": len(found)}
    caller.reply("messages", answer)
    if found:
        await delivered(caller, found[-1])
    return answer


async def delivered(caller: SocketCaller, message: Data) -> None:
    """Who was told a message has it: CampZone's clients do not say so themselves."""
    if str(message["senderId"]) == caller.user_id:
        return
    reached = {"conversationId": str(message["conversationId"]), "seq": message["seq"]}
    with suppress(FeathersError):  # who was removed meanwhile has it, and needs not say so
        await caller.ask(ClientEvent.MESSAGE_DELIVERED, reached)


async def get_online_users(caller: SocketCaller, data: Data) -> Data:
    room = await _room(caller, data)
    query = {"conversationId": room, "$select": ["userId"], "$limit": MAX_ASKED}
    user_ids = [str(member["userId"]) for member in await Lookup(caller.app).find("members", query)]
    online = (await caller.ask(ClientEvent.PRESENCE_GET, {"userIds": user_ids}))["online"]
    answer = {"roomId": room, "onlineUsers": online, "count": len(online)}
    caller.reply("online_users", answer)
    return answer


async def _room(caller: SocketCaller, data: Data) -> str:
    """Raises Forbidden for who is no member."""
    room = str(data["roomId"])
    query = {"conversationId": room, "userId": caller.user_id, "$limit": 1}
    if not (await caller.call("members", "find", query=query))["data"]:
        raise Forbidden("You are no member of the room")
    return room


async def _still_in(caller: SocketCaller, data: Data) -> None:
    """Who was removed while joining was not in the room yet, to be put out of it. Raises Forbidden."""
    try:
        await _room(caller, data)
    except FeathersError:
        caller.leave(str(data["roomId"]))
        raise


async def _is_invisible(caller: SocketCaller) -> bool:
    """As it is stored: what the socket knows of its user may be some seconds old."""
    (user,) = await Lookup(caller.app).find("users", {"_id": caller.user["_id"], "$select": ["status"]})
    return bool(user["status"] == "invisible")


def _announced(caller: SocketCaller) -> set[str]:
    """The rooms in which the others were told that this socket came."""
    rooms: set[str] = caller.connection.setdefault(ANNOUNCED, set())
    return rooms


def _came(caller: SocketCaller, room: str) -> Data:
    return {"roomId": room, "userId": caller.user_id, "timestamp": datetime.now(UTC)}
