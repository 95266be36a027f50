from __future__ import annotations

from typing import Any, get_args

from marshmallow import Schema, fields, validate

from ...core.schema import Id, choice, count, moment, text
from ...models.conversation import Kind

KINDS = get_args(Kind)


class ConversationData(Schema):
    kind = choice(KINDS, required=True)
    name = text(200)
    description = text(2000, shortest=0, allow_none=True)
    classId = Id()
    memberIds = fields.List(Id(required=True), load_default=list, validate=validate.Length(max=5000))


class ConversationPatch(Schema):
    name = text(200)
    description = text(2000, shortest=0, allow_none=True)


class ConversationQuery(Schema):
    _id = Id()
    kind = choice(KINDS)
    name = fields.String()
    classId = Id()
    createdBy = Id()
    lastMessageAt = moment()
    createdAt = moment()
    schoolId = Id(dump_only=True)
    description = fields.String(dump_only=True)
    clock = fields.Integer(dump_only=True)
    lastMessage: fields.Field[Any] = fields.Raw(dump_only=True)
    memberCount = fields.Integer(dump_only=True)


class LastMessage(Schema):
    """``content`` is the beginning of the newest message's; None once it is removed."""

    seq = count()
    senderId = Id(allow_none=True)
    type = fields.String()
    content = fields.String(allow_none=True)
    createdAt = moment()


class ConversationResult(ConversationQuery):
    """``readSeq``, ``deliveredSeq`` and ``unread`` are the caller's: answers have them, events do not."""

    name = fields.String(allow_none=True)
    description = fields.String(allow_none=True)
    classId = Id(allow_none=True)
    teamId = Id(allow_none=True)
    directKey = fields.String(allow_none=True)
    lastMessage: fields.Field[Any] = fields.Nested(LastMessage, allow_none=True)
    lastMessageAt = moment(allow_none=True)
    readSeq = count()
    deliveredSeq = count()
    unread = count()
