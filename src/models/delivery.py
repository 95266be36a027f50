from __future__ import annotations

from datetime import datetime
from typing import Any, Literal

from beanie import PydanticObjectId
from pymongo import ASCENDING, IndexModel

from .record import ANY_MOMENT, SchoolRecord, index

DeliveryState = Literal["PENDING", "DELIVERED", "RETRY", "FAILED"]


class Delivery(SchoolRecord):
    """One change in a conversation: the event that tells of it, and whether it was sent.

    A change and its delivery are stored in one transaction. The ``revision`` of a conversation's deliveries
    grows without gaps, so that they are both what remains to be sent and what a client has missed. What has
    changed is kept as an id: events and answers tell the record as it is when they are made. Only of what is
    gone, a place in a conversation or a reaction, ``gone`` holds the ids that its event is made of.
    """

    conversation_id: PydanticObjectId
    revision: int
    path: str
    event: str
    record_id: PydanticObjectId
    gone: dict[str, Any] | None = None
    state: DeliveryState = "PENDING"
    attempts: int = 0
    due_at: datetime | None
    delivered_at: datetime | None = None
    error: str | None = None
    expires_at: datetime

    class Settings:
        name = "deliveries"
        indexes = [  # noqa: RUF012 - beanie's form
            index("conversationId", "revision", unique=True),
            index("schoolId", "state", "createdAt"),
            index("dueAt", where={"dueAt": ANY_MOMENT}),
            IndexModel([("expiresAt", ASCENDING)], name="expiresAt", expireAfterSeconds=0),
        ]
