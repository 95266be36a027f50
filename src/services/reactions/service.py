from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from bson import ObjectId

from ...core.adapters.beanie import BeanieService
from ...core.context import Params
from ...core.errors import BadRequest, MethodNotAllowed, NotFound
from ...hooks.membership import still_active
from ...models import Message, Reaction
from ...models.expunging import TOLD_OF_REACTIONS
from ...models.journal import Journal, Writing
from ...models.tallies import as_stored, tallies_of

PATH: Final = "reactions"
MAX_EMOJI: Final = 20


class ReactionsService(BeanieService):
    def __init__(self, journal: Journal, paginate: Mapping[str, int | None]) -> None:
        super().__init__(Reaction, tenant="schoolId", paginate=paginate)
        self._journal = journal

    async def get(self, id: Any, params: Params | None = None) -> Any:
        """With ``count``, as every event of it has it: one that is sent again is made of this."""
        reaction: Any = await super().get(id, params)
        if not {"messageId", "emoji"} <= reaction.keys():
            return reaction
        message = await Message.documents().find_one({"_id": reaction["messageId"]}, {"reactions": 1})
        return {**reaction, "count": tallies_of(message).get(reaction["emoji"], 0)}

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
            tallies = await _counted(reaction, 1, writing)
            await _store(reaction, tallies, revision, writing)
            return {**reaction, "count": tallies[reaction["emoji"]]}

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
            gone = {name: removed[name] for name in TOLD_OF_REACTIONS}
            tallies = await _counted(removed, -1, writing)
            gone["count"] = tallies[removed["emoji"]]
            revision = writing.note(conversation_id, PATH, "removed", removed["_id"], gone=gone)
            await _store(removed, tallies, revision, writing)
            return {**removed, "revision": revision, "count": gone["count"]}

        return await self._journal.write(take, params, turn=conversation_id)


async def _counted(reaction: Mapping[str, Any], change: int, writing: Writing) -> dict[str, int]:
    """How many of each emoji the message has with the change."""
    message = await Message.documents().find_one(
        {"_id": reaction["messageId"]}, {"reactions": 1, "deletedAt": 1}, session=writing.session
    )
    if message is None or (change > 0 and message["deletedAt"] is not None):
        raise NotFound(f"No record found for id '{reaction['messageId']}'")
    tallies = tallies_of(message)
    tallies[reaction["emoji"]] = tallies.get(reaction["emoji"], 0) + change
    if len(tallies) > MAX_EMOJI:
        raise BadRequest(f"A message has at most {MAX_EMOJI} different reactions", {"limit": MAX_EMOJI})
    return tallies


async def _store(
    reaction: Mapping[str, Any], tallies: Mapping[str, int], revision: int, writing: Writing
) -> None:
    await Message.documents().update_one(
        {"_id": reaction["messageId"]},
        {"$set": {"reactions": as_stored(tallies), "revision": revision}},
        session=writing.session,
    )
