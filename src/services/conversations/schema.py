from __future__ import annotations

from typing import Any

from marshmallow import Schema, fields, validate

from ...core.schema import Id, choice, count, moment, text
from ...models.conversation import KINDS
from ...models.team import MAX_GROUPS
from ...models.team_member import TEAM_ROLES
from ...models.user import ROLES

SLOWEST = 3600
"""Seconds."""


def writer_roles(**options: Any) -> fields.List[Any]:
    """The roles of the school whose members write in an announcement, besides those who manage it."""
    return fields.List(choice(ROLES, required=True), validate=validate.Length(max=len(ROLES)), **options)


def team_roles(**options: Any) -> fields.List[Any]:
    """The roles of the team to which its channel is open."""
    return fields.List(
        choice(TEAM_ROLES, required=True), validate=validate.Length(max=len(TEAM_ROLES)), **options
    )


def position_groups(**options: Any) -> fields.List[Any]:
    """The position groups of the team to which its channel is open."""
    return fields.List(text(100, required=True), validate=validate.Length(max=MAX_GROUPS), **options)


def slow_mode() -> fields.Integer:
    """Seconds between two messages of one member."""
    return fields.Integer(validate=validate.Range(min=0, max=SLOWEST))


class ConversationData(Schema):
    kind = choice(KINDS, required=True)
    name = text(200)
    description = text(2000, shortest=0, allow_none=True)
    classId = Id()
    teamId = Id()
    teamRoles = team_roles()
    positionGroups = position_groups()
    slowModeSeconds = slow_mode()
    writerRoles = writer_roles()
    memberIds = fields.List(Id(required=True), load_default=list, validate=validate.Length(max=5000))


class ConversationPatch(Schema):
    name = text(200)
    description = text(2000, shortest=0, allow_none=True)
    slowModeSeconds = slow_mode()
    writerRoles = writer_roles()
    teamRoles = team_roles()
    positionGroups = position_groups()
    archived = fields.Boolean()


class ConversationFields(Schema):
    _id = Id()
    kind = choice(KINDS)
    name = fields.String()
    classId = Id()
    teamId = Id()
    createdBy = Id()
    lastMessageAt = moment()
    createdAt = moment()
    schoolId = Id(dump_only=True)
    description = fields.String(dump_only=True)
    clock = fields.Integer(dump_only=True)
    lastMessage: fields.Field[Any] = fields.Raw(dump_only=True)
    memberCount = fields.Integer(dump_only=True)
    archivedAt = moment()
    slowModeSeconds = count(dump_only=True)
    writerRoles = writer_roles(dump_only=True)
    teamRoles = team_roles(dump_only=True)
    positionGroups = position_groups(dump_only=True)
    revision = count(dump_only=True)
    lamport = count(dump_only=True)
    keyVersion = count(dump_only=True)


class ConversationQuery(ConversationFields):
    """``archived`` true finds what is archived, false what is not."""

    archived = fields.Boolean()


class LastMessage(Schema):
    """``content`` is the beginning of the newest message's; None once it is removed."""

    seq = count()
    senderId = Id(allow_none=True)
    type = fields.String()
    content = fields.String(allow_none=True)
    createdAt = moment()


class ConversationResult(ConversationFields):
    """``readSeq``, ``deliveredSeq``, ``unread``, ``mentions`` are the caller's: events do not have them.

    ``keyVersion`` is that of the key which seals what is written now, 0 where nothing is sealed.
    """

    name = fields.String(allow_none=True)
    description = fields.String(allow_none=True)
    classId = Id(allow_none=True)
    teamId = Id(allow_none=True)
    directKey = fields.String(allow_none=True)
    lastMessage: fields.Field[Any] = fields.Nested(LastMessage, allow_none=True)
    lastMessageAt = moment(allow_none=True)
    archivedAt = moment(allow_none=True)
    readSeq = count()
    deliveredSeq = count()
    unread = count()
    mentions = count()
