"""What the database holds at the end of a run, in the shapes of the wire."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from pymongo.asynchronous.database import AsyncDatabase

from stonechat.core.encoding import decode, encode
from tests.history.replica import NOT_KEPT

Json = Any
Documents = AsyncDatabase[dict[str, Any]]

HIDDEN: Final = frozenset({"fingerprint", "words", "feedAt", "expungedAt"})
OF_REMOVED: Final[Mapping[str, Json]] = {
    "content": None,
    "attachments": [],
    "mentions": [],
    "forwardedFrom": None,
}
SETTLED: Final = "DELIVERED"
POLL_SECONDS: Final = 0.2


@dataclass(slots=True)
class Stored:
    """By conversation: ``messages`` by ``seq``, ``deliveries`` by ``revision``, ``members`` by user."""

    conversations: dict[str, Json] = field(default_factory=dict[str, Json])
    messages: dict[str, list[Json]] = field(default_factory=lambda: defaultdict(list))
    members: dict[str, dict[str, Json]] = field(default_factory=lambda: defaultdict(dict))
    deliveries: dict[str, list[Json]] = field(default_factory=lambda: defaultdict(list))
    reactions: list[Json] = field(default_factory=list[Json])

    def every_message(self) -> Iterator[Json]:
        for messages in self.messages.values():
            yield from messages

    def stays(self, founders: Mapping[str, set[str]]) -> dict[tuple[str, str], list[tuple[int, float]]]:
        """``[user, conversation]``: from which revision to before which one somebody was a member."""
        found: dict[tuple[str, str], list[tuple[int, float]]] = defaultdict(list)
        for conversation, users in founders.items():
            for user in users:
                found[user, conversation].append((0, float("inf")))
        for conversation, deliveries in self.deliveries.items():
            places = {place["_id"]: user for user, place in self.members[conversation].items()}
            of_places = [one for one in deliveries if one["path"] == "members"]
            places.update({one["recordId"]: one["gone"]["userId"] for one in of_places if one["gone"]})
            for one in of_places:
                stays = found[places[one["recordId"]], conversation]
                if one["event"] == "created":
                    stays.append((one["revision"], float("inf")))
                elif one["event"] == "removed":
                    stays[-1] = (stays[-1][0], one["revision"])
        return found


async def read_stored(database: Documents) -> Stored:
    stored = Stored()
    for conversation in await _all(database, "conversations"):
        stored.conversations[conversation["_id"]] = conversation
    for message in await _all(database, "messages", "seq"):
        stored.messages[message["conversationId"]].append(message)
    for member in await _all(database, "members"):
        stored.members[member["conversationId"]][member["userId"]] = member
    for delivery in await _all(database, "deliveries", "revision"):
        stored.deliveries[delivery["conversationId"]].append(delivery)
    stored.reactions = await _all(database, "reactions")
    return stored


async def told(database: Documents, within: float) -> None:
    """Wait until all that has changed was told, or until the time is up."""
    async with asyncio.timeout(within) as limit:
        while await database["deliveries"].count_documents({"state": {"$ne": SETTLED}}, limit=1):
            if limit.expired():
                return
            await asyncio.sleep(POLL_SECONDS)


def shown(message: Json) -> dict[str, Json]:
    """A stored message as a member reads it; ``reactions`` by emoji."""
    record = {name: value for name, value in message.items() if name not in HIDDEN | NOT_KEPT}
    tallies = {tally["emoji"]: tally["count"] for tally in message["reactions"]}
    if message["deletedAt"] is not None:
        return {**record, **OF_REMOVED, "reactions": {}}
    return {**record, "reactions": tallies}


async def _all(database: Documents, name: str, order: str = "_id") -> list[Json]:
    documents = await database[name].find().sort(order, 1).to_list()
    found: list[Json] = decode(encode(documents))
    return found
