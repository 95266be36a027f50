from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from ...core.adapters.beanie import BeanieService
from ...core.application import Application
from ...core.context import Params
from ...core.envelope import LATEST_VERSION, DataKey
from ...core.errors import BadRequest, Conflict
from ...models import EncryptionKey
from ...models.journal import Journal, Writing
from ...models.record import now
from ...models.vault import SETTING, Vault
from .sealer import KIND, seal_newest

CONVERSATIONS: Final = "conversations"

Row = dict[str, Any]


class EncryptionKeysService(BeanieService):
    """Each change is one of the conversation: who writes in it does so before or after.

    What is sealed with an older version stays so, and is read with it.
    """

    def __init__(
        self, app: Application, journal: Journal, vault: Vault, paginate: Mapping[str, int | None]
    ) -> None:
        super().__init__(EncryptionKey, tenant="schoolId", paginate=paginate)
        self._app = app
        self._journal = journal
        self._vault = vault

    async def create(self, data: Any, params: Params | None = None) -> Any:
        """Have a conversation encrypted: version 1 of its key. ``data``: ``conversationId``, ``createdBy``.

        Its newest message is sealed at once, for the conversation shows it, the rest by a task that is owed.
        Raises BadRequest where there is no master key, Conflict for a conversation that is encrypted.
        """
        params = params or Params()

        async def encrypt(writing: Writing) -> Any:
            conversation = await self._with_next_version(data, params, writing)
            here = conversation["_id"]
            if conversation["keyVersion"] != 1:
                raise Conflict("The conversation is encrypted already", {"conversationId": str(here)})
            record, key = await self._store(conversation, data, writing)
            await seal_newest(conversation, key, writing)
            self._vault.note(here, conversation["keyVersion"])
            await self._app.jobs.owe(
                KIND,
                {"conversationId": here},
                key=str(here),
                school_id=conversation["schoolId"],
                params=writing.params,
            )
            return record

        return await self._journal.write(encrypt, params, turn=data["conversationId"])

    async def rotate(self, data: Any, params: Params | None = None) -> Any:
        """Seal what is written from now on with another key, the next version.

        ``data``: ``conversationId``, ``createdBy``. Raises BadRequest for one that is not encrypted.
        """
        params = params or Params()

        async def add(writing: Writing) -> Any:
            conversation = await self._with_next_version(data, params, writing)
            before = conversation["keyVersion"] - 1
            if not 0 < before < LATEST_VERSION:
                raise BadRequest(
                    "The conversation is not encrypted" if not before else "There are no more keys"
                )
            await EncryptionKey.documents().update_one(
                {"conversationId": conversation["_id"], "version": before},
                {"$set": {"rotatedAt": now()}},
                session=writing.session,
            )
            record, _ = await self._store(conversation, data, writing)
            return record

        return await self._journal.write(add, params, turn=data["conversationId"])

    async def _with_next_version(self, data: Mapping[str, Any], params: Params, writing: Writing) -> Row:
        """The conversation, locked, as its members are told of it. Raises BadRequest, NotFound."""
        if not self._vault.is_ready:
            raise BadRequest(
                f"Nothing can be encrypted here: the server has no {SETTING}", {"code": "NO_MASTER_KEY"}
            )
        version = {"$add": [{"$ifNull": ["$keyVersion", 0]}, 1]}
        here = data["conversationId"]
        conversation = await writing.revise(
            here, 1, [{"$set": {"keyVersion": version}}], **self._tenant_values(params)
        )
        writing.note(here, CONVERSATIONS, "patched", here, other=True)
        return conversation

    async def _store(
        self, conversation: Mapping[str, Any], data: Mapping[str, Any], writing: Writing
    ) -> tuple[Row, DataKey]:
        version = conversation["keyVersion"]
        key, wrapped = self._vault.new_key(conversation["_id"], version)
        own = {"schoolId": conversation["schoolId"], "conversationId": conversation["_id"]}
        record: Any = await super().create(
            {**own, "version": version, "createdBy": data["createdBy"], **wrapped}, writing.params
        )
        return record, key
