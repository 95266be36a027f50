from __future__ import annotations

from marshmallow import Schema, fields, validate

from ...core.schema import Id, choice, moment, text
from ...models.user import ROLES


class UserData(Schema):
    email = fields.Email(required=True, validate=validate.Length(max=320))
    collegeId = text(64, allow_none=True)
    name = text(200, required=True)
    role = choice(ROLES, required=True)
    password = fields.String(required=True, validate=validate.Length(min=8, max=1024), load_only=True)
    avatar = fields.Url(schemes={"https"}, allow_none=True, validate=validate.Length(max=2000))


class UserPatch(UserData):
    """``suspendedUntil`` and its reason are for admins; null lifts the suspension."""

    suspendedUntil = moment(allow_none=True)
    suspendedReason = text(1000, allow_none=True)


class UserQuery(Schema):
    _id = Id()
    schoolId = Id()
    email = fields.String()
    collegeId = fields.String()
    name = fields.String()
    role = choice(ROLES)
    avatar = fields.String()
    createdAt = moment()
    suspendedUntil = moment(dump_only=True)
    suspendedReason = fields.String(dump_only=True)
    erasedAt = moment()


class UserResult(UserQuery):
    """``suspendedUntil`` and its reason are shown to admins and to the user."""

    collegeId = fields.String(allow_none=True)
    avatar = fields.String(allow_none=True)
    suspendedUntil = moment(allow_none=True)
    suspendedReason = fields.String(allow_none=True)
    erasedAt = moment(allow_none=True)
