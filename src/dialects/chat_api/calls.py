"""The requests of the Chat System as calls of the school's services."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from ...core.errors import Forbidden, NotFound
from ...socket.events import ClientEvent
from ..caller import Caller, SocketCaller
from ..dialect import Data
from .shapes import Pair, conversation_of, message_of, other_of, pair_of, room_of, user_of

LONGEST_NAME: Final = 255


async def send(caller: Caller, data: Data) -> Data:
    return await _write(caller, await _talk_with(caller, data), data)


async def send_message(caller: SocketCaller, data: Data) -> Data:
    """Who writes on a socket hears of the conversation there, from this message on."""
    conversation = await _talk_with(caller, data)
    caller.join(room_of(conversation["_id"]))
    return await _write(caller, conversation, data)


async def conversations(caller: Caller, data: Data) -> list[Data]:
    """Those of two people in which something was said, the one with the newest message first."""
    said = {"kind": "direct", "lastMessageAt": {"$ne": None}}
    query = {**said, "$sort": {"lastMessageAt": -1, "_id": -1}, **_page(data)}
    found = (await caller.call("conversations", "find", query=query))["data"]
    talks = [(one, pair) for one in found if (pair := pair_of(one)) is not None]
    people = await _people(caller, [other_of(pair, caller.user_id) for _, pair in talks])
    return [conversation_of(one, pair, people.get(other_of(pair, caller.user_id))) for one, pair in talks]


async def history(caller: Caller, data: Data) -> list[Data]:
    conversation = await _conversation_of_two(caller, str(data["id"]))
    query = {"conversationId": str(data["id"]), "deletedAt": None, "$sort": {"seq": -1}, **_page(data)}
    found = (await caller.call("messages", "find", query=query))["data"]
    return await _shown(caller, found[::-1], {str(conversation["_id"]): conversation})


async def read(caller: Caller, data: Data) -> Data:
    """All there is in the conversation."""
    only_oneself(caller, data, "user_id")
    named = str(data.get("conversation_id") or data["id"])
    conversation = await _conversation_of_two(caller, named)
    moved = {"conversationId": named, "readSeq": conversation["clock"]}
    cursors = await caller.call("members", "acknowledge", moved)
    return {"conversation_id": named, "read_count": conversation["unread"], "read_at": cursors["at"]}


async def unread_count(caller: Caller, _: Data) -> Data:
    totals = await caller.call("inbox", "totals", {"kind": "direct"})
    return {"unread_count": totals["unread"] + totals["muted"]["unread"]}


async def search(caller: Caller, data: Data) -> list[Data]:
    query = {"q": data["q"], "kind": "direct", "$limit": data["limit"]}
    found = (await caller.call("search", "find", query=query))["data"]
    messages: list[Data] = [one["message"] for one in found]
    named = list({str(one["conversationId"]) for one in messages})
    return await _shown(caller, messages, await _found(caller, "conversations", named))


async def delete(caller: Caller, data: Data) -> Data:
    message = await caller.call("messages", "remove", id=str(data["id"]))
    talk = await caller.call("conversations", "get", id=str(message["conversationId"]))
    return message_of(message, pair_of(talk))


async def restore(caller: Caller, data: Data) -> Data:
    """Who may restore need not be one of the two, and is then not told who they are."""
    message = await caller.call("messages", "restore", {"messageId": str(data["id"])})
    return message_of(message, None)


async def join(caller: SocketCaller, data: Data) -> Data:
    only_oneself(caller, data, "user_id")
    conversation = await _conversation_of_two(caller, str(data["conversation_id"]))
    caller.join(room_of(conversation["_id"]))
    return {"conversation_id": conversation["_id"]}


async def typing(caller: SocketCaller, data: Data) -> Data:
    return await _types(caller, ClientEvent.TYPING_START, data)


async def stop_typing(caller: SocketCaller, data: Data) -> Data:
    return await _types(caller, ClientEvent.TYPING_STOP, data)


async def _types(caller: SocketCaller, event: ClientEvent, data: Data) -> Data:
    only_oneself(caller, data, "user_id")
    named = {"conversationId": str(data["conversation_id"])}
    await caller.ask(event, named)
    return {"conversation_id": data["conversation_id"]}


def only_oneself(caller: Caller, data: Mapping[str, Any], field: str) -> None:
    """Raises Forbidden: who one is, the token says."""
    if str(data.get(field, caller.user_id)) != caller.user_id:
        raise Forbidden(f"{field} is not you", {"errors": {field: "is not you"}})


async def _talk_with(caller: Caller, data: Data) -> Data:
    """The conversation with the receiver that there is, or a new one."""
    only_oneself(caller, data, "sender_id")
    named = {"kind": "direct", "memberIds": [str(data["receiver_id"])]}
    conversation: Data = await caller.call("conversations", "create", named)
    return conversation


async def _write(caller: Caller, conversation: Data, data: Data) -> Data:
    message: Data = {"conversationId": str(conversation["_id"])}
    given = {"content": data.get("content"), "idempotencyKey": data.get("idempotency_key")}
    message |= {name: value for name, value in given.items() if value is not None}
    if data.get("attachment_url") is not None:
        message["attachments"] = [_attachment(data["attachment_url"])]
    return message_of(await caller.call("messages", "create", message), pair_of(conversation))


async def _conversation_of_two(caller: Caller, id: str) -> Data:
    """Raises NotFound: this system has none of more people."""
    conversation: Data = await caller.call("conversations", "get", id=id)
    if pair_of(conversation) is None:
        raise NotFound(f"No record found for id '{id}'")
    return conversation


async def _shown(caller: Caller, messages: Sequence[Data], talks: Mapping[str, Data]) -> list[Data]:
    """With sender and receiver, and whether and when each was read."""
    pairs = {talk_id: pair for talk_id, talk in talks.items() if (pair := pair_of(talk)) is not None}
    people = await _people(caller, {person for pair in pairs.values() for person in pair})
    places = await _places(caller, pairs)
    shown: list[Data] = []
    for message in messages:
        talk_id = str(message["conversationId"])
        one = message_of(message, pairs.get(talk_id), places.get(talk_id))
        both = {"sender": people.get(str(one["sender_id"])), "receiver": people.get(str(one["receiver_id"]))}
        shown.append({**one, **both})
    return shown


async def _people(caller: Caller, ids: Iterable[str]) -> dict[str, Data]:
    found = await _found(caller, "users", list(dict.fromkeys(ids)))
    return {person: user_of(one) for person, one in found.items()}


async def _found(caller: Caller, path: str, ids: Sequence[str]) -> dict[str, Data]:
    """The records with these ids that the caller may see, by id."""
    if not ids:
        return {}
    page = await caller.call(path, "find", query={"_id": {"$in": ids}, "$limit": len(ids)})
    return {str(one["_id"]): one for one in page["data"]}


async def _places(caller: Caller, pairs: Mapping[str, Pair]) -> dict[str, dict[str, Data]]:
    """By conversation, and then by user."""
    places: dict[str, dict[str, Data]] = {talk_id: {} for talk_id in pairs}
    if not pairs:
        return places
    query = {"conversationId": {"$in": list(pairs)}, "$limit": 2 * len(pairs)}
    found = await caller.call("members", "find", query=query)
    for place in found["data"]:
        places[str(place["conversationId"])][str(place["userId"])] = place
    return places


def _page(data: Mapping[str, Any]) -> Data:
    limit: int = data["limit"]
    return {"$limit": limit, "$skip": (data["page"] - 1) * limit}


def _attachment(url: str) -> Data:
    """An attachment has a name: the last part of its path."""
    path, _, _ = url.partition("?")
    name = path.rpartition("/")[2] or "attachment"
    return {"url": url, "name": name[:LONGEST_NAME]}
