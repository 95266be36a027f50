from __future__ import annotations

from typing import get_args

from marshmallow import Schema, fields

from ...core.schema import Id, choice, count, moment
from ...models.delivery import DeliveryState

STATES = get_args(DeliveryState)


class DeliveryName(Schema):
    deliveryId = Id(required=True)


class DeliveryQuery(Schema):
    _id = Id()
    conversationId = Id()
    revision = count()
    state = choice(STATES)
    createdAt = moment()
    path = fields.String(dump_only=True)
    event = fields.String(dump_only=True)
    recordId = Id(dump_only=True)
    attempts = count(dump_only=True)
    dueAt = moment(dump_only=True)
    deliveredAt = moment(dump_only=True)
    error = fields.String(dump_only=True)
    schoolId = Id(dump_only=True)


class DeliveryResult(DeliveryQuery):
    """``attempts`` are those that failed. ``dueAt`` is when it is sent if nobody has sent it before."""

    gone = fields.Dict(keys=fields.String(), allow_none=True)
    dueAt = moment(allow_none=True)
    deliveredAt = moment(allow_none=True)
    error = fields.String(allow_none=True)
    expiresAt = moment()
