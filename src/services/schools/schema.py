from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, cast
from zoneinfo import ZoneInfo, available_timezones

from marshmallow import Schema, ValidationError, fields, validate, validates_schema

from ...core.schema import Id, choice, moment, text
from ...models.conversation import KINDS
from ...models.quiet_hours import DAYS, HOUR_AND_MINUTE, SAME_TIME

A_YEAR: Final = 525_600
"""In minutes."""


def _timezone(name: str) -> None:
    if name not in available_timezones() or not ZoneInfo(name).key:
        raise ValidationError("is not a time zone")


def _clock() -> fields.String:
    return fields.String(
        required=True, validate=validate.Regexp(HOUR_AND_MINUTE, error="is not a time as 21:00")
    )


class QuietTimesData(Schema):
    days = fields.List(choice(DAYS), allow_none=True, validate=validate.Length(min=1, max=len(DAYS)))

    @validates_schema
    def is_a_time(self, data: Mapping[str, Any], **_: Any) -> None:
        # A patch of the school may leave fields out; a time has a beginning and an end all the same.
        if missing := {"from", "to"} - data.keys():
            raise ValidationError({name: ["Missing data for required field."] for name in missing})
        if data["from"] == data["to"]:
            raise ValidationError({"to": [SAME_TIME]})


# A keyword cannot be the name of an attribute.
QuietHoursData: type[Schema] = cast("Any", QuietTimesData).from_dict(
    {"from": _clock(), "to": _clock()}, name="QuietHoursData"
)


def _days() -> fields.Integer:
    return fields.Integer(allow_none=True, validate=validate.Range(min=1, max=36500))


class SchoolSettingsData(Schema):
    """``retention`` has days by kind of conversation, null for ever; it is replaced as a whole."""

    editWindowMinutes = fields.Integer(allow_none=True, validate=validate.Range(min=0, max=A_YEAR))
    retentionDays = _days()
    retention: fields.Field[Any] = fields.Dict(keys=choice(KINDS), values=_days())
    maxGroupMembers = fields.Integer(validate=validate.Range(min=2, max=5000))
    quietHours = fields.Nested(QuietHoursData, allow_none=True)


class SchoolData(Schema):
    name = text(200, required=True)
    timezone = fields.String(validate=_timezone)
    settings = fields.Nested(SchoolSettingsData)


class SchoolQuery(Schema):
    _id = Id()
    name = fields.String()
    slug = fields.String()
    timezone = fields.String(dump_only=True)
    settings = fields.Nested(SchoolSettingsData, dump_only=True)


class SchoolResult(SchoolQuery):
    timezone = fields.String()
    settings = fields.Nested(SchoolSettingsData)
    createdAt = moment()
