from __future__ import annotations

from datetime import datetime
from typing import Any

from beanie import PydanticObjectId
from pymongo.asynchronous.client_session import AsyncClientSession

from .record import ANY_ID, SchoolRecord, index


class LegalHold(SchoolRecord):
    """What a user has written, or a conversation, is to be kept until the hold is lifted.

    It names one of the two. A hold that was lifted stays, with who did it and when.
    """

    user_id: PydanticObjectId | None = None
    conversation_id: PydanticObjectId | None = None
    reason: str
    created_by: PydanticObjectId
    lifted_at: datetime | None = None
    lifted_by: PydanticObjectId | None = None

    class Settings:
        name = "legal-holds"
        indexes = [  # noqa: RUF012 - beanie's form
            index("schoolId", "liftedAt"),
            index("userId", where={"userId": ANY_ID}),
        ]


class Held:
    """What a school's holds in force keep: ``users`` and ``conversations``, each by the id of its hold."""

    def __init__(self, holds: list[dict[str, Any]]) -> None:
        self.users = {hold["userId"]: hold["_id"] for hold in holds if hold["userId"]}
        self.conversations = {hold["conversationId"]: hold["_id"] for hold in holds if hold["conversationId"]}

    @classmethod
    async def of_school(cls, school_id: Any, session: AsyncClientSession | None = None) -> Held:
        in_force = {"schoolId": school_id, "liftedAt": None}
        fields = {"userId": 1, "conversationId": 1}
        return cls(await LegalHold.documents().find(in_force, fields, session=session).to_list())
