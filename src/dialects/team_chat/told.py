"""What Team Chat's clients are told of the school's events."""

from __future__ import annotations

from ..caller import Lookup
from ..dialect import Data
from .shapes import alert_of, message_of, topic_of


def room(payload: Data) -> str:
    """Rooms are called by the conversations' ids, whatever the topic by which they were asked for."""
    return str(payload["conversationId"])


def message(payload: Data) -> Data:
    return message_of(payload)


def reaction(payload: Data) -> Data:
    return {
        "message_id": payload["messageId"],
        "channel_id": payload["conversationId"],
        "user_id": payload["userId"],
        "emoji": payload["emoji"],
        "count": payload["count"],
    }


async def receipt(payload: Data, lookup: Lookup) -> Data | None:
    """In direct channels only: of announcements is told how many have seen them, to who asks."""
    direct = {"_id": payload["conversationId"], "kind": "direct", "$select": ["_id"]}
    if not await lookup.find("conversations", direct):
        return None
    query = {"conversationId": payload["conversationId"], "seq": payload["seq"], "$select": ["_id"]}
    for found in await lookup.find("messages", query):
        return {
            "message_id": found["_id"],
            "channel_id": payload["conversationId"],
            "user_id": payload["userId"],
            "read_at": payload["at"],
        }
    return None


def channel(payload: Data) -> Data | None:
    """Of a team's channels: direct ones have topics in several teams."""
    if payload.get("teamId") is None:
        return None
    return {
        "channel_id": payload["_id"],
        "team_id": payload["teamId"],
        "name": payload["name"],
        "topic": topic_of(payload["teamId"], payload["_id"]),
    }


def place(payload: Data) -> Data:
    return {"channel_id": payload["conversationId"], "user_id": payload["userId"]}


def alert(payload: Data) -> Data:
    return alert_of(payload)


def typing(payload: Data) -> Data:
    return {"channel_id": payload["conversationId"], "user_id": payload["userId"], "is_typing": True}


def no_typing(payload: Data) -> Data:
    return {**typing(payload), "is_typing": False}


def online(payload: Data) -> Data:
    return {"users": [{"user_id": payload["userId"], "online": True}]}


def offline(payload: Data) -> Data:
    return {"users": [{"user_id": payload["userId"], "online": False}]}


def changes(payload: Data) -> Data:
    return {"users": [{"user_id": one["userId"], "online": one["online"]} for one in payload["changes"]]}
