from __future__ import annotations

from typing import get_args

from marshmallow import Schema, fields

from ...core.schema import Id, choice, count, moment
from ...models.job import JobState

STATES = get_args(JobState)


class ErasureData(Schema):
    userId = Id(required=True)


class ErasureQuery(Schema):
    _id = Id()
    userId = Id()
    requestedBy = Id()
    state = choice(STATES)
    createdAt = moment()
    done = count(dump_only=True)
    total = count(dump_only=True)
    step = fields.String(dump_only=True)
    error = fields.String(dump_only=True)
    schoolId = Id(dump_only=True)
    startedAt = moment(dump_only=True)
    finishedAt = moment(dump_only=True)


class ErasureResult(ErasureQuery):
    """``done`` of ``total`` records, ``step`` being what is done now."""

    requestedBy = Id(allow_none=True)
    step = fields.String(allow_none=True)
    error = fields.String(allow_none=True)
    startedAt = moment(allow_none=True)
    finishedAt = moment(allow_none=True)
