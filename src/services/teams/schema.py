from __future__ import annotations

from typing import Any

from marshmallow import Schema, fields, validate

from ...core.schema import Id, count, moment, text
from ...models.team import MAX_GROUPS


def position_groups(**options: Any) -> fields.List[Any]:
    return fields.List(text(100, required=True), validate=validate.Length(max=MAX_GROUPS), **options)


class TeamData(Schema):
    """``positionGroups`` are what members may be put in; each gets a channel when the team is made."""

    name = text(200, required=True)
    description = text(2000, shortest=0, allow_none=True)
    positionGroups = position_groups()


class TeamQuery(Schema):
    _id = Id()
    name = fields.String()
    createdBy = Id()
    createdAt = moment()
    schoolId = Id(dump_only=True)
    description = fields.String(dump_only=True)
    positionGroups = position_groups(dump_only=True)


class TeamResult(TeamQuery):
    description = fields.String(allow_none=True)


class TeamName(Schema):
    """``before``: entries with smaller numbers, for the next page."""

    teamId = Id(required=True)
    before = count()


class Entry(Schema):
    number = count(required=True)
    at = moment(required=True)
    actorId = Id(required=True, allow_none=True)
    action = fields.String(required=True)
    subject: fields.Field[Any] = fields.Dict(required=True)
    details: fields.Field[Any] = fields.Dict(required=True)


class Entries(Schema):
    """The newest first, at most 100."""

    entries: fields.List[Any] = fields.List(fields.Nested(Entry), required=True)
