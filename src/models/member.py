from __future__ import annotations

from datetime import datetime
from typing import Final, Literal, get_args

from beanie import PydanticObjectId
from pydantic import Field

from .record import SchoolRecord, index, now
from .team_member import TeamRole

MemberRole = Literal["member", "moderator", "admin"]
MEMBER_ROLES: Final[tuple[MemberRole, ...]] = get_args(MemberRole)


class Member(SchoolRecord):
    """Somebody's place in a conversation, with the cursors that receipts are derived from.

    ``deliveredSeq`` and ``readSeq`` only ever grow, from ``joinedSeq``, the newest message at the time of
    joining; ``touchedAt`` is when one of them last did. ``revision`` is that of the newest change to the
    place itself. ``mutedUntil`` is the member's own wish not to be disturbed, ``silencedUntil`` a
    moderator's order not to write. ``teamRole`` is what the member is in the team whose channel this is.
    """

    conversation_id: PydanticObjectId
    user_id: PydanticObjectId
    role: MemberRole = "member"
    team_role: TeamRole | None = None
    joined_at: datetime = Field(default_factory=now)
    joined_seq: int = 0
    delivered_seq: int = 0
    read_seq: int = 0
    read_at: datetime | None = None
    touched_at: datetime = Field(default_factory=now)
    muted_until: datetime | None = None
    silenced_until: datetime | None = None
    last_sent_at: datetime | None = None
    revision: int = 0

    class Settings:
        name = "members"
        indexes = [  # noqa: RUF012 - beanie's form
            index("conversationId", "userId", unique=True),
            index("userId", "conversationId"),
            index("conversationId", "touchedAt"),
        ]
