from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pymongo.asynchronous.client_session import AsyncClientSession

from ...core.adapters.beanie import BeanieService
from ...core.context import Params
from ...models import Conversation, Member


class ConversationsService(BeanieService):
    """``create`` takes ``memberIds`` besides a conversation's own fields: who is in it from the start."""

    def __init__(self, paginate: Mapping[str, int | None]) -> None:
        super().__init__(Conversation, tenant="schoolId", paginate=paginate)
        self._members = BeanieService(Member, tenant="schoolId", multi=["create"])

    async def create(self, data: Any, params: Params | None = None) -> Any:
        """Store the conversation and its members together.

        ``createdBy`` is its admin, but for two people who talk, neither of whom is above the other.
        """
        params = params or Params()
        people = list(dict.fromkeys([data["createdBy"], *data["memberIds"]]))
        fields = {name: value for name, value in data.items() if name != "memberIds"}
        fields["memberCount"] = len(people)
        admin = None if data["kind"] == "direct" else data["createdBy"]

        async def store(session: AsyncClientSession) -> Any:
            conversation: Any = await super(ConversationsService, self).create(
                fields, Params(params, session=session)
            )
            places = [
                {
                    "schoolId": conversation["schoolId"],
                    "conversationId": conversation["_id"],
                    "userId": person,
                    "role": "admin" if person == admin else "member",
                }
                for person in people
            ]
            await self._members.create(places, Params(session=session))
            return conversation

        with self._errors():
            async with Conversation.session() as session:
                return await session.with_transaction(store)
