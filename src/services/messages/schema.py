from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from bson import ObjectId
from marshmallow import Schema, ValidationError, fields, validate, validates_schema

from ...core.schema import Id, choice, count, moment, text
from ...core.schema.fields import Whole
from ...models.message import MESSAGE_TYPES
from ...models.user import ROLES

OF_FILES = ("image", "file", "video")
GROUPS = (*ROLES, "all")
"""Whom a mention names besides single users."""
MAX_MENTIONS = 50


class Mention(fields.Field[Any]):
    """A user's id, the name of a role, or ``all``."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> ObjectId | str:
        if isinstance(value, ObjectId):
            return value
        if isinstance(value, str):
            if value in GROUPS:
                return value
            if ObjectId.is_valid(value):
                return ObjectId(value)
        raise ValidationError(f"is neither an id nor one of {', '.join(GROUPS)}")

    def _serialize(self, value: Any, attr: str | None, obj: Any, **kwargs: Any) -> str | None:
        return None if value is None else str(value)


def mentions() -> fields.List[Any]:
    return fields.List(Mention(required=True), validate=validate.Length(max=MAX_MENTIONS))


class AttachmentData(Schema):
    """A file that was uploaded, by its ``attachmentId`` alone, or a link with a ``name`` and a ``url``."""

    attachmentId = Id()
    name = text(255)
    url = fields.Url(schemes={"https"}, validate=validate.Length(max=2000))
    mediaType = text(127)
    size = count()

    @validates_schema
    def one_or_the_other(self, data: Mapping[str, Any], **_: Any) -> None:
        if "attachmentId" in data:
            if besides := data.keys() - {"attachmentId"}:
                raise ValidationError({min(besides): ["is what the file says itself"]})
        elif missing := {"name", "url"} - data.keys():
            raise ValidationError({name: ["Missing data for required field."] for name in missing})


def message_data(max_length: int) -> Schema:
    """``max_length`` in characters. A message says something, has attachments, or is forwarded.

    ``lamport`` is the clock of a client that keeps one; one that is too far ahead is none.
    """

    class MessageData(Schema):
        conversationId = Id(required=True)
        content = text(max_length)
        type = choice(MESSAGE_TYPES, load_default="text")
        attachments: fields.List[Any] = fields.List(
            fields.Nested(AttachmentData), validate=validate.Length(max=10)
        )
        idempotencyKey = fields.String(validate=validate.Length(min=1, max=128), allow_none=True)
        replyTo = Id(allow_none=True)
        forwardOf = Id()
        mentions = mentions()
        lamport = Whole(validate=validate.Range(min=0))

        @validates_schema
        def says_something(self, data: Mapping[str, Any], **_: Any) -> None:
            if "forwardOf" in data:
                if refused := {"content", "attachments"} & data.keys():
                    raise ValidationError({min(refused): ["a message is forwarded as it is"]})
            elif data.get("type") in OF_FILES and not data.get("attachments"):
                raise ValidationError({"attachments": [f"{data['type']} messages have at least one"]})
            elif "content" not in data and not data.get("attachments"):
                raise ValidationError({"content": ["Missing data for required field."]})

    return MessageData()


def message_patch(max_length: int) -> Schema:
    """An edit, or whether the message is pinned. ``max_length`` in characters."""

    class MessagePatch(Schema):
        content = text(max_length)
        mentions = mentions()
        pinned = fields.Boolean()

        @validates_schema
        def one_thing(self, data: Mapping[str, Any], **_: Any) -> None:
            if not data:
                raise ValidationError({"content": ["Missing data for required field."]})
            if "mentions" in data and "content" not in data:
                raise ValidationError({"content": ["mentions change with what is said"]})

    return MessagePatch()


class MessageName(Schema):
    messageId = Id(required=True)


class MessageQuery(Schema):
    """``pinned`` true finds what is pinned."""

    _id = Id()
    conversationId = Id()
    senderId = Id()
    type = choice(MESSAGE_TYPES)
    seq = count()
    replyTo = Id()
    threadId = Id()
    mentions: fields.Field[Any] = Mention()
    editedAt = moment()
    deletedAt = moment()
    pinnedAt = moment()
    createdAt = moment()
    pinned = fields.Boolean()
    schoolId = Id(dump_only=True)
    content = fields.String(dump_only=True)
    attachments: fields.List[Any] = fields.List(fields.Nested(AttachmentData), dump_only=True)
    idempotencyKey = fields.String(dump_only=True)
    deletedBy = Id(dump_only=True)
    pinnedBy = Id(dump_only=True)
    revision = count(dump_only=True)
    reactions: fields.Field[Any] = fields.Raw(dump_only=True)
    replyCount = count(dump_only=True)
    lastReplyAt = moment(dump_only=True)
    editCount = count(dump_only=True)
    alert: fields.Field[Any] = fields.Raw(dump_only=True)


class AttachmentResult(Schema):
    """``url`` of a file, which has an ``attachmentId``, gives it for some minutes; a link leads elsewhere."""

    attachmentId = Id()
    name = fields.String()
    url = fields.String()
    mediaType = fields.String(allow_none=True)
    size = count(allow_none=True)
    width = count()
    height = count()
    thumbnailUrl = fields.String()


class TallyResult(Schema):
    """How many have reacted with ``emoji``."""

    emoji = fields.String(required=True)
    count: fields.Field[Any] = count(required=True)


class OriginResult(Schema):
    """What was forwarded."""

    messageId = Id(required=True)
    senderId = Id(required=True)
    createdAt = moment(required=True)


class AlertMark(Schema):
    """Of which alert the message is, and whether it disturbs those too who do not want to be."""

    alertId = Id(required=True)
    overridesMute = fields.Boolean(required=True)


class MessageResult(Schema):
    """``status`` is told the sender by find and get, ``duplicate`` who has sent the message before.

    ``revision`` is the conversation's at the newest change to the message: of two states of a message the one
    with the greater ``revision`` is the newer.
    """

    _id = Id()
    schoolId = Id()
    conversationId = Id()
    senderId = Id()
    type = choice(MESSAGE_TYPES)
    seq = count()
    revision = count()
    createdRevision = count()
    lamport = count()
    content = fields.String(allow_none=True)
    attachments: fields.List[Any] = fields.List(fields.Nested(AttachmentResult))
    idempotencyKey = fields.String(allow_none=True)
    replyTo = Id(allow_none=True)
    threadId = Id(allow_none=True)
    replyCount = count()
    lastReplyAt = moment(allow_none=True)
    forwardedFrom = fields.Nested(OriginResult, allow_none=True)
    mentions = fields.List(Mention())
    reactions: fields.List[Any] = fields.List(fields.Nested(TallyResult))
    editedAt = moment(allow_none=True)
    editCount = count()
    deletedAt = moment(allow_none=True)
    deletedBy = Id(allow_none=True)
    pinnedAt = moment(allow_none=True)
    pinnedBy = Id(allow_none=True)
    alert = fields.Nested(AlertMark, allow_none=True)
    createdAt = moment()
    status = choice(("sent", "delivered", "read"))
    duplicate = fields.Boolean()


class Reader(Schema):
    userId = Id(required=True)
    readAt = moment(required=True, allow_none=True)


class Seen(Schema):
    """``count`` of the ``total`` who were there when it was written; ``users`` are the latest 100 of them."""

    messageId = Id(required=True)
    total = count(required=True)
    count: fields.Field[Any] = count(required=True)
    users: fields.List[Any] = fields.List(fields.Nested(Reader), required=True)
