from __future__ import annotations

from marshmallow import Schema, fields

from ...core.schema import Id, count, moment
from ...hooks.jobs import JobQuery, JobResult


class ExportData(Schema):
    """``userId`` is whose data it is, for admins; without it, one's own."""

    userId = Id()


class ExportName(Schema):
    exportId = Id(required=True)


class ExportQuery(JobQuery):
    size = count(dump_only=True)
    expiresAt = moment(dump_only=True)


class ExportResult(JobResult):
    """``done`` of ``total`` records; ``size`` in bytes. At ``expiresAt`` it is gone."""

    size = count(allow_none=True)
    expiresAt = moment(allow_none=True)


class Link(Schema):
    """The path ``url`` gives the archive once, until ``expiresAt``, to whoever asks for it."""

    url = fields.String(required=True)
    expiresAt = moment(required=True)
