"""What the services of jobs have in common at the edge; ``models/jobs.py`` does the jobs."""

from __future__ import annotations

from typing import Final, get_args

from marshmallow import Schema, fields

from ..core.context import HookContext
from ..core.errors import Conflict
from ..core.schema import Id, choice, count, moment
from ..core.shapes import is_mapping
from ..models.job import JobState

OF_THE_RUNNER: Final = ("runner", "leaseUntil", "openKey")
"""Fields of a job that are no client's business; older versions wrote the second."""


class JobQuery(Schema):
    _id = Id()
    userId = Id()
    requestedBy = Id()
    state = choice(get_args(JobState))
    createdAt = moment()
    done = count(dump_only=True)
    total = count(dump_only=True)
    error = fields.String(dump_only=True)
    schoolId = Id(dump_only=True)
    startedAt = moment(dump_only=True)
    finishedAt = moment(dump_only=True)


class JobResult(JobQuery):
    requestedBy = Id(allow_none=True)
    error = fields.String(allow_none=True)
    startedAt = moment(allow_none=True)
    finishedAt = moment(allow_none=True)


def refuse_second(context: HookContext) -> None:
    """On the error of a create: says what it means that the job is there already."""
    error = context.error
    if isinstance(error, Conflict) and is_mapping(error.data) and error.data.get("index") == "openKey":
        context.error = Conflict("This is being done already", {"errors": {"userId": "is being done"}})
