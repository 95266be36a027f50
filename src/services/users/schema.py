from __future__ import annotations

from typing import get_args

from marshmallow import Schema, fields, validate

from ...core.schema import Id, choice, moment, text
from ...models.user import Role

ROLES = get_args(Role)


class UserData(Schema):
    email = fields.Email(required=True, validate=validate.Length(max=320))
    collegeId = text(64, allow_none=True)
    name = text(200, required=True)
    role = choice(ROLES, required=True)
    password = fields.String(required=True, validate=validate.Length(min=8, max=1024), load_only=True)
    avatar = fields.Url(schemes={"https"}, allow_none=True, validate=validate.Length(max=2000))


class UserQuery(Schema):
    _id = Id()
    schoolId = Id()
    email = fields.String()
    collegeId = fields.String()
    name = fields.String()
    role = choice(ROLES)
    avatar = fields.String()
    createdAt = moment()


class UserResult(UserQuery):
    collegeId = fields.String(allow_none=True)
    avatar = fields.String(allow_none=True)
