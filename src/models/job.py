from __future__ import annotations

from datetime import datetime
from typing import Literal

from beanie import PydanticObjectId
from pymongo import IndexModel

from .record import ANY_TEXT, SchoolRecord, index

JobState = Literal["WAITING", "RUNNING", "DONE", "FAILED"]


class Job(SchoolRecord):
    """Work about a user that goes on after the call that asked for it: ``done`` of ``total`` records.

    ``runner`` is the attempt at it that is going on. ``openKey`` is there until the end, and unique: nobody
    has the same done twice at a time. ``requestedBy`` is None for the command line.
    """

    user_id: PydanticObjectId
    requested_by: PydanticObjectId | None = None
    state: JobState = "WAITING"
    done: int = 0
    total: int = 0
    error: str | None = None
    started_at: datetime | None = None
    finished_at: datetime | None = None
    runner: str | None = None
    open_key: str | None = None


def job_indexes() -> list[IndexModel]:
    return [
        index("schoolId", "createdAt"),
        index("openKey", unique=True, where={"openKey": ANY_TEXT}),
    ]
