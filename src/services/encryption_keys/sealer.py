"""Sealing what a conversation held before it was encrypted."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from pymongo import UpdateOne

from ...core.envelope import DataKey
from ...core.jobs import Task
from ...models import Conversation, Message, MessageEdit, ScheduledMessage
from ...models.journal import Writing
from ...models.record import Record
from ...models.sealing import EDIT, MESSAGE, SCHEDULED, Form, is_clear, sealed_fields
from ...models.vault import Vault

KIND: Final = "encryption.seal"
BATCH: Final = 200
NO_WORDS: Final[Mapping[str, Any]] = {"words": []}
FORMS: Final[tuple[tuple[type[Record], Form, Mapping[str, Any]], ...]] = (
    (Message, MESSAGE, NO_WORDS),
    (MessageEdit, EDIT, {}),
    (ScheduledMessage, SCHEDULED, {}),
)
"""Of which records what is sealed, and what is to be changed with it."""


class Sealer:
    """Does the tasks of the kind ``encryption.seal``; what is sealed already it leaves as it is."""

    def __init__(self, vault: Vault) -> None:
        self._vault = vault

    async def seal(self, task: Task) -> None:
        """Seal all that is clear of the conversation that the payload names by ``conversationId``."""
        here = task.payload["conversationId"]
        version = await self._vault.version_of(here)
        if not version:
            return
        for model, form, besides in FORMS:
            while await self._missed(here, version, model, form, besides):
                continue

    async def _missed(
        self, here: Any, version: int, model: type[Record], form: Form, besides: Mapping[str, Any]
    ) -> int:
        """Seal what is clear; how many records have changed meanwhile, and may still be so."""
        missed, updates = 0, list[UpdateOne]()
        async for record in model.documents().find({"conversationId": here}, batch_size=BATCH):
            if not is_clear(form, record):
                continue
            sealed = await self._vault.seal(form, record, version)
            # What somebody else has written meanwhile is to stay.
            as_read = {name: record[name] for name in ("_id", *sealed)}
            updates.append(UpdateOne(as_read, {"$set": {**sealed, **besides}}))
            if len(updates) == BATCH:
                missed += await _written(model, updates)
                updates.clear()
        return missed + await _written(model, updates)


async def _written(model: type[Record], updates: list[UpdateOne]) -> int:
    """How many of the updates have found nothing to change."""
    if not updates:
        return 0
    result = await model.documents().bulk_write(updates, ordered=False)
    return len(updates) - result.matched_count


async def seal_newest(conversation: Mapping[str, Any], key: DataKey, writing: Writing) -> None:
    """Seal the newest message, and show it so."""
    newest = {"conversationId": conversation["_id"], "seq": conversation["clock"]}
    message = await Message.documents().find_one(newest, session=writing.session)
    if message is None or not is_clear(MESSAGE, message):
        return
    sealed = sealed_fields(MESSAGE, message, key)
    await Message.documents().update_one(
        {"_id": message["_id"]}, {"$set": {**sealed, **NO_WORDS}}, session=writing.session
    )
    shown = conversation["lastMessage"]
    if shown is not None and shown["content"] is not None and message["deletedAt"] is None:
        await Conversation.documents().update_one(
            {"_id": conversation["_id"]},
            {"$set": {"lastMessage.content": sealed["content"]}},
            session=writing.session,
        )
