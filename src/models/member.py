from __future__ import annotations

from datetime import datetime
from typing import Literal

from beanie import PydanticObjectId
from pydantic import Field

from .record import SchoolRecord, index, now

MemberRole = Literal["member", "moderator", "admin"]


class Member(SchoolRecord):
    """Somebody's place in a conversation, with the cursors that receipts are derived from.

    ``deliveredSeq`` and ``readSeq`` only ever grow.
    """

    conversation_id: PydanticObjectId
    user_id: PydanticObjectId
    role: MemberRole = "member"
    joined_at: datetime = Field(default_factory=now)
    delivered_seq: int = 0
    read_seq: int = 0
    read_at: datetime | None = None
    muted_until: datetime | None = None

    class Settings:
        name = "members"
        indexes = [  # noqa: RUF012 - beanie's form
            index("conversationId", "userId", unique=True),
            index("userId", "conversationId"),
        ]
