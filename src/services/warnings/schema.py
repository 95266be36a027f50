from __future__ import annotations

from marshmallow import Schema, fields, validate

from ...core.schema import Id, moment, text


class WarningData(Schema):
    userId = Id(required=True)
    text = text(2000, required=True)
    messageId = Id(allow_none=True)


class WarningPatch(Schema):
    acknowledged = fields.Boolean(required=True, validate=validate.Equal(True))


class WarningQuery(Schema):
    _id = Id()
    userId = Id()
    messageId = Id()
    issuedBy = Id()
    acknowledgedAt = moment()
    createdAt = moment()
    text = fields.String(dump_only=True)
    schoolId = Id(dump_only=True)


class WarningResult(WarningQuery):
    """``issuedBy`` is who has warned; ``acknowledgedAt`` when the user has said to have read it."""

    messageId = Id(allow_none=True)
    acknowledgedAt = moment(allow_none=True)
