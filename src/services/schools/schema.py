from __future__ import annotations

from zoneinfo import ZoneInfo, available_timezones

from marshmallow import Schema, ValidationError, fields, validate

from ...core.schema import Id, moment, text


def _timezone(name: str) -> None:
    if name not in available_timezones() or not ZoneInfo(name).key:
        raise ValidationError("is not a time zone")


class SchoolSettingsData(Schema):
    editWindowMinutes = fields.Integer(allow_none=True, validate=validate.Range(min=0))
    maxGroupMembers = fields.Integer(validate=validate.Range(min=2, max=5000))


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


class SchoolSettingsResult(SchoolSettingsData):
    retentionDays = fields.Integer(allow_none=True)


class SchoolResult(SchoolQuery):
    timezone = fields.String()
    settings = fields.Nested(SchoolSettingsResult)
    createdAt = moment()
