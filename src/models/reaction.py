from __future__ import annotations

from beanie import PydanticObjectId

from .record import SchoolRecord, index


class Reaction(SchoolRecord):
    """One user's one emoji at one message. ``revision`` is the conversation's when it was set."""

    message_id: PydanticObjectId
    conversation_id: PydanticObjectId
    user_id: PydanticObjectId
    emoji: str
    revision: int = 0

    class Settings:
        name = "reactions"
        indexes = [  # noqa: RUF012 - beanie's form
            index("messageId", "userId", "emoji", unique=True),
            index("messageId", "createdAt"),
            index("conversationId"),
            index("userId"),
        ]
