"""What clients of the Chat System send. What a value may be beyond its kind is for the services to say."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from marshmallow import Schema, ValidationError, fields, validate, validates_schema

from ...core.schema import Id, moment

MESSAGES: Final = 50
"""Of a page."""

CONVERSATIONS: Final = 20
"""Of a page."""

MOST: Final = 100
LAST_PAGE: Final = 10_000


def _limit(default: int, most: int = MOST) -> fields.Integer:
    return fields.Integer(load_default=default, validate=validate.Range(min=1, max=most))


def _page() -> fields.Integer:
    return fields.Integer(load_default=1, validate=validate.Range(min=1, max=LAST_PAGE))


class SendMessage(Schema):
    """``attachment_url`` in the place of ``content``, or beside it. ``sender_id`` can only be one's own."""

    receiver_id = Id(required=True)
    content = fields.String()
    attachment_url = fields.String(allow_none=True)
    idempotency_key = fields.String()
    sender_id = Id()

    @validates_schema
    def says_something(self, data: Mapping[str, Any], **_: Any) -> None:
        if data.get("content") is None and data.get("attachment_url") is None:
            raise ValidationError({"content": ["Missing data for required field."]})


class Nothing(Schema):
    """No fields."""


class ConversationPage(Schema):
    page = _page()
    limit = _limit(CONVERSATIONS)


class MessagePage(Schema):
    """Page 1 holds the newest messages; each page is in their order."""

    id = Id(required=True)
    page = _page()
    limit = _limit(MESSAGES)


class Words(Schema):
    q = fields.String(required=True)
    limit = _limit(MESSAGES, MESSAGES)


class Named(Schema):
    """By the placeholder of the path."""

    id = Id(required=True)


class ConversationName(Schema):
    """``user_id`` can only be one's own."""

    conversation_id = Id(required=True)
    user_id = Id()


class MessageFields(Schema):
    """``read_at`` is when the receiver has read so far, None while the message is not read."""

    id = Id(required=True)
    sender_id = Id(required=True)
    receiver_id = Id(required=True, allow_none=True)
    conversation_id = Id(required=True)
    content = fields.String(required=True, allow_none=True)
    attachment_url = fields.String(required=True, allow_none=True)
    is_read = fields.Boolean(required=True)
    read_at = moment(required=True, allow_none=True)
    deletedAt = moment(required=True, allow_none=True)
    createdAt = moment(required=True)
    updatedAt = moment(required=True)


class Notification(Schema):
    conversation_id = Id(required=True)
    message_id = Id(required=True)
    sender_id = Id(required=True)
    content = fields.String(required=True, allow_none=True)
    createdAt = moment(required=True)


class Typist(Schema):
    conversation_id = Id(required=True)
    user_id = Id(required=True)


class ReadBy(Schema):
    """All messages of the conversation that there are at ``read_at``."""

    conversation_id = Id(required=True)
    user_id = Id(required=True)
    read_at = moment(required=True)


class Failure(Schema):
    """``errors`` has the reason by the name of each field that is wrong."""

    message = fields.String(required=True)
    errors = fields.Dict(keys=fields.String())
