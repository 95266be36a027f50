from __future__ import annotations

from beanie import PydanticObjectId

from .record import SchoolRecord, index


class Block(SchoolRecord):
    """``userId`` wants no contact with ``blockedId``, who is not told of it."""

    user_id: PydanticObjectId
    blocked_id: PydanticObjectId

    class Settings:
        name = "blocks"
        indexes = [  # noqa: RUF012 - beanie's form
            index("userId", "blockedId", unique=True),
            index("blockedId", "userId"),
        ]
