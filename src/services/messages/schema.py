from __future__ import annotations

from typing import Any, get_args

from marshmallow import Schema, fields, validate

from ...core.schema import Id, choice, count, moment, text
from ...models.message import MessageType

TYPES = get_args(MessageType)
OF_PEOPLE = tuple(kind for kind in TYPES if kind != "system")


class AttachmentData(Schema):
    name = text(255, required=True)
    url = fields.Url(required=True, schemes={"https"}, validate=validate.Length(max=2000))
    mediaType = text(127)
    size = count()


def message_data(max_length: int) -> Schema:
    """``max_length`` in characters."""

    class MessageData(Schema):
        conversationId = Id(required=True)
        content = text(max_length, required=True)
        type = choice(OF_PEOPLE, load_default="text")
        attachments: fields.List[Any] = fields.List(
            fields.Nested(AttachmentData), validate=validate.Length(max=10)
        )
        idempotencyKey = fields.String(validate=validate.Length(min=1, max=128), allow_none=True)
        replyTo = Id(allow_none=True)
        mentions = fields.List(Id(required=True), validate=validate.Length(max=50))

    return MessageData()


def message_patch(max_length: int) -> Schema:
    """``max_length`` in characters."""

    class MessagePatch(Schema):
        content = text(max_length, required=True)

    return MessagePatch()


class MessageQuery(Schema):
    _id = Id()
    conversationId = Id()
    senderId = Id()
    type = choice(TYPES)
    seq = count()
    replyTo = Id()
    mentions: fields.Field[Any] = Id()
    editedAt = moment()
    deletedAt = moment()
    pinnedAt = moment()
    createdAt = moment()
    schoolId = Id(dump_only=True)
    content = fields.String(dump_only=True)
    attachments: fields.List[Any] = fields.List(fields.Nested(AttachmentData), dump_only=True)
    idempotencyKey = fields.String(dump_only=True)
    deletedBy = Id(dump_only=True)


class AttachmentResult(AttachmentData):
    mediaType = fields.String(allow_none=True)
    size = count(allow_none=True)


class MessageResult(MessageQuery):
    """``status`` is told the sender by find and get, ``duplicate`` who has sent the message before."""

    content = fields.String(allow_none=True)
    attachments: fields.List[Any] = fields.List(fields.Nested(AttachmentResult))
    idempotencyKey = fields.String(allow_none=True)
    replyTo = Id(allow_none=True)
    mentions: fields.Field[Any] = fields.List(Id())
    editedAt = moment(allow_none=True)
    deletedAt = moment(allow_none=True)
    deletedBy = Id(allow_none=True)
    pinnedAt = moment(allow_none=True)
    status = choice(("sent", "delivered", "read"))
    duplicate = fields.Boolean()
