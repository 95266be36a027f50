from __future__ import annotations

from marshmallow import Schema, fields

from ...core.schema import Id, choice, count, moment
from ...models.member import MEMBER_ROLES
from ...models.team_member import TEAM_ROLES


class MemberData(Schema):
    conversationId = Id(required=True)
    userId = Id(required=True)
    role = choice(MEMBER_ROLES)


class MemberPatch(Schema):
    role = choice(MEMBER_ROLES)
    mutedUntil = moment(allow_none=True)
    silencedUntil = moment(allow_none=True)


class MemberQuery(Schema):
    _id = Id()
    conversationId = Id()
    userId = Id()
    role = choice(MEMBER_ROLES)
    deliveredSeq = count()
    readSeq = count()
    readAt = moment()
    joinedAt = moment()
    schoolId = Id(dump_only=True)
    teamRole = choice(TEAM_ROLES, dump_only=True)
    joinedSeq = count(dump_only=True)
    mutedUntil = moment(dump_only=True)
    silencedUntil = moment(dump_only=True)
    revision = count(dump_only=True)


class Acknowledgement(Schema):
    conversationId = Id(required=True)
    deliveredSeq = count()
    readSeq = count()


class ConversationName(Schema):
    conversationId = Id(required=True)


class Writer(Schema):
    """Who may write in the conversation now."""

    conversationId = Id(required=True)
    userId = Id(required=True)


class MemberResult(MemberQuery):
    """``mutedUntil`` is shown to the member alone, ``silencedUntil`` to managers too.

    ``teamRole`` is there in the channels of a team.
    """

    teamRole = choice(TEAM_ROLES, allow_none=True)

    readAt = moment(allow_none=True)
    mutedUntil = moment(allow_none=True)
    silencedUntil = moment(allow_none=True)
    createdAt = moment()


class Cursors(Schema):
    """``moved`` names the cursors that went forward."""

    conversationId = Id(required=True)
    userId = Id(required=True)
    deliveredSeq = count(required=True)
    readSeq = count(required=True)
    at = moment(required=True)
    moved = fields.List(choice(("delivered", "read")), required=True)


class Receipt(Schema):
    """Somebody's messages up to ``seq`` were delivered to, or read by, ``userId``."""

    conversationId = Id(required=True)
    userId = Id(required=True)
    seq = count(required=True)
    at = moment(required=True)
