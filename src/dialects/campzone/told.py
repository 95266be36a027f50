"""What CampZone's clients are told."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from ...core.errors import FeathersError
from ...core.shapes import is_mapping
from ..caller import Lookup
from ..dialect import Data

PENDING: Final = "PENDING"
"""Stored, and owed to the others: until all of them have it, which ``get_messages`` tells."""
STATUS: Final = {"sent": PENDING, "delivered": "DELIVERED", "read": "READ"}


def room(payload: Data) -> str:
    return str(payload["conversationId"])


def connected(welcome: Data) -> Data:
    return {
        "socketId": welcome["socketId"],
        "userId": welcome["userId"],
        "message": "Connected to the chat server",
    }


def message_of(message: Data) -> Data:
    """``status`` is known to the sender alone; for the others a message that they have is delivered."""
    return {
        "messageId": message["_id"],
        "roomId": message["conversationId"],
        "senderId": message["senderId"],
        "content": message["content"],
        "lamportTimestamp": message["lamport"],
        "createdAt": message["createdAt"],
        "status": STATUS.get(message.get("status", ""), "DELIVERED"),
    }


new_message = message_of


def typing(typist: Data) -> Data:
    return {"roomId": typist["conversationId"], "userId": typist["userId"], "isTyping": True}


def no_typing(typist: Data) -> Data:
    return {**typing(typist), "isTyping": False}


async def read_receipt(read: Data, lookup: Lookup) -> Data | None:
    """The school says up to which number somebody has read, CampZone which message that is."""
    query = {"conversationId": read["conversationId"], "seq": read["seq"], "$select": ["_id"]}
    for message in await lookup.find("messages", query):
        return {
            "messageId": message["_id"],
            "roomId": read["conversationId"],
            "userId": read["userId"],
            "readAt": read["at"],
        }
    return None


def failure(error: FeathersError) -> Mapping[str, Any]:
    reasons: Mapping[str, Any] = error.errors if is_mapping(error.errors) else {}
    details = "; ".join(f"{name}: {reason}" for name, reason in reasons.items())
    return {"message": f"{error.message}: {details}" if details else error.message}
