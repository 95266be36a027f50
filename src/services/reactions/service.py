from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from bson import ObjectId

from ...core.adapters.beanie import BeanieService
from ...core.context import Params
from ...core.errors import BadRequest, MethodNotAllowed, NotFound
from ...hooks.membership import still_active
from ...models import Message, Reaction
from ...models.journal import Journal, Writing

PATH: Final = "reactions"
MAX_EMOJI: Final = 20


class ReactionsService(BeanieService):
    def __init__(self, journal: Journal, paginate: Mapping[str, int | None]) -> None:
        super().__init__(Reaction, tenant="schoolId", paginate=paginate)
        self._journal = journal

    async def create(self, data: Any, params: Params | None = None) -> Any:
        """Set the reaction and count it on its message. ``data`` says where the message is, too.

        Raises Conflict where it is set, NotFound where the message is gone, BadRequest for the 21st emoji.
        """
        own_id = ObjectId()

        async def react(writing: Writing) -> Any:
            await still_active(await writing.revise(data["conversationId"]), writing.params)
            revision = writing.note(data["conversationId"], PATH, "created", own_id)
            record = {**data, "_id": own_id, "revision": revision}
            reaction: Any = await super(ReactionsService, self).create(record, writing.params)
            return {**reaction, "count": await _count(reaction, 1, revision, writing)}

        return await self._journal.write(react, params, turn=data["conversationId"])

    async def remove(self, id: Any, params: Params | None = None) -> Any:
        """Take the reaction back."""
        params = params or Params()
        if id is None:
            raise MethodNotAllowed("Reactions change one by one")
        before: Any = await super().get(id, params)
        conversation_id = before["conversationId"]

        async def take(writing: Writing) -> Any:
            await still_active(await writing.revise(conversation_id), writing.params)
            removed: Any = await super(ReactionsService, self).remove(id, writing.params)
            names = ("_id", "schoolId", "conversationId", "messageId", "userId", "emoji")
            gone = {name: removed[name] for name in names}
            revision = writing.note(conversation_id, PATH, "removed", removed["_id"], gone=gone)
            count = await _count(removed, -1, revision, writing)
            return {**removed, "revision": revision, "count": count}

        return await self._journal.write(take, params, turn=conversation_id)


async def _count(reaction: Mapping[str, Any], change: int, revision: int, writing: Writing) -> int:
    """Count the emoji on the message; how many there are then."""
    message = await Message.documents().find_one(
        {"_id": reaction["messageId"]}, {"reactions": 1, "deletedAt": 1}, session=writing.session
    )
    if message is None or (change > 0 and message["deletedAt"] is not None):
        raise NotFound(f"No record found for id '{reaction['messageId']}'")
    # In the order in which they were first set, as they are shown.
    tallies = {tally["emoji"]: tally["count"] for tally in message["reactions"]}
    count: int = tallies.get(reaction["emoji"], 0) + change
    tallies[reaction["emoji"]] = count
    if len(tallies) > MAX_EMOJI:
        raise BadRequest(f"A message has at most {MAX_EMOJI} different reactions", {"limit": MAX_EMOJI})
    kept = [{"emoji": emoji, "count": number} for emoji, number in tallies.items() if number > 0]
    await Message.documents().update_one(
        {"_id": reaction["messageId"]},
        {"$set": {"reactions": kept, "revision": revision}},
        session=writing.session,
    )
    return count
