from __future__ import annotations

from datetime import datetime

from beanie import PydanticObjectId

from .record import SchoolRecord, index


class ConductWarning(SchoolRecord):
    """What a user is told about the own conduct, perhaps about a message; ``issuedBy`` is who tells it."""

    user_id: PydanticObjectId
    text: str
    message_id: PydanticObjectId | None = None
    issued_by: PydanticObjectId
    acknowledged_at: datetime | None = None

    class Settings:
        name = "warnings"
        indexes = [  # noqa: RUF012 - beanie's form
            index("userId", "createdAt"),
            index("schoolId", "createdAt"),
        ]
