from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from bson import ObjectId

from ...core.adapters.base import Result
from ...core.adapters.beanie import BeanieService
from ...core.adapters.pipeline import Stage
from ...core.application import Application
from ...core.context import Params
from ...core.pagination import records_of
from ...core.query import Query
from ...models import Conversation, Member
from ...models.journal import Journal, Writing
from ...models.vault import Vault
from .first_members import first_members

PATH: Final = "conversations"
INTERNAL: Final = frozenset({"placesRevision"})
"""What is the journal's: no event tells when it changes."""


class ConversationsService(BeanieService):
    """``create`` takes ``memberIds`` besides a conversation's own fields: who is in it from the start."""

    def __init__(self, app: Application, journal: Journal, paginate: Mapping[str, int | None]) -> None:
        super().__init__(Conversation, tenant="schoolId", paginate=paginate)
        self._app = app
        self._journal = journal
        self._vault: Vault = app.get("vault")
        self._members = BeanieService(Member, tenant="schoolId", multi=["create"])

    async def create(self, data: Any, params: Params | None = None) -> Any:
        """Store the conversation and its members together; it begins with revision 1.

        Raises BadRequest for a class or team that was removed, Conflict for two people who have a direct one.
        """
        own_id = ObjectId()
        fields = {name: value for name, value in data.items() if name != "memberIds"}

        async def store(writing: Writing) -> Any:
            first = await first_members(self._app, data, writing.session)
            await super(ConversationsService, self).create(
                {**fields, "_id": own_id, "memberCount": len(first)}, writing.params
            )
            conversation = await writing.revise(own_id)
            revision = writing.note(own_id, PATH, "created", own_id)
            places = [
                {
                    "schoolId": conversation["schoolId"],
                    "conversationId": own_id,
                    "userId": person,
                    "revision": revision,
                    **seat,
                }
                for person, seat in first.items()
            ]
            if places:  # a team's channel may be open to nobody yet
                await self._members.create(places, Params(session=writing.session))
            return {name: value for name, value in conversation.items() if name not in INTERNAL}

        return await self._journal.write(store, params)

    async def patch(self, id: Any, data: Any, params: Params | None = None) -> Any:
        params = params or Params()
        if id is None:
            return await super().patch(id, data, params)
        own_id = self._stored_id(id)

        async def change(writing: Writing) -> Any:
            await writing.revise(own_id, **self._tenant_values(params))
            writing.note(own_id, PATH, "patched", own_id)
            return await super(ConversationsService, self).patch(own_id, data, writing.params)

        return await self._journal.write(change, params, turn=own_id)

    async def _get(self, id: Any, params: Params | None = None) -> Result:
        found = await super()._get(id, params)
        await self._vault.open_previews([found])
        return found

    async def _patch(
        self, id: Any, data: Mapping[str, Any], params: Params | None = None
    ) -> Result | list[Result]:
        patched = await super()._patch(id, data, params)
        await self._vault.open_previews(records_of(patched))
        return patched

    async def _fetch(
        self, query: Query, limit: int, params: Params, pipeline: Sequence[Stage] | None = None
    ) -> list[Result]:
        found = await super()._fetch(query, limit, params, pipeline)
        await self._vault.open_previews(found)
        return found

    def _projection(self, query: Query) -> dict[str, int] | None:
        selected = super()._projection(query)
        return dict.fromkeys(INTERNAL, 0) if selected is None else selected
