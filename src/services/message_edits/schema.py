from __future__ import annotations

from marshmallow import Schema, fields

from ...core.schema import Id, count, moment


class EditQuery(Schema):
    """Of one message: ``messageId`` is required."""

    messageId = Id(required=True)
    number = count()
    createdAt = moment(dump_only=True)
    content = fields.String(dump_only=True)


class EditResult(Schema):
    """``content`` is what the message said until ``createdAt``."""

    _id = Id()
    schoolId = Id()
    messageId = Id()
    conversationId = Id()
    editorId = Id()
    number = count()
    content = fields.String(allow_none=True)
    createdAt = moment()
