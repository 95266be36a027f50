"""Team Chat's messages as calls of the school's services."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from ...core.errors import NotFound
from ...core.schema import invalid
from ..caller import Caller, Lookup
from ..dialect import Data
from .channels import own_place
from .shapes import message_of

REACTIONS: Final = 20
"""So many different ones a message has at most."""


async def history(caller: Caller, data: Data) -> Data:
    await own_place(caller, str(data["id"]))
    query: Data = {"conversationId": str(data["id"]), "$sort": {"seq": -1}, "$limit": data["limit"]}
    if "cursor" in data:
        query["seq"] = {"$lt": data["cursor"]}
    if "thread" in data:
        query["threadId"] = str(data["thread"])
    found = (await caller.call("messages", "find", query=query))["data"]
    shown = [message_of(message) for message in found]
    await _add_seen(caller, str(data["id"]), found, shown)
    is_full = len(found) == data["limit"] and found[-1]["seq"] > 1
    return {"messages": shown, "next_cursor": str(found[-1]["seq"]) if is_full else None}


async def send(caller: Caller, data: Data) -> Data:
    message: Data = {"conversationId": str(data["id"])}
    if "body" in data:
        message["content"] = data["body"]
    if data.get("reply_to") is not None:
        message["replyTo"] = str(data["reply_to"])
    if data.get("attachments"):
        message["attachments"] = [{"attachmentId": str(one)} for one in data["attachments"]]
    return message_of(await caller.call("messages", "create", message))


async def edit(caller: Caller, data: Data) -> Data:
    return message_of(await caller.call("messages", "patch", {"content": data["body"]}, id=str(data["id"])))


async def delete(caller: Caller, data: Data) -> Data:
    return message_of(await caller.call("messages", "remove", id=str(data["id"])))


async def edits(caller: Caller, data: Data) -> Data:
    page = await caller.call("message-edits", "find", query={"messageId": str(data["id"]), "$limit": 100})
    shown = [
        {
            "message_id": one["messageId"],
            "editor_id": one["editorId"],
            "body": one["content"],
            "created_at": one["createdAt"],
        }
        for one in page["data"]
    ]
    return {"edits": shown}


async def pin(caller: Caller, data: Data) -> Data:
    return message_of(await caller.call("messages", "patch", {"pinned": data["pinned"]}, id=str(data["id"])))


async def react(caller: Caller, data: Data) -> Data:
    reaction = {"messageId": str(data["id"]), "emoji": _emoji(caller, data)}
    return reaction_of(await caller.call("reactions", "create", reaction))


async def take_back(caller: Caller, data: Data) -> Data:
    """Raises NotFound where the caller has not reacted so."""
    emoji = _emoji(caller, data)
    query = {"messageId": str(data["id"]), "userId": caller.user_id, "$limit": REACTIONS}
    own = (await caller.call("reactions", "find", query=query))["data"]
    found = [reaction for reaction in own if reaction["emoji"] == emoji]
    if not found:
        raise NotFound("You have not reacted so to this message")
    return reaction_of(await caller.call("reactions", "remove", id=str(found[0]["_id"])))


async def read(caller: Caller, data: Data) -> Data:
    message = await caller.call("messages", "get", id=str(data["id"]))
    channel_id = str(message["conversationId"])
    moved = {"conversationId": channel_id, "readSeq": message["seq"]}
    cursors = await caller.call("members", "acknowledge", moved)
    return {"message_id": message["_id"], "channel_id": channel_id, "read_at": cursors["at"]}


async def seen(caller: Caller, data: Data) -> Data:
    answer = await caller.call("messages", "seen", {"messageId": str(data["id"])})
    users = [{"user_id": one["userId"], "read_at": one["readAt"]} for one in answer["users"]]
    return {
        "message_id": answer["messageId"],
        "seen_by": answer["count"],
        "total": answer["total"],
        "users": users,
    }


async def search(caller: Caller, data: Data) -> Data:
    query: Data = {"q": data["q"], "$limit": data["limit"]}
    if "channel_id" in data:
        query["in"] = str(data["channel_id"])
    if "cursor" in data:
        query["$after"] = data["cursor"]
    page = await caller.call("search", "find", query=query)
    return {"messages": [message_of(one["message"]) for one in page["data"]], "next_cursor": page["next"]}


def reaction_of(reaction: Data) -> Data:
    return {
        "message_id": reaction["messageId"],
        "channel_id": reaction["conversationId"],
        "user_id": reaction["userId"],
        "emoji": reaction["emoji"],
        "created_at": reaction["createdAt"],
    }


def _emoji(caller: Caller, data: Data) -> str:
    """Clients that send no body with DELETE say it in the address. Raises BadRequest."""
    emoji: Any = data.get("emoji", caller.params.query.get("emoji"))
    if not isinstance(emoji, str):
        raise invalid("emoji", "Missing data for required field.")
    return emoji


async def _add_seen(caller: Caller, channel_id: str, messages: Sequence[Data], shown: Sequence[Data]) -> None:
    """By how many an announcement was seen: those who were there then, and have read so far."""
    channel = await caller.call("conversations", "get", id=channel_id)
    if channel["kind"] != "announcement" or not messages:
        return
    fields = ["userId", "joinedSeq", "readSeq"]
    asked = {"conversationId": channel["_id"], "$select": fields}
    places = await Lookup(caller.app).find("members", asked)
    for message, one in zip(messages, shown, strict=True):
        one["seen_by"] = sum(
            place["joinedSeq"] < message["seq"] <= place["readSeq"]
            for place in places
            if place["userId"] != message["senderId"]
        )
