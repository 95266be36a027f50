from __future__ import annotations

from marshmallow import Schema, fields

from ...core.schema import Id, moment, text


class ClassData(Schema):
    name = text(200, required=True)
    subject = text(200, allow_none=True)


class ClassQuery(Schema):
    _id = Id()
    name = fields.String()
    subject = fields.String()
    createdAt = moment()
    schoolId = Id(dump_only=True)


class ClassResult(ClassQuery):
    subject = fields.String(allow_none=True)
