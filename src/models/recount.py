"""Every number that is stored, counted anew from the records it was made from."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from pymongo.asynchronous.client_session import AsyncClientSession

from .conversation import PREVIEW, Conversation
from .delivery import Delivery
from .member import Member
from .message import Message
from .message_edit import MessageEdit
from .reaction import Reaction
from .record import ANY_ID, Record

CURSORS: Final = ("joinedSeq", "deliveredSeq", "readSeq")
UNTOLD: Final = frozenset({"revision", "deliveries", "seq"})
"""What is no field of a record that clients are told of."""

Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Mismatch:
    """``stored`` is what the ``field`` of a record says, ``counted`` what it has to be.

    Two of them are of a conversation as a whole: ``seq`` tells how many messages there are and how many the
    numbers should make, ``deliveries`` from which revision on all changes are kept and from which some are.
    """

    path: str
    field: str
    id: Any
    conversation_id: Any
    stored: Any
    counted: Any

    @property
    def what(self) -> str:
        return f"{self.path}.{self.field}"

    @property
    def mendable(self) -> bool:
        """A message that is not there cannot be made."""
        return self.field != "seq"


async def mismatches(conversation_ids: Sequence[Any], session: AsyncClientSession) -> list[Mismatch]:
    """Of these conversations, as of the one moment that the ``session`` reads at.

    About ten statements, however many conversations there are.
    """
    count = _Recount(conversation_ids, session)
    return [
        *await count.of_conversations(),
        *await count.of_members(),
        *await count.of_messages(),
        *await count.of_deliveries(),
    ]


class _Recount:
    def __init__(self, conversation_ids: Sequence[Any], session: AsyncClientSession) -> None:
        self._here = {"conversationId": {"$in": list(conversation_ids)}}
        self._session = session
        self._conversations: dict[Any, Row] = {}
        # _clocks[conversationId] = the newest seq that is there
        self._clocks: dict[Any, int] = {}
        # _revisions[conversationId] = the newest one that anything has
        self._revisions: dict[Any, int] = {}
        self._deliveries: dict[Any, Row] = {}
        self._ids = list(conversation_ids)

    async def of_conversations(self) -> list[Mismatch]:
        fields = ("memberCount", "clock", "revision", "lastMessage", "lastMessageAt")
        found = Conversation.documents().find(
            {"_id": {"$in": self._ids}}, dict.fromkeys(fields, 1), session=self._session
        )
        self._conversations = {one["_id"]: one async for one in found}
        newest = {"revision": {"$max": {"$ifNull": ["$revision", 0]}}}
        members = await self._grouped(Member, {"count": {"$sum": 1}, **newest})
        reactions = await self._grouped(Reaction, newest)
        messages = await self._grouped(
            Message,
            {"count": {"$sum": 1}, "first": {"$min": "$seq"}, "last": {"$max": "$seq"}, **newest},
        )
        self._clocks = {one: messages[one]["last"] if one in messages else 0 for one in self._conversations}
        last = await self._last_messages()
        kept = {"count": {"$sum": 1}, "first": {"$min": "$revision"}, "last": {"$max": "$revision"}}
        self._deliveries = await self._grouped(Delivery, kept)
        wrong: list[Mismatch] = []
        for one, stored in self._conversations.items():
            last_message = last.get(one)
            counted: Row = {
                "memberCount": members[one]["count"] if one in members else 0,
                "clock": self._clocks[one],
                "lastMessage": last_message,
                "lastMessageAt": None if last_message is None else last_message["createdAt"],
            }
            revisions = (rows[one]["revision"] for rows in (members, messages, reactions) if one in rows)
            noted = self._deliveries[one]["last"] if one in self._deliveries else 0
            counted["revision"] = max(stored["revision"], noted, *revisions)
            self._revisions[one] = counted["revision"]
            wrong += _differences("conversations", one, stored, counted)
            if one in messages and (messages[one]["count"], messages[one]["first"]) != (self._clocks[one], 1):
                there = messages[one]["count"]
                wrong.append(Mismatch("messages", "seq", one, one, there, self._clocks[one]))
        return wrong

    async def of_members(self) -> list[Mismatch]:
        """Nobody has got or read what is not written."""
        furthest = await self._grouped(Member, {name: {"$max": f"${name}"} for name in CURSORS})
        beyond = [
            {"conversationId": one, name: {"$gt": self._clocks[one]}}
            for one, row in furthest.items()
            if one in self._clocks
            for name in CURSORS
            if row[name] > self._clocks[one]
        ]
        if not beyond:
            return []
        wrong: list[Mismatch] = []
        async for member in Member.documents().find({"$or": beyond}, session=self._session):
            clock = self._clocks[member["conversationId"]]
            counted = {name: min(member[name], clock) for name in CURSORS}
            wrong += _differences("members", member["conversationId"], member, counted)
        return wrong

    async def of_messages(self) -> list[Mismatch]:
        replies = await self._replies()
        tallies = await self._tallies()
        edits = await self._grouped(MessageEdit, {"count": {"$sum": 1}}, by="$messageId")
        ids = {*replies, *tallies, *edits}
        fields = ("conversationId", "replyCount", "lastReplyAt", "reactions", "editCount", "expungedAt")
        counting = {
            "$or": [
                {"replyCount": {"$ne": 0}},
                {"lastReplyAt": {"$ne": None}},
                {"reactions.0": {"$exists": True}},
                {"editCount": {"$ne": 0}},
            ]
        }
        stored = [one async for one in self._messages({**self._here, **counting}, fields)]
        # Those that count nothing, though there is something to be counted.
        others = list(ids - {one["_id"] for one in stored})
        stored += [one async for one in self._messages({"_id": {"$in": others}}, fields)] if others else []
        wrong: list[Mismatch] = []
        for message in stored:
            one = message["_id"]
            reply = replies.get(one, {"count": 0, "last": None})
            counted = {"replyCount": reply["count"], "lastReplyAt": reply["last"]}
            if message["expungedAt"] is None:
                counted["editCount"] = edits[one]["count"] if one in edits else 0
            wrong += _differences("messages", message["conversationId"], message, counted)
            if {tally["emoji"]: tally["count"] for tally in message["reactions"]} != tallies.get(one, {}):
                wrong.append(
                    Mismatch(
                        "messages",
                        "reactions",
                        one,
                        message["conversationId"],
                        message["reactions"],
                        [{"emoji": emoji, "count": count} for emoji, count in tallies.get(one, {}).items()],
                    )
                )
        return wrong

    async def of_deliveries(self) -> list[Mismatch]:
        """Those that are kept are the newest ones, all of them: older ones have expired."""
        wrong: list[Mismatch] = []
        for one, row in self._deliveries.items():
            newest: int = self._revisions[one]
            if (row["last"], row["count"]) == (newest, newest - row["first"] + 1):
                continue
            whole = newest + 1
            where = {"conversationId": one, "revision": {"$lte": newest}}
            async for delivery in (
                Delivery.documents()
                .find(where, {"revision": 1, "_id": 0}, session=self._session)
                .sort([("conversationId", -1), ("revision", -1)])
            ):
                if delivery["revision"] != whole - 1:
                    break
                whole -= 1
            wrong.append(Mismatch("conversations", "deliveries", one, one, row["first"], whole))
        return wrong

    async def _last_messages(self) -> dict[Any, Row]:
        """By conversation what it has to show of its newest message."""
        newest = [{"conversationId": one, "seq": clock} for one, clock in self._clocks.items() if clock]
        if not newest:
            return {}
        fields = ("conversationId", "seq", "senderId", "type", "content", "createdAt", "deletedAt")
        last: dict[Any, Row] = {}
        async for message in self._messages({"$or": newest}, fields):
            shown = {name: message[name] for name in ("seq", "senderId", "type", "createdAt")}
            content: str | bytes | None = message["content"] if message["deletedAt"] is None else None
            # What is sealed is shown as the message has it: cut, it could not be opened.
            shown["content"] = content[:PREVIEW] if isinstance(content, str) else content
            last[message["conversationId"]] = shown
        return last

    async def _replies(self) -> dict[Any, Row]:
        found = await Message.documents().aggregate(
            [
                {"$match": {**self._here, "threadId": ANY_ID, "deletedAt": None}},
                {"$group": {"_id": "$threadId", "count": {"$sum": 1}, "last": {"$max": "$createdAt"}}},
            ],
            session=self._session,
            allowDiskUse=True,
        )
        return {row["_id"]: row async for row in found}

    async def _tallies(self) -> dict[Any, dict[str, int]]:
        """By message the reactions in the order in which they were first set."""
        one = {"message": "$messageId", "emoji": "$emoji"}
        found = await Reaction.documents().aggregate(
            [
                {"$match": self._here},
                {"$group": {"_id": one, "count": {"$sum": 1}, "first": {"$min": "$createdAt"}}},
                {"$sort": {"first": 1}},
            ],
            session=self._session,
            allowDiskUse=True,
        )
        tallies: dict[Any, dict[str, int]] = {}
        async for row in found:
            tallies.setdefault(row["_id"]["message"], {})[row["_id"]["emoji"]] = row["count"]
        return tallies

    async def _grouped(self, model: type[Record], sums: Row, by: str = "$conversationId") -> dict[Any, Row]:
        found = await model.documents().aggregate(
            [{"$match": self._here}, {"$group": {"_id": by, **sums}}],
            session=self._session,
            allowDiskUse=True,
        )
        return {row["_id"]: row async for row in found}

    async def _messages(self, conditions: Row, fields: Iterable[str]) -> AsyncIterator[Row]:
        found = Message.documents().find(conditions, dict.fromkeys(fields, 1), session=self._session)
        async for message in found:
            yield message


def _differences(
    path: str, conversation_id: Any, stored: Mapping[str, Any], counted: Mapping[str, Any]
) -> list[Mismatch]:
    return [
        Mismatch(path, name, stored["_id"], conversation_id, stored.get(name), value)
        for name, value in counted.items()
        if stored.get(name) != value
    ]
