from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from marshmallow import Schema, ValidationError, fields, validate, validates_schema

from ...core.schema import Id, choice, count, moment, text

TYPES = ("text", "image", "file", "video")
STATUSES = ("sent", "delivered", "read")
MAX_MEMBERS = 5000


class GroupData(Schema):
    name = text(200, required=True)
    members: fields.List[Any] = fields.List(
        Id(required=True), load_default=list, validate=validate.Length(max=MAX_MEMBERS)
    )


class GroupPatch(Schema):
    name = text(200)
    members: fields.List[Any] = fields.List(Id(required=True), validate=validate.Length(max=MAX_MEMBERS))

    @validates_schema
    def changes_something(self, data: Mapping[str, Any], **_: Any) -> None:
        if not data:
            raise ValidationError({"name": ["Missing data for required field."]})


class GroupQuery(Schema):
    _id = Id()
    name = fields.String(dump_only=True)
    members: fields.List[Any] = fields.List(Id(), dump_only=True)
    createdAt = moment()
    updatedAt = moment(dump_only=True)


class GroupResult(Schema):
    """``updatedAt`` is when its newest message was written."""

    _id = Id(required=True)
    name = fields.String(required=True)
    members: fields.List[Any] = fields.List(Id(), required=True)
    createdAt = moment(required=True)
    updatedAt = moment(required=True)


def message_data(max_length: int) -> Schema:
    """``max_length`` in characters."""

    class MessageData(Schema):
        """``mediaUrl`` is a link; ``attachmentId`` names a file that was uploaded to the school instead."""

        groupId = Id(required=True)
        type = choice(TYPES)
        content = text(max_length, allow_none=True)
        mediaUrl = fields.Url(schemes={"https"}, allow_none=True, validate=validate.Length(max=2000))
        attachmentId = Id()
        idempotencyKey = fields.String(validate=validate.Length(min=1, max=128))

    return MessageData()


class MessagePatch(Schema):
    status = choice(("delivered", "read"))
    content = fields.String()

    @validates_schema
    def changes_something(self, data: Mapping[str, Any], **_: Any) -> None:
        if not data:
            raise ValidationError({"status": ["Missing data for required field."]})


class MessageQuery(Schema):
    _id = Id()
    groupId = Id()
    senderId = Id()
    type = choice(TYPES)
    timestamp = moment()
    content = fields.String(dump_only=True)
    mediaUrl = fields.String(dump_only=True)
    status = choice(STATUSES, dump_only=True)


class MessageResult(Schema):
    """``status`` is how far all the others have come; ``content`` is null once the message is removed."""

    _id = Id(required=True)
    groupId = Id(required=True)
    senderId = Id(required=True)
    type = choice(TYPES, required=True)
    content = fields.String(required=True, allow_none=True)
    mediaUrl = fields.String(required=True, allow_none=True)
    timestamp = moment(required=True)
    status = choice(STATUSES, required=True)


class DayTotal(Schema):
    day = fields.String(required=True)
    total_messages = count(required=True)


class WeekTotal(Schema):
    """``week`` is its Monday."""

    week = fields.String(required=True)
    total_messages = count(required=True)


class AnalyticsQuery(Schema):
    group_id = Id()
    last_message_at = moment()
    total_messages = count(dump_only=True)
    daily: fields.Field[Any] = fields.Nested(DayTotal, many=True, dump_only=True)
    weekly: fields.Field[Any] = fields.Nested(WeekTotal, many=True, dump_only=True)


class AnalyticsResult(Schema):
    group_id = Id(required=True)
    total_messages = count(required=True)
    last_message_at = moment(required=True, allow_none=True)
    daily: fields.Field[Any] = fields.Nested(DayTotal, many=True, required=True)
    weekly: fields.Field[Any] = fields.Nested(WeekTotal, many=True, required=True)


class MediaResult(Schema):
    url = fields.String(required=True)
    expiresAt = moment(required=True)
