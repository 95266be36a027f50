"""Records of the school as the document of Community has them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final
from urllib.parse import quote

Data = dict[str, Any]

SENT: Final = "sent"

NAMES: Final[Mapping[str, str]] = {
    "groupId": "conversationId",
    "group_id": "conversationId",
    "timestamp": "createdAt",
    "mediaUrl": "attachments",
    "members": "memberIds",
    "total_messages": "totalMessages",
    "last_message_at": "lastMessageAt",
}
"""What the school calls what Community calls otherwise."""


def group_of(conversation: Mapping[str, Any], members: Iterable[Any]) -> Data:
    """It was last updated by its newest message, where it has any."""
    created = conversation["createdAt"]
    return {
        "_id": conversation["_id"],
        "name": conversation.get("name") or "",
        "members": list(members),
        "createdAt": created,
        "updatedAt": max(created, conversation.get("lastMessageAt") or created),
    }


def message_of(message: Mapping[str, Any], status: str) -> Data:
    """What the system says is text too."""
    return {
        "_id": message["_id"],
        "groupId": message["conversationId"],
        "senderId": message["senderId"],
        "type": "text" if message["type"] == "system" else message["type"],
        "content": message["content"],
        "mediaUrl": media_url(message),
        "timestamp": message["createdAt"],
        "status": status,
    }


def media_url(message: Mapping[str, Any]) -> str | None:
    """Of an uploaded file the place where members get it, of a link where it leads."""
    for attachment in message["attachments"]:
        if attachment.get("attachmentId") is None:
            return str(attachment["url"])
        name = quote(attachment["name"], safe="")
        return f"/chat_media/{message['conversationId']}/{message['_id']}/{name}"
    return None


def status_of(message: Mapping[str, Any], places: Sequence[Mapping[str, Any]]) -> str:
    """How far all the others have come; ``places`` are those of the message's group."""
    others = [place for place in places if place["userId"] != message["senderId"]]
    if not others:
        return SENT
    if min(place["readSeq"] for place in others) >= message["seq"]:
        return "read"
    return "delivered" if min(place["deliveredSeq"] for place in others) >= message["seq"] else SENT


def analytics_of(numbers: Mapping[str, Any]) -> Data:
    return {
        "group_id": numbers["conversationId"],
        "total_messages": numbers["totalMessages"],
        "last_message_at": numbers["lastMessageAt"],
        "daily": [{"day": one["day"], "total_messages": one["messages"]} for one in numbers["days"]],
        "weekly": [{"week": one["week"], "total_messages": one["messages"]} for one in numbers["weeks"]],
    }
