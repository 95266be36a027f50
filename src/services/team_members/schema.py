from __future__ import annotations

from marshmallow import Schema, fields

from ...core.schema import Id, choice, moment, text
from ...models.team_member import TEAM_ROLES


class TeamMemberPatch(Schema):
    role = choice(TEAM_ROLES, required=True)
    positionGroup = text(100, allow_none=True)


class TeamMemberData(TeamMemberPatch):
    teamId = Id(required=True)
    userId = Id(required=True)


class TeamMemberQuery(Schema):
    _id = Id()
    teamId = Id()
    userId = Id()
    role = choice(TEAM_ROLES)
    positionGroup = fields.String()
    createdAt = moment()
    schoolId = Id(dump_only=True)


class TeamMemberResult(TeamMemberQuery):
    positionGroup = fields.String(allow_none=True)
