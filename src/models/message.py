from __future__ import annotations

from datetime import datetime
from typing import Final, Literal, get_args

from beanie import PydanticObjectId
from pydantic import BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel

from .record import ANY_ID, ANY_MOMENT, ANY_TEXT, SchoolRecord, index
from .user import Role

MessageType = Literal["text", "image", "file", "video", "system"]
MESSAGE_TYPES: Final[tuple[MessageType, ...]] = get_args(MessageType)
Mention = PydanticObjectId | Role | Literal["all"]
"""A user by id, everybody of a role by its name, or everybody."""


class Part(BaseModel):
    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True, extra="forbid")


class Attached(Part):
    """A file of the school's by its ``attachmentId``, or a link with a ``url``. ``size`` in bytes.

    ``name`` and ``url`` are bytes where they are sealed.
    """

    attachment_id: PydanticObjectId | None = None
    name: str | bytes | None = None
    url: str | bytes | None = None
    media_type: str | None = None
    size: int | None = Field(default=None, ge=0)
    width: int | None = None
    height: int | None = None
    thumbnail: bool | None = None


class Tally(Part):
    """How many have reacted with an emoji."""

    emoji: str
    count: int


class Origin(Part):
    """What a forwarded message was: who wrote it, and when."""

    message_id: PydanticObjectId
    sender_id: PydanticObjectId
    created_at: datetime


class AlertMark(Part):
    """Of which alert a message is, and whether it disturbs also those who do not want to be."""

    alert_id: PydanticObjectId
    overrides_mute: bool = False


class Message(SchoolRecord):
    """``seq`` orders the messages of a conversation, without gaps.

    ``revision`` is the conversation's at the newest change to the message, ``createdRevision`` the one at
    the first. ``threadId`` is the message that a thread of replies began with, which counts them.
    ``fingerprint`` is a digest of what was first sent: it tells a repeat of the same message from
    another one under the same key, also after an edit. ``words`` are what a search finds it by.
    ``feedAt`` is when it came into the feed of its readers: announcements and alerts do. Where it is sealed,
    see Vault, ``content`` and ``fingerprint`` are bytes, and there are no words.
    """

    conversation_id: PydanticObjectId
    sender_id: PydanticObjectId
    type: MessageType = "text"
    content: str | bytes | None = None
    attachments: list[Attached] = Field(default_factory=list[Attached])
    seq: int
    revision: int = 0
    created_revision: int = 0
    lamport: int = 0
    idempotency_key: str | None = None
    fingerprint: str | bytes | None = None
    reply_to: PydanticObjectId | None = None
    thread_id: PydanticObjectId | None = None
    reply_count: int = 0
    last_reply_at: datetime | None = None
    forwarded_from: Origin | None = None
    mentions: list[Mention] = Field(default_factory=list[Mention])
    reactions: list[Tally] = Field(default_factory=list[Tally])
    words: list[str] = Field(default_factory=list[str])
    edited_at: datetime | None = None
    edit_count: int = 0
    deleted_at: datetime | None = None
    deleted_by: PydanticObjectId | None = None
    expunged_at: datetime | None = None
    pinned_at: datetime | None = None
    pinned_by: PydanticObjectId | None = None
    alert: AlertMark | None = None
    feed_at: datetime | None = None

    class Settings:
        name = "messages"
        indexes = [  # noqa: RUF012 - beanie's form
            index("conversationId", "seq", unique=True),
            index("senderId", "idempotencyKey", unique=True, where={"idempotencyKey": ANY_TEXT}),
            index("senderId", "createdAt"),
            # What is counted: one's own, those that are gone, and those that mention somebody.
            index("conversationId", "senderId", "seq"),
            index("conversationId", "seq", "senderId", where={"deletedAt": ANY_MOMENT}),
            index("conversationId", "mentions", "seq"),
            # A search reads both downwards; the id parts what was written in the same millisecond.
            index("conversationId", "words", "createdAt", "_id"),
            index("threadId", "seq", where={"threadId": ANY_ID}),
            index("conversationId", "pinnedAt", where={"pinnedAt": ANY_MOMENT}),
            index("conversationId", "createdAt", "_id"),
            index("conversationId", "feedAt", "_id", where={"feedAt": ANY_MOMENT}),
            # What is old and still says something, and the copies that name whom they are from.
            index("conversationId", "expungedAt", "createdAt"),
            index("forwardedFrom.senderId", where={"forwardedFrom.senderId": ANY_ID}),
        ]
