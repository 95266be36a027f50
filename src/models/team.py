from __future__ import annotations

from typing import Final

from beanie import PydanticObjectId
from pydantic import Field

from .record import SchoolRecord, index

MAX_GROUPS: Final = 20
"""Position groups of a team."""


class Team(SchoolRecord):
    """People who play together. ``positionGroups`` are what its members may be put in, such as goalkeepers.

    ``changes`` grows whenever somebody comes to it, leaves it, or becomes something else in it: see
    hooks/following.py.
    """

    name: str
    description: str | None = None
    position_groups: list[str] = Field(default_factory=list[str])
    created_by: PydanticObjectId
    changes: int = 0

    class Settings:
        name = "teams"
        indexes = [index("schoolId", "name", unique=True)]  # noqa: RUF012 - beanie's form
