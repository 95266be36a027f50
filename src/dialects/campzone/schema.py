"""The payloads of CampZone's events, under the names that its document gives them."""

from __future__ import annotations

from typing import Final

from marshmallow import Schema, fields, validate

from ...core.schema import Id, choice, count, moment

MOST: Final = 100
"""Messages of one page."""
STATUSES: Final = ("PENDING", "DELIVERED", "READ")


class InRoom(Schema):
    roomId = Id(required=True)


class Join(InRoom):
    """``userId``, which may be left out, is the caller's own."""

    userId = fields.String()


class Message(InRoom):
    content = fields.String(required=True)
    # A clock that is too far ahead is not refused: it does not count.
    lamportTimestamp = fields.Integer(validate=validate.Range(min=0))
    idempotencyKey = fields.String(required=True, validate=validate.Length(min=1, max=128))


class Read(InRoom):
    messageId = Id(required=True)


class Page(InRoom):
    """``skip`` of the newest messages are left out."""

    limit = fields.Integer(load_default=50, validate=validate.Range(1, MOST))
    skip = count(load_default=0)


class Connected(Schema):
    socketId = fields.String(required=True)
    userId = Id(required=True)
    message = fields.String(required=True)


class Joined(InRoom):
    message = fields.String(required=True)


class NewMessage(InRoom):
    messageId = Id(required=True)
    senderId = Id(required=True)
    content = fields.String(required=True, allow_none=True)
    lamportTimestamp = count(required=True)
    createdAt = moment(required=True)
    status = choice(STATUSES, required=True)


class Acknowledged(Schema):
    """``duplicate`` where the message was stored before."""

    messageId = Id(required=True)
    idempotencyKey = fields.String(required=True)
    status = choice(STATUSES, required=True)
    duplicate = fields.Boolean()


class Typing(InRoom):
    userId = Id(required=True)
    isTyping = fields.Boolean(required=True)


class Receipt(InRoom):
    """All messages up to this one are read."""

    messageId = Id(required=True)
    userId = Id(required=True)
    readAt = moment(required=True)


class Messages(InRoom):
    messages = fields.Nested(NewMessage, many=True, required=True)
    count: fields.Field[int] = count(required=True)


class Online(InRoom):
    onlineUsers = fields.List(Id(), required=True)
    count: fields.Field[int] = count(required=True)


class Came(InRoom):
    userId = Id(required=True)
    timestamp = moment(required=True)


class Failure(Schema):
    message = fields.String(required=True)
