from __future__ import annotations

from datetime import datetime
from typing import Literal

from beanie import PydanticObjectId

from .record import SchoolRecord, index

Level = Literal["all", "mentions", "none"]


class NotificationPreference(SchoolRecord):
    """What a user wants to be disturbed by: every message, those that mention the user, or none.

    Who has never said so has no record, and the defaults. ``digestedAt`` is when the user was last written a
    mail about what is unread.
    """

    user_id: PydanticObjectId
    level: Level = "all"
    during_quiet_hours: bool = False
    sound: bool = True
    email_digest: bool = False
    digested_at: datetime | None = None

    class Settings:
        name = "notification-preferences"
        indexes = [index("userId", unique=True)]  # noqa: RUF012 - beanie's form
