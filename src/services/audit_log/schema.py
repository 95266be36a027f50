from __future__ import annotations

from typing import Any, Final

from marshmallow import Schema, fields

from ...core.schema import Id, count, moment

SUBJECT_ID: Final = "subject.id"


class SubjectResult(Schema):
    path = fields.String(required=True)
    id = Id(required=True)


class AuditQuery(Schema):
    _id = Id()
    number = count()
    at = moment()
    actorId = Id()
    action = fields.String()
    schoolId = Id(dump_only=True)
    subject: fields.Field[Any] = fields.Nested(SubjectResult, dump_only=True)
    details: fields.Field[Any] = fields.Dict(keys=fields.String(), dump_only=True)
    previous = fields.String(dump_only=True)
    hash = fields.String(dump_only=True)

    class Meta:
        include = {SUBJECT_ID: Id()}  # noqa: RUF012 - marshmallow's form


class AuditResult(Schema):
    """``actorId`` is null where a command or a rule of the school did it."""

    _id = Id()
    schoolId = Id()
    number = count()
    at = moment()
    actorId = Id(allow_none=True)
    action = fields.String()
    subject = fields.Nested(SubjectResult)
    details: fields.Field[Any] = fields.Dict(keys=fields.String())
    previous = fields.String()
    hash = fields.String()
