from __future__ import annotations

from marshmallow import Schema, fields

from ...core.schema import Id
from ...hooks.jobs import JobQuery, JobResult


class ErasureData(Schema):
    userId = Id(required=True)


class ErasureQuery(JobQuery):
    step = fields.String(dump_only=True)


class ErasureResult(JobResult):
    """``done`` of ``total`` records, ``step`` being what is done now."""

    step = fields.String(allow_none=True)
