from __future__ import annotations

from typing import Final, get_args

from marshmallow import Schema, fields

from ...core.schema import Id, choice, moment
from ...models.notification_preference import Level

LEVELS: Final = get_args(Level)


class NotificationPreferenceData(Schema):
    level = choice(LEVELS)
    duringQuietHours = fields.Boolean()
    sound = fields.Boolean()
    emailDigest = fields.Boolean()


class NotificationPreferenceQuery(Schema):
    """There is one record for each user: it can be selected from, and that is all."""

    _id = Id(dump_only=True)
    userId = Id(dump_only=True)
    schoolId = Id(dump_only=True)
    level = choice(LEVELS, dump_only=True)
    duringQuietHours = fields.Boolean(dump_only=True)
    sound = fields.Boolean(dump_only=True)
    emailDigest = fields.Boolean(dump_only=True)
    createdAt = moment(dump_only=True)


class NotificationPreferenceResult(NotificationPreferenceData):
    """``_id`` and ``createdAt`` are there once the user has chosen anything."""

    _id = Id()
    userId = Id()
    schoolId = Id()
    createdAt = moment()
