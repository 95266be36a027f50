from __future__ import annotations

from datetime import datetime
from typing import Any, Literal

from beanie import PydanticObjectId
from pymongo import ASCENDING, IndexModel

from .record import ANY_MOMENT, ANY_TEXT, Record, index

TaskState = Literal["WAITING", "RUNNING", "DONE", "FAILED"]


class OwedTask(Record):
    """Work that a call has left to be done, see ``core/jobs``: of a school, or of none.

    ``dueAt`` is when any process may take it: where it is RUNNING, after the lease of ``holder`` has ended;
    None at the end. ``openKey`` is there until the end, and unique. ``again`` is what was owed under it while
    it was being done. ``error`` is why the last attempt failed. At ``expiresAt`` what has ended is forgotten.
    """

    kind: str
    key: str | None = None
    school_id: PydanticObjectId | None = None
    payload: dict[str, Any]
    state: TaskState = "WAITING"
    attempts: int = 0
    due_at: datetime | None
    holder: str | None = None
    started_at: datetime | None = None
    ended_at: datetime | None = None
    error: str | None = None
    again: dict[str, Any] | None = None
    open_key: str | None = None
    expires_at: datetime | None = None

    class Settings:
        name = "tasks"
        indexes = [  # noqa: RUF012 - beanie's form
            index("dueAt", where={"dueAt": ANY_MOMENT}),
            index("openKey", unique=True, where={"openKey": ANY_TEXT}),
            index("state", "kind"),
            IndexModel([("expiresAt", ASCENDING)], name="expiresAt", expireAfterSeconds=0),
        ]
