from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from marshmallow import Schema, ValidationError, fields, validates_schema

from ...core.schema import Id, choice, count, moment, text
from ...models.alert import ALERT_SCOPES


def alert_data(max_length: int) -> Schema:
    """``max_length`` in characters. An alert is for one channel, or for a team: into its announcements."""

    class AlertData(Schema):
        """``overrideMute`` says whether it is to disturb also who has muted the channel.

        Where somebody has, it must be said.
        """

        conversationId = Id()
        teamId = Id()
        content = text(max_length, required=True)
        reason = text(500, required=True)
        overrideMute = fields.Boolean()
        confirmToken = fields.String()

        @validates_schema
        def one_place(self, data: Mapping[str, Any], **_: Any) -> None:
            if ("conversationId" in data) == ("teamId" in data):
                raise ValidationError({"conversationId": ["either this or teamId is to be said"]})

    return AlertData()


class AlertQuery(Schema):
    _id = Id()
    teamId = Id()
    conversationId = Id()
    senderId = Id()
    createdAt = moment()
    schoolId = Id(dump_only=True)
    messageId = Id(dump_only=True)
    scope = choice(ALERT_SCOPES, dump_only=True)
    reason = fields.String(dump_only=True)
    overridesMute = fields.Boolean(dump_only=True)


class AlertResult(AlertQuery):
    """An alert that is not confirmed has no ``_id``, but a ``confirmToken``.

    ``muted`` is how many of those whom it is for have muted the channel.
    """

    confirmToken = fields.String()
    expiresAt = moment()
    muted = count()
