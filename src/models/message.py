from __future__ import annotations

from datetime import datetime
from typing import Literal

from beanie import PydanticObjectId
from pydantic import BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel
from pymongo import ASCENDING, TEXT, IndexModel

from .record import ANY_TEXT, SchoolRecord, index

MessageType = Literal["text", "image", "file", "video", "system"]


class Attachment(BaseModel):
    """``size`` in bytes."""

    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True, extra="forbid")

    name: str
    url: str
    media_type: str | None = None
    size: int | None = Field(default=None, ge=0)


class Message(SchoolRecord):
    """``seq`` orders the messages of a conversation, without gaps.

    ``fingerprint`` is a digest of what was first sent: it tells a repeat of the same message from
    another one under the same key, also after an edit.
    """

    conversation_id: PydanticObjectId
    sender_id: PydanticObjectId
    type: MessageType = "text"
    content: str | None = None
    attachments: list[Attachment] = Field(default_factory=list[Attachment])
    seq: int
    idempotency_key: str | None = None
    fingerprint: str | None = None
    reply_to: PydanticObjectId | None = None
    mentions: list[PydanticObjectId] = Field(default_factory=list[PydanticObjectId])
    edited_at: datetime | None = None
    deleted_at: datetime | None = None
    deleted_by: PydanticObjectId | None = None
    pinned_at: datetime | None = None

    class Settings:
        name = "messages"
        indexes = [  # noqa: RUF012 - beanie's form
            index("conversationId", "seq", unique=True),
            index("senderId", "idempotencyKey", unique=True, where={"idempotencyKey": ANY_TEXT}),
            index("senderId", "createdAt"),
            IndexModel([("schoolId", ASCENDING), ("content", TEXT)], name="schoolId_content_text"),
        ]
