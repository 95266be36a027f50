from __future__ import annotations

from datetime import datetime
from typing import Any, Final, Literal

from beanie import PydanticObjectId
from pydantic import Field
from pymongo import ASCENDING, IndexModel

from .message import Attached, Mention, MessageType
from .record import ANY_MOMENT, SchoolRecord, index

ScheduledState = Literal["WAITING", "SENDING", "SENT", "FAILED"]

HAS_PLACE: Final[dict[str, Any]] = {"$gte": 0}
BY_PLACE: Final = "userId_place"
BY_TIME: Final = "sendAt_dueAt"
BY_DUE: Final = "dueAt"
"""The indexes of what waits: of a user, in the order of sending, and by when to look again."""


class ScheduledMessage(SchoolRecord):
    """A message that ``userId`` wants to be sent at ``sendAt``, and what became of it.

    ``dueAt`` is when a process may next take it out: at ``sendAt``, later where it came too often, and while
    it is SENDING when the process that sends it counts as gone; None once it is SENT, as ``messageId``, or
    has FAILED for a ``reason``. ``place`` is one of those that a user has for waiting messages. What was sent
    says nothing here any more: it is the message's to tell. ``content`` is bytes where it is sealed.
    """

    user_id: PydanticObjectId
    conversation_id: PydanticObjectId
    send_at: datetime
    content: str | bytes | None = None
    type: MessageType = "text"
    attachments: list[Attached] = Field(default_factory=list[Attached])
    reply_to: PydanticObjectId | None = None
    mentions: list[Mention] = Field(default_factory=list[Mention])
    state: ScheduledState = "WAITING"
    message_id: PydanticObjectId | None = None
    reason: str | None = None
    attempts: int = 0
    place: int | None = None
    due_at: datetime | None
    expires_at: datetime | None = None

    class Settings:
        name = "scheduled-messages"
        indexes = [  # noqa: RUF012 - beanie's form
            index("userId", "sendAt"),
            index("conversationId"),  # for one that is encrypted
            index("userId", "place", unique=True, where={"place": HAS_PLACE}),
            index("sendAt", "dueAt", where={"dueAt": ANY_MOMENT}),
            index("dueAt", where={"dueAt": ANY_MOMENT}),
            IndexModel([("expiresAt", ASCENDING)], name="expiresAt", expireAfterSeconds=0),
        ]
