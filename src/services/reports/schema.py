from __future__ import annotations

from typing import Any, get_args

from marshmallow import Schema, fields

from ...core.schema import Id, choice, count, moment, text
from ...models.report import Reason, ReportState, Resolution

REASONS = get_args(Reason)
STATES = get_args(ReportState)
RESOLUTIONS = get_args(Resolution)


class ReportData(Schema):
    messageId = Id(required=True)
    reason = choice(REASONS, required=True)
    note = text(1000, allow_none=True)


class ReportPatch(Schema):
    """``suspendUntil`` is for suspensions, which need it; ``note`` is what a warned user is told."""

    resolution = choice(RESOLUTIONS, required=True)
    note = text(1000, allow_none=True)
    suspendUntil = moment(allow_none=True)


class ReportQuery(Schema):
    _id = Id()
    messageId = Id()
    conversationId = Id()
    authorId = Id()
    reporterId = Id()
    reason = choice(REASONS)
    state = choice(STATES)
    resolution = choice(RESOLUTIONS)
    resolvedAt = moment()
    createdAt = moment()
    note = fields.String(dump_only=True)
    schoolId = Id(dump_only=True)
    # Reporters must not find out by asking what they are not shown.
    resolutionNote = fields.String(dump_only=True)
    suspendUntil = moment(dump_only=True)
    resolvedBy = Id(dump_only=True)


class ReportedMessage(Schema):
    """As it is now; ``content`` is there also when the message was removed, until it is erased.

    Teachers get no ``content`` and no ``attachments`` of what was removed before the report was made.
    """

    type = fields.String()
    content = fields.String(allow_none=True)
    attachments: fields.List[Any] = fields.List(fields.Dict())
    seq = count()
    createdAt = moment()
    editedAt = moment(allow_none=True)
    deletedAt = moment(allow_none=True)


class ReportResult(ReportQuery):
    """Reporters get no ``resolvedBy``, ``resolutionNote``, ``suspendUntil`` and ``message``.

    ``message`` is what find and get show those who resolve reports.
    """

    note = fields.String(allow_none=True)
    resolution = choice(RESOLUTIONS, allow_none=True)
    resolvedAt = moment(allow_none=True)
    resolutionNote = fields.String(allow_none=True)
    suspendUntil = moment(allow_none=True)
    resolvedBy = Id(allow_none=True)
    message: fields.Field[Any] = fields.Nested(ReportedMessage, allow_none=True)
