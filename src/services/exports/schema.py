from __future__ import annotations

from typing import get_args

from marshmallow import Schema, fields

from ...core.schema import Id, choice, count, moment
from ...models.job import JobState

STATES = get_args(JobState)


class ExportData(Schema):
    """``userId`` is whose data it is, for admins; without it, one's own."""

    userId = Id()


class ExportName(Schema):
    exportId = Id(required=True)


class ExportQuery(Schema):
    _id = Id()
    userId = Id()
    requestedBy = Id()
    state = choice(STATES)
    createdAt = moment()
    done = count(dump_only=True)
    total = count(dump_only=True)
    schoolId = Id(dump_only=True)
    error = fields.String(dump_only=True)
    size = count(dump_only=True)
    startedAt = moment(dump_only=True)
    finishedAt = moment(dump_only=True)
    expiresAt = moment(dump_only=True)


class ExportResult(ExportQuery):
    """``done`` of ``total`` records; ``size`` in bytes. At ``expiresAt`` it is gone."""

    requestedBy = Id(allow_none=True)
    error = fields.String(allow_none=True)
    size = count(allow_none=True)
    startedAt = moment(allow_none=True)
    finishedAt = moment(allow_none=True)
    expiresAt = moment(allow_none=True)


class Link(Schema):
    """The path ``url`` gives the archive once, until ``expiresAt``, to whoever asks for it."""

    url = fields.String(required=True)
    expiresAt = moment(required=True)
