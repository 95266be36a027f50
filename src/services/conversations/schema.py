from __future__ import annotations

from marshmallow import Schema, fields, validate

from ...core.schema import Id, choice, moment, text

KINDS = ("direct", "group", "class", "department", "club", "channel", "announcement")


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
    lastMessage = fields.Raw(dump_only=True)
    memberCount = fields.Integer(dump_only=True)
