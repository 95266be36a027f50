from __future__ import annotations

from typing import Final, Literal, get_args

from beanie import PydanticObjectId

from .record import SchoolRecord, index

TeamRole = Literal["admin", "coach", "trainer", "captain", "player", "alumni"]
TEAM_ROLES: Final[tuple[TeamRole, ...]] = get_args(TeamRole)

Right = Literal[
    "manage_team",
    "manage_channels",
    "post",
    "post_announcement",
    "moderate",
    "pin",
    "send_alert",
    "override_mute",
    "read_audit",
]
RIGHTS: Final[tuple[Right, ...]] = get_args(Right)
"""What a role may do in its team; which roles may is a table of the settings, ``teams.rights``."""


class TeamMember(SchoolRecord):
    """Somebody is in a team, as what, and in which of its position groups."""

    team_id: PydanticObjectId
    user_id: PydanticObjectId
    role: TeamRole
    position_group: str | None = None

    class Settings:
        name = "team-members"
        indexes = [  # noqa: RUF012 - beanie's form
            index("teamId", "userId", unique=True),
            index("userId", "teamId"),
            index("schoolId"),
        ]
