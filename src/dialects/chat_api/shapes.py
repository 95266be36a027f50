"""Datas of the school in the words of the Chat System."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from ...core.errors import FeathersError
from ...core.shapes import is_mapping
from ..dialect import Data

Pair = tuple[str, str]
"""The ids of the two who have a conversation, in the order of its key."""

NAMES: Final = {
    "memberIds": "receiver_id",
    "conversationId": "conversation_id",
    "messageId": "message_id",
    "attachments": "attachment_url",
    "idempotencyKey": "idempotency_key",
    "$skip": "page",
    "$limit": "limit",
}
"""Fields by the names that the client knows."""


def room_of(conversation_id: object) -> str:
    return f"conversation_{conversation_id}"


def pair_of(conversation: Mapping[str, Any]) -> Pair | None:
    """None where it is not one of two people."""
    key: str | None = conversation.get("directKey")
    if key is None:
        return None
    first, _, second = key.partition(":")
    return first, second


def other_of(pair: Pair, user_id: object) -> str:
    first, second = pair
    return second if str(user_id) == first else first


def message_of(message: Mapping[str, Any], pair: Pair | None, read: Mapping[str, Data] | None = None) -> Data:
    """``read``: the places of the two by the user's id, which tell how far each has read."""
    receiver = None if pair is None else other_of(pair, message["senderId"])
    place = (read or {}).get(str(receiver))
    is_read = place is not None and place["readSeq"] >= message["seq"]
    read_at = place["readAt"] if place is not None and is_read else None
    attachments: list[Data] = message.get("attachments") or []
    changed = [message.get("editedAt"), message.get("deletedAt"), read_at]
    return {
        "id": message["_id"],
        "sender_id": message["senderId"],
        "receiver_id": receiver,
        "conversation_id": message["conversationId"],
        "content": message["content"],
        "attachment_url": attachments[0]["url"] if attachments else None,
        "is_read": is_read,
        "read_at": read_at,
        "deletedAt": message.get("deletedAt"),
        "createdAt": message["createdAt"],
        "updatedAt": max([message["createdAt"], *(one for one in changed if one is not None)]),
    }


def conversation_of(conversation: Mapping[str, Any], pair: Pair, other: Data | None) -> Data:
    first, second = pair
    last: Mapping[str, Any] = conversation.get("lastMessage") or {}
    return {
        "id": conversation["_id"],
        "participant_1_id": first,
        "participant_2_id": second,
        "other_participant": other,
        "last_message": last.get("content"),
        "last_message_at": conversation.get("lastMessageAt"),
        "unread_count": conversation.get("unread", 0),
        "createdAt": conversation["createdAt"],
        "updatedAt": conversation.get("lastMessageAt") or conversation["createdAt"],
    }


def user_of(user: Mapping[str, Any]) -> Data:
    shown = {name: user.get(name) for name in ("name", "email", "role", "avatar")}
    return {"id": user["_id"], **shown}


def error_of(error: FeathersError) -> Data:
    """``{message}``, with ``errors`` by the names that the client knows, and a ``code`` and its like."""
    body: Data = {"message": error.message}
    if is_mapping(error.data):
        body.update(error.data)
    if is_mapping(error.errors):
        body["errors"] = {_known(name): reason for name, reason in error.errors.items()}
    return body


def _known(name: str) -> str:
    first, _, _ = name.partition(".")
    return NAMES.get(first, name)
