from __future__ import annotations

from marshmallow import Schema

from ...core.schema import Id, choice, count, moment

ROLES = ("member", "moderator", "admin")


class MemberData(Schema):
    conversationId = Id(required=True)
    userId = Id(required=True)
    role = choice(ROLES)


class MemberPatch(Schema):
    role = choice(ROLES)
    mutedUntil = moment(allow_none=True)


class MemberQuery(Schema):
    _id = Id()
    conversationId = Id()
    userId = Id()
    role = choice(ROLES)
    deliveredSeq = count()
    readSeq = count()
    readAt = moment()
    joinedAt = moment()
    schoolId = Id(dump_only=True)
    mutedUntil = moment(dump_only=True)


class Acknowledgement(Schema):
    conversationId = Id(required=True)
    deliveredSeq = count()
    readSeq = count()
