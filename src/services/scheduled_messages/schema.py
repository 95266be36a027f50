from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Final, cast, get_args

from marshmallow import Schema, ValidationError, fields

from ...core.schema import Id, choice, moment
from ...models.record import now
from ...models.scheduled_message import ScheduledState

STATES: Final = get_args(ScheduledState)
LONGEST_WAIT: Final = timedelta(days=366)
OF_MESSAGE: Final = ("conversationId", "content", "type", "attachments", "replyTo", "mentions")
"""What of a message can be scheduled."""


def _to_come(at: datetime) -> None:
    if not now() < at <= now() + LONGEST_WAIT:
        raise ValidationError("must be in the future, at most a year ahead")


def scheduled_data(message: Schema) -> Schema:
    """``message`` is what the data of a new message is checked against."""
    own = {"sendAt": moment(required=True, validate=_to_come)}
    kind = _derived(type(message), own, "ScheduledMessageData")
    return kind(only=(*OF_MESSAGE, "sendAt"))


def scheduled_patch(message: Schema) -> Schema:
    """``message`` is what the data of a new message is checked against."""
    own = {"sendAt": moment(validate=_to_come), **_declared(message, "content")}
    return _derived(Schema, own, "ScheduledMessagePatch")()


class ScheduledMessageQuery(Schema):
    _id = Id()
    conversationId = Id()
    sendAt = moment()
    state = choice(STATES)
    messageId = Id()
    createdAt = moment()
    schoolId = Id(dump_only=True)
    userId = Id(dump_only=True)
    dueAt = moment(dump_only=True)
    reason = fields.String(dump_only=True)
    content = fields.String(dump_only=True)
    type = fields.String(dump_only=True)
    attachments: fields.Field[object] = fields.Raw(dump_only=True)
    replyTo = Id(dump_only=True)
    mentions: fields.Field[object] = fields.Raw(dump_only=True)


class ScheduledMessageState(Schema):
    """``dueAt`` is when it is tried next: no more once it is SENT, as ``messageId``, or has FAILED."""

    _id = Id()
    schoolId = Id()
    userId = Id()
    sendAt = moment()
    dueAt = moment(allow_none=True)
    state = choice(STATES)
    messageId = Id(allow_none=True)
    reason = fields.String(allow_none=True)
    expiresAt = moment(allow_none=True)
    createdAt = moment()


def scheduled_result(message: Schema) -> Schema:
    """``message`` is the schema of messages as clients see them."""
    return _derived(ScheduledMessageState, _declared(message, *OF_MESSAGE), "ScheduledMessageResult")()


def _declared(schema: Schema, *names: str) -> dict[str, Any]:
    declared = cast("Mapping[str, Any]", schema.declared_fields)  # pyright: ignore[reportUnknownMemberType]
    return {name: declared[name] for name in names}


def _derived(base: type[Schema], own: Mapping[str, Any], name: str) -> type[Schema]:
    return cast("type[Schema]", cast("Any", base).from_dict({**own}, name=name))
