from __future__ import annotations

from typing import Any

from marshmallow import Schema, fields

from ...core.schema import Id, choice, count, moment
from ...models.conversation import KINDS
from ...models.member import MEMBER_ROLES
from ...models.user import ROLES


class TotalsData(Schema):
    """``kind`` counts the conversations of that kind alone."""

    kind = choice(KINDS)


class LastMessage(Schema):
    """``content`` is the beginning of the newest message's; None once it is removed."""

    seq = count()
    senderId = Id(allow_none=True)
    type = fields.String()
    content = fields.String(allow_none=True)
    createdAt = moment()


class Other(Schema):
    """Whom one talks with in a direct conversation."""

    _id = Id()
    name = fields.String()
    role = choice(ROLES)
    avatar = fields.String(allow_none=True)


class InboxRow(Schema):
    """A conversation, and the caller's place in it.

    ``unread`` counts the messages after ``readSeq`` but one's own and those that are gone; ``mentions``
    those among them that mention the caller, the caller's role or everybody.
    """

    _id = Id(dump_only=True)
    schoolId = Id(dump_only=True)
    kind = choice(KINDS)
    name = fields.String(allow_none=True, dump_only=True)
    description = fields.String(allow_none=True, dump_only=True)
    classId = Id(allow_none=True, dump_only=True)
    teamId = Id(allow_none=True)
    teamRoles = fields.List(fields.String(), dump_only=True)
    positionGroups = fields.List(fields.String(), dump_only=True)
    createdBy = Id(dump_only=True)
    clock = count(dump_only=True)
    revision = count(dump_only=True)
    lastMessage: fields.Field[Any] = fields.Nested(LastMessage, allow_none=True, dump_only=True)
    lastMessageAt = moment(allow_none=True, dump_only=True)
    memberCount = count(dump_only=True)
    archivedAt = moment(allow_none=True, dump_only=True)
    createdAt = moment(dump_only=True)
    keyVersion = count(dump_only=True)
    role = choice(MEMBER_ROLES, dump_only=True)
    readSeq = count(dump_only=True)
    deliveredSeq = count(dump_only=True)
    mutedUntil = moment(allow_none=True, dump_only=True)
    muted = fields.Boolean(dump_only=True)
    unread = count(dump_only=True)
    mentions = count(dump_only=True)
    other: fields.Field[Any] = fields.Nested(Other, allow_none=True, dump_only=True)


class InboxQuery(InboxRow):
    """What is archived is left out unless ``archived`` is true."""

    archived = fields.Boolean()


class InboxResult(InboxRow):
    """What find answers with."""


class Sums(Schema):
    unread = count(required=True)
    mentions = count(required=True)
    conversations = count(required=True)


class Totals(Sums):
    """Of all conversations that are not archived; what is muted counts in ``muted`` only.

    ``conversations`` is how many have something unread.
    """

    muted: fields.Field[Any] = fields.Nested(Sums, required=True)
