from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime
from typing import Any, Final

from bson import ObjectId

from ...core.context import Params
from ...core.errors import BadRequest, Gone, MethodNotAllowed
from ...hooks.membership import still_active
from ...hooks.places import FIXED, PLACES_REVISION
from ...hooks.seats import not_a_member
from ...models import Member, Message, MessageEdit
from ...models.journal import Journal, Writing
from ...models.opened import OpenedService
from ...models.record import ANY_MOMENT, now
from ...models.sealing import EDIT, MESSAGE
from ...models.vault import Vault
from ...models.words import words_of_message
from .document import document_of
from .files import hide_files, show_files, take_files
from .previews import appended, preview_again
from .threads import count_reply, recount_replies

MAX_PINNED: Final = 50
SEEN_SHOWN: Final = 100
PATH: Final = "messages"
JUDGE: Final = "judge"

Judge = Callable[[dict[str, Any], dict[str, Any], datetime], Awaitable[None]]


class MessagesService(OpenedService):
    """Every write is one of the journal: the message, its conversation and what is told of them, together.

    The transaction has locked the conversation when it seals: its key does not change meanwhile.
    """

    def __init__(self, journal: Journal, vault: Vault, paginate: Mapping[str, int | None]) -> None:
        super().__init__(Message, MESSAGE, vault, tenant="schoolId", paginate=paginate)
        self._journal = journal

    async def create(self, data: Any, params: Params | None = None) -> Any:
        """Store the message under the conversation's next ``seq``.

        ``params["lamport"]``, the clock of a client that keeps one, is merged into the message's up to 1,000
        ahead and ignored beyond. ``params["fixed"]`` are fields of own code's. ``params["judge"]`` is called
        with the sender's place as it was before, the conversation and the moment, all three as they are
        written, and may refuse. Raises NotFound for a conversation of another school, Conflict for an
        idempotency key in use, Forbidden for a client that is no member.
        """
        params = params or Params()
        conversation_id, thread_id = data["conversationId"], data.get("threadId")
        judge: Judge | None = params.get(JUDGE)
        own_id = ObjectId()

        async def append(writing: Writing) -> Any:
            at = now()
            message = {**data, "_id": own_id, "createdAt": at, "words": words_of_message(data)}
            message |= params.get(FIXED, {})
            tenant = self._tenant_values(params)
            place = await _note_sent(message, tenant, params, writing)
            # MongoDB gets no word that may have to be sealed: a log of its commands might keep it.
            is_plain = self.vault.is_plain(conversation_id)
            shown = message.get("content") if is_plain else None
            conversation = await writing.revise(
                conversation_id,
                1 if thread_id is None else 2,
                appended(message, shown, params.get("lamport", 0)),
                **tenant,
            )
            params[PLACES_REVISION] = conversation.get("placesRevision", 0)
            if judge is not None and place is not None:
                await judge(place, conversation, at)
            message |= {"schoolId": conversation["schoolId"], "seq": conversation["clock"]}
            message["lamport"] = conversation["lamport"]
            revision = writing.note(conversation_id, PATH, "created", own_id)
            message["revision"] = message["createdRevision"] = revision
            if _comes_into_feeds(message, conversation):
                message["feedAt"] = at
            if thread_id is not None:
                await count_reply(thread_id, message, writing)
            await take_files(message, writing)
            sealed = await self._sealed(message, conversation)
            if (sealed or not is_plain) and message.get("content") is not None:
                await preview_again(message, sealed.get("content", message["content"]), writing)
            if not params.provider or message.get("attachments"):
                return await super(MessagesService, self).create({**message, **sealed}, writing.params)
            # What a client says was checked, and the rest is this service's own.
            document = document_of(message)
            with self._errors():
                await Message.documents().insert_one({**document, **sealed}, session=writing.session)
            return document

        stored = await self._journal.write(append, params, turn=conversation_id)
        params.pop(JUDGE, None)  # it knows the call that these params are of: a cycle less for the collector
        return stored

    async def patch(self, id: Any, data: Any, params: Params | None = None) -> Any:
        """Edit a message, keeping what it said, or pin it.

        Raises BadRequest where a conversation has 50 pinned messages already.
        """
        params = params or Params()
        before = await self._there(id, params)

        async def change(writing: Writing) -> Any:
            conversation = await writing.revise(before["conversationId"])
            await still_active(conversation, writing.params)
            message = await self._there(id, writing.params)
            changes = dict(data)
            changes["revision"] = writing.note(message["conversationId"], PATH, "patched", message["_id"])
            if changes.get("pinnedAt") is not None and message["pinnedAt"] is None:
                await _check_pins(message, writing)
            if "content" in changes:
                changes["editCount"] = message["editCount"] + 1
                changes["words"] = words_of_message({**message, **changes})
                await self._keep_edit(message, changes["editCount"], conversation, writing)
                changes |= await self._sealed({**message, **changes}, conversation)
                await preview_again(message, changes["content"], writing)
            return await super(MessagesService, self).patch(id, changes, writing.params)

        return await self._journal.write(change, params, turn=before["conversationId"])

    async def remove(self, id: Any, params: Params | None = None) -> Any:
        """Leave a tombstone: the record stays, with who removed it and when."""
        params = params or Params()
        who = (params.user or {}).get("_id")
        gone: dict[str, Any] = {"deletedAt": now(), "deletedBy": who, "words": []}
        gone |= {"pinnedAt": None, "pinnedBy": None}
        return await self._bury(id, gone, params, "removed", shown=False)

    async def restore(self, data: Any, params: Params | None = None) -> Any:
        """Make a message that was removed what it was. ``data``: ``messageId``.

        Raises BadRequest for one that was not removed, Gone for one whose content is lost.
        """
        params = params or Params()
        message = await self._there(data["messageId"], params)
        if message["expungedAt"] is not None:
            raise Gone("What the message said is lost")
        if message["deletedAt"] is None:
            raise BadRequest("The message was not removed")
        back = {"deletedAt": None, "deletedBy": None, "words": words_of_message(message)}
        return await self._bury(message["_id"], back, params, "patched", shown=True)

    async def seen(self, data: Any, params: Params | None = None) -> dict[str, Any]:
        """Who has read a message, of those who were there when it was written: ``{count, total, users}``.

        ``users`` are at most 100, ``{userId, readAt}``, the latest first. ``data``: ``messageId``.
        """
        message = await self._there(data["messageId"], params or Params())
        there = {
            "conversationId": message["conversationId"],
            "userId": {"$ne": message["senderId"]},
            "joinedSeq": {"$lt": message["seq"]},
        }
        have_read = {"$match": {"readSeq": {"$gte": message["seq"]}}}
        found = await Member.documents().aggregate(
            [
                {"$match": there},
                {
                    "$facet": {
                        "total": [{"$count": "n"}],
                        "count": [have_read, {"$count": "n"}],
                        "users": [
                            have_read,
                            {"$sort": {"readAt": -1, "userId": 1}},
                            {"$limit": SEEN_SHOWN},
                            {"$project": {"_id": 0, "userId": 1, "readAt": 1}},
                        ],
                    }
                },
            ]
        )
        (facets,) = await found.to_list()
        counts = {name: next((one["n"] for one in facets[name]), 0) for name in ("count", "total")}
        return {"messageId": message["_id"], **counts, "users": facets["users"]}

    async def _bury(
        self, id: Any, changes: dict[str, Any], params: Params, event: str, *, shown: bool
    ) -> Any:
        """Patch whether a message is ``shown``, which its thread and the list of conversations tell too."""
        before = await self._there(id, params)
        in_thread = before["threadId"] is not None

        async def change(writing: Writing) -> Any:
            conversation = await writing.revise(before["conversationId"], 2 if in_thread else 1)
            # The call to restore tells of itself by no event of its own.
            revision = writing.note(before["conversationId"], PATH, event, before["_id"], other=shown)
            within, stamped = writing.params, {**changes, "revision": revision}
            if shown:
                # What is expunged meanwhile has nothing to be found by.
                within = Params(within, restrict={"expungedAt": None})
                if conversation.get("keyVersion"):
                    stamped |= await self._sealed(await self._there(id, writing.params), conversation)
            message: Any = await super(MessagesService, self).patch(id, stamped, within)
            await (show_files if shown else hide_files)(before, writing)
            content = stamped.get("content", message["content"])
            await preview_again(message, content if shown else None, writing)
            if in_thread:
                await recount_replies(before["threadId"], before["conversationId"], writing)
            return message

        return await self._journal.write(change, params, turn=before["conversationId"])

    async def _sealed(self, message: Mapping[str, Any], conversation: Mapping[str, Any]) -> dict[str, Any]:
        """What of the message is stored otherwise, where the conversation is encrypted."""
        version: int = conversation.get("keyVersion", 0)
        self.vault.note(conversation["_id"], version)
        if not version:
            return {}
        return {**await self.vault.seal(MESSAGE, message, version), "words": []}

    async def _keep_edit(
        self, message: dict[str, Any], number: int, conversation: Mapping[str, Any], writing: Writing
    ) -> None:
        edit = {
            "schoolId": message["schoolId"],
            "messageId": message["_id"],
            "conversationId": message["conversationId"],
            "editorId": (writing.params.user or {}).get("_id", message["senderId"]),
            "number": number,
            "content": message["content"],
            "createdAt": now(),
        }
        edit |= await self.vault.seal(EDIT, edit, conversation.get("keyVersion", 0))
        await MessageEdit.documents().insert_one(edit, session=writing.session)

    async def _there(self, id: Any, params: Params) -> dict[str, Any]:
        """The whole message, whatever the call selects. Raises NotFound, MethodNotAllowed for several."""
        if id is None:
            raise MethodNotAllowed("Messages change one by one")
        query = {name: value for name, value in params.query.items() if name != "$select"}
        found: Any = await super().get(id, Params(params, query=query))
        message: dict[str, Any] = found
        return message


