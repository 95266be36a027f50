from __future__ import annotations

from beanie import PydanticObjectId

from .record import SchoolRecord, index


class MessageEdit(SchoolRecord):
    """What a message said before an edit, which was at ``createdAt``; ``number`` counts from 1.

    ``content`` is bytes where it is sealed.
    """

    message_id: PydanticObjectId
    conversation_id: PydanticObjectId
    editor_id: PydanticObjectId
    number: int
    content: str | bytes | None

    class Settings:
        name = "message-edits"
        indexes = [  # noqa: RUF012 - beanie's form
            index("messageId", "number", unique=True),
            index("conversationId"),
        ]
