"""What a client holds that fetches once and follows the events from then on."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from tests.support.school import Json, Person, Socket

Records = dict[str, Json]
State = dict[str, Records]

OF_A_CONVERSATION: Final = {
    "members": "conversationId",
    "messages": "conversationId",
    "reactions": "conversationId",
    "alerts": "conversationId",
}
RECEIPTS: Final = {"message:delivered": "deliveredSeq", "message:read": "readSeq"}
PREVIEW: Final = 200
PAGE: Final = 200
BY_ID: Final = {"_id": 1}
ORDERS: Final = {"messages": {"conversationId": 1, "seq": 1}, "reports": {"createdAt": 1}}
"""In which what is many is paged."""


async def fetched(socket: Socket, paths: tuple[str, ...], **query: Json) -> State:
    """All that the person sees at ``paths``, by path and id."""
    state: State = {}
    for path in paths:
        records: list[Json] = []
        while True:
            asked = {"$limit": PAGE, "$skip": len(records), "$sort": ORDERS.get(path, BY_ID), **query}
            answer = await socket.call("find", path, query=asked)
            assert answer.code == 200, (path, answer)
            records += answer.body["data"]
            if len(records) >= answer.body["total"]:
                break
        state[path] = {record["_id"]: record for record in records}
    return state


class Replica:
    """Applies events by the rules that the guide of clients names; asks only for what it has joined."""

    def __init__(self, person: Person, socket: Socket, state: State) -> None:
        self.state = state
        self._me = person.user
        self._socket = socket
        self._paths = tuple(state)

    async def follow(self) -> None:
        """Take in the events that have come."""
        while self._socket.events:
            name, payload = self._socket.events.pop(0)
            if name in RECEIPTS:
                self._move_cursor(RECEIPTS[name], payload)
            elif name.partition(" ")[0] in self._paths:
                path, _, event = name.partition(" ")
                await self._apply(path, event, payload)

    def told(self) -> State:
        """As it would be fetched: with what a client reckons itself from what it holds."""
        told = {
            path: {one: dict(record) for one, record in records.items()}
            for path, records in self.state.items()
        }
        for message in told["messages"].values():
            if message["senderId"] == self._me["_id"]:
                message["status"] = self._status(message)
        # What was removed shows no reactions, and shows them again once it is restored.
        removed = {one for one, message in told["messages"].items() if message["deletedAt"]}
        reactions = told["reactions"].items()
        told["reactions"] = {one: each for one, each in reactions if each["messageId"] not in removed}
        for conversation in told["conversations"].values():
            conversation.update(self._own_view(conversation))
        return told

    async def _apply(self, path: str, event: str, record: Json) -> None:
        records = self.state[path]
        if path in OF_A_CONVERSATION:
            self._reach(record)
        if event == "removed" and path != "messages":
            records.pop(record["_id"], None)
        elif path == "conversations" and record["_id"] in records:
            kept = ("clock", "lamport", "lastMessage", "lastMessageAt")
            held = records[record["_id"]]
            record = {**record, **{name: held[name] for name in kept}}
            records[record["_id"]] = {**record, "revision": max(record["revision"], held["revision"])}
        elif path != "messages" or _is_newer(record, records.get(record["_id"])):
            records[record["_id"]] = {name: value for name, value in record.items() if name != "count"}
        follow = getattr(self, f"_{path}_{event}".replace("-", "_"), None)
        if follow is not None:
            await follow(record)

    async def _conversations_created(self, conversation: Json) -> None:
        await self._fetch_joined(conversation["_id"])

    async def _members_created(self, member: Json) -> None:
        if member["userId"] == self._me["_id"]:
            await self._fetch_joined(member["conversationId"])

    async def _members_removed(self, member: Json) -> None:
        if member["userId"] != self._me["_id"]:
            return
        here = member["conversationId"]
        self.state["conversations"].pop(here, None)
        for path, field in OF_A_CONVERSATION.items():
            kept = {one: record for one, record in self.state[path].items() if record[field] != here}
            self.state[path] = kept

    async def _team_members_created(self, place: Json) -> None:
        if place["userId"] == self._me["_id"]:
            team = await fetched(self._socket, ("teams",), _id=place["teamId"])
            places = await fetched(self._socket, ("team-members",), teamId=place["teamId"])
            self.state["teams"] |= team["teams"]
            self.state["team-members"] |= places["team-members"]

    async def _team_members_removed(self, place: Json) -> None:
        if place["userId"] == self._me["_id"] and self._me["role"] != "admin":
            self.state["teams"].pop(place["teamId"], None)
            places = self.state["team-members"].items()
            kept = {one: each for one, each in places if each["teamId"] != place["teamId"]}
            self.state["team-members"] = kept

    async def _messages_created(self, message: Json) -> None:
        conversation = self.state["conversations"].get(message["conversationId"])
        if conversation is None or message["seq"] <= conversation["clock"]:
            return
        shown = ("seq", "senderId", "type", "createdAt")
        preview = None if message["content"] is None else message["content"][:PREVIEW]
        conversation["lastMessage"] = {**{name: message[name] for name in shown}, "content": preview}
        conversation["lastMessageAt"] = message["createdAt"]
        conversation["clock"], conversation["lamport"] = message["seq"], message["lamport"]

    async def _messages_patched(self, message: Json) -> None:
        conversation = self.state["conversations"].get(message["conversationId"])
        last = None if conversation is None else conversation["lastMessage"]
        if conversation is not None and last and last["seq"] == message["seq"]:
            preview = None if message["content"] is None else message["content"][:PREVIEW]
            conversation["lastMessage"] = {**last, "content": preview}

    _messages_removed = _messages_patched

    async def _reactions_created(self, reaction: Json) -> None:
        self._tally(reaction, self.state["messages"].get(reaction["messageId"]))

    _reactions_removed = _reactions_created

    def _tally(self, reaction: Json, message: Json) -> None:
        if message is None or message["revision"] >= reaction["revision"]:
            return
        tallies = {tally["emoji"]: tally["count"] for tally in message["reactions"]}
        tallies[reaction["emoji"]] = self._count(reaction)
        message["reactions"] = [{"emoji": emoji, "count": count} for emoji, count in tallies.items() if count]
        message["revision"] = reaction["revision"]

    def _count(self, reaction: Json) -> int:
        return sum(
            one["messageId"] == reaction["messageId"] and one["emoji"] == reaction["emoji"]
            for one in self.state["reactions"].values()
        )

    def _reach(self, record: Json) -> None:
        conversation = self.state["conversations"].get(record["conversationId"])
        if conversation is not None and "revision" in record:
            conversation["revision"] = max(conversation["revision"], record["revision"])

    def _move_cursor(self, cursor: str, receipt: Json) -> None:
        for member in self.state["members"].values():
            if (member["conversationId"], member["userId"]) != (receipt["conversationId"], receipt["userId"]):
                continue
            if cursor == "readSeq" and receipt["seq"] > member["readSeq"]:
                member["readAt"] = receipt["at"]
            for name in {cursor, "deliveredSeq"}:
                member[name] = max(member[name], receipt["seq"])

    async def _fetch_joined(self, conversation_id: str) -> None:
        here = await fetched(self._socket, ("conversations",), _id=conversation_id)
        self.state["conversations"] |= here["conversations"]
        for path, field in OF_A_CONVERSATION.items():
            found = await fetched(self._socket, (path,), **{field: conversation_id})
            self.state[path] |= found[path]

    def _members_of(self, conversation_id: str) -> list[Json]:
        return [one for one in self.state["members"].values() if one["conversationId"] == conversation_id]

    def _status(self, message: Mapping[str, Any]) -> str:
        others = [
            one for one in self._members_of(message["conversationId"]) if one["userId"] != self._me["_id"]
        ]
        for name, cursor in (("read", "readSeq"), ("delivered", "deliveredSeq")):
            if others and all(one[cursor] >= message["seq"] for one in others):
                return name
        return "sent"

    def _own_view(self, conversation: Mapping[str, Any]) -> dict[str, Any]:
        members = self._members_of(conversation["_id"])
        own = next(one for one in members if one["userId"] == self._me["_id"])
        unread = [
            one
            for one in self.state["messages"].values()
            if one["conversationId"] == conversation["_id"]
            and one["seq"] > own["readSeq"]
            and one["senderId"] != self._me["_id"]
            and one["deletedAt"] is None
        ]
        named = {self._me["_id"], self._me["role"], "all"}
        return {
            "readSeq": own["readSeq"],
            "deliveredSeq": own["deliveredSeq"],
            "memberCount": len(members),
            "unread": len(unread),
            "mentions": sum(not named.isdisjoint(one["mentions"]) for one in unread),
        }


def _is_newer(record: Json, held: Json | None) -> bool:
    return held is None or record["revision"] >= held["revision"]
