from __future__ import annotations

from datetime import datetime
from typing import Literal

from beanie import PydanticObjectId

from .record import SchoolRecord, index

Reason = Literal["bullying", "spam", "danger", "inappropriate", "other"]
ReportState = Literal["open", "resolved"]
Resolution = Literal["dismissed", "hidden", "warned", "suspended"]


class Report(SchoolRecord):
    """Somebody finds that a message breaks the rules; ``authorId`` is who wrote it.

    ``note`` is the reporter's, ``resolutionNote`` that of who resolved it. The message itself is not copied:
    once it is erased, no report still says it.
    """

    message_id: PydanticObjectId
    conversation_id: PydanticObjectId
    author_id: PydanticObjectId
    reporter_id: PydanticObjectId
    reason: Reason
    note: str | None = None
    state: ReportState = "open"
    resolution: Resolution | None = None
    resolution_note: str | None = None
    suspend_until: datetime | None = None
    resolved_by: PydanticObjectId | None = None
    resolved_at: datetime | None = None

    class Settings:
        name = "reports"
        indexes = [  # noqa: RUF012 - beanie's form
            index("messageId", "reporterId", unique=True),
            # The queue as admins, managers of conversations and reporters see it.
            index("schoolId", "state", "createdAt"),
            index("conversationId", "state", "createdAt"),
            index("reporterId", "state", "createdAt"),
            index("authorId"),  # for an author who is erased
        ]
