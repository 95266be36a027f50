"""What the Chat System's clients are told of the school's events: those of conversations of two people."""

from __future__ import annotations

from typing import Any

from ...core.context import Connection
from ..caller import Lookup
from ..dialect import Data
from .shapes import Pair, message_of, pair_of, room_of


def room(payload: Data) -> str:
    return room_of(payload["conversationId"])


def by_another(connection: Connection, payload: Data) -> bool:
    """Of the two, the one who has not done it."""
    return str((connection.user or {}).get("_id")) != str(payload.get("senderId") or payload.get("userId"))


async def new_message(message: Data, lookup: Lookup) -> Data | None:
    pair = await _pair(message, lookup)
    return None if pair is None else message_of(message, pair)


async def notification(message: Data, lookup: Lookup) -> Data | None:
    if await _pair(message, lookup) is None:
        return None
    return {
        "conversation_id": message["conversationId"],
        "message_id": message["_id"],
        "sender_id": message["senderId"],
        "content": message["content"],
        "createdAt": message["createdAt"],
    }


async def messages_read(receipt: Data, lookup: Lookup) -> Data | None:
    if await _pair(receipt, lookup) is None:
        return None
    return {**typist(receipt), "read_at": receipt["at"]}


def typist(payload: Data) -> Data:
    return {"conversation_id": payload["conversationId"], "user_id": payload["userId"]}


async def _pair(payload: Data, lookup: Lookup) -> Pair | None:
    """Who have the conversation, where it is one of two people."""
    query: dict[str, Any] = {"_id": payload["conversationId"], "kind": "direct", "$select": ["directKey"]}
    found = await lookup.find("conversations", query)
    return pair_of(found[0]) if found else None
