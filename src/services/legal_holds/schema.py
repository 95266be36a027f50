from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from marshmallow import Schema, ValidationError, fields, validates_schema

from ...core.schema import Id, moment, text


class LegalHoldData(Schema):
    """One of ``userId`` and ``conversationId``."""

    userId = Id()
    conversationId = Id()
    reason = text(2000, required=True)

    @validates_schema
    def of_one_thing(self, data: Mapping[str, Any], **_: Any) -> None:
        if len({"userId", "conversationId"} & data.keys()) != 1:
            raise ValidationError({"userId": ["a hold is of a user or of a conversation"]})


class LegalHoldQuery(Schema):
    """``liftedAt`` null finds those in force."""

    _id = Id()
    userId = Id()
    conversationId = Id()
    createdBy = Id()
    createdAt = moment()
    liftedAt = moment(allow_none=True)
    schoolId = Id(dump_only=True)
    reason = fields.String(dump_only=True)
    liftedBy = Id(dump_only=True)


class LegalHoldResult(LegalHoldQuery):
    userId = Id(allow_none=True)
    conversationId = Id(allow_none=True)
    reason = fields.String()
    liftedBy = Id(allow_none=True)