def _comes_into_feeds(message: Mapping[str, Any], conversation: Mapping[str, Any]) -> bool:
    announced = conversation["kind"] == "announcement" and message.get("type") != "system"
    return announced or message.get("alert") is not None


async def _note_sent(
    message: Mapping[str, Any], tenant: Mapping[str, Any], params: Params, writing: Writing
) -> dict[str, Any] | None:
    """Let the sender's place say when it last wrote; the place before that. None for own code's message.

    It is what two calls at once cannot both do, and comes first: who is no member locks no conversation.
    """
    here = {"conversationId": message["conversationId"], "userId": message["senderId"], **tenant}
    place = await Member.documents().find_one_and_update(
        here, {"$set": {"lastSentAt": message["createdAt"]}}, session=writing.session
    )
    if place is None and params.provider:
        raise not_a_member(message["conversationId"])
    return place


async def _check_pins(message: dict[str, Any], writing: Writing) -> None:
    pinned = {"conversationId": message["conversationId"], "pinnedAt": ANY_MOMENT}
    count = await Message.documents().count_documents(pinned, limit=MAX_PINNED, session=writing.session)
    if count >= MAX_PINNED:
        raise BadRequest(f"A conversation has at most {MAX_PINNED} pinned messages", {"limit": MAX_PINNED})
