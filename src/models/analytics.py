from __future__ import annotations

from datetime import datetime
from typing import Final

from beanie import PydanticObjectId
from pydantic import BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel

from .conversation import KINDS, Kind
from .record import SchoolRecord, index, now

COUNTED: Final[tuple[Kind, ...]] = tuple(kind for kind in KINDS if kind != "direct")
"""The kinds of conversations that have numbers: how much two people write to each other is theirs."""


class Day(BaseModel):
    """``day`` as in 2026-11-21, by the clocks of the school."""

    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True)

    day: str
    messages: int


class Week(BaseModel):
    """``week`` is its Monday."""

    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True)

    week: str
    messages: int


class Analytics(SchoolRecord):
    """How many messages people have written in a conversation: those of the system do not count.

    ``days`` and ``weeks`` are the newest with any messages, in their order; ``earlierMessages`` are those
    before the first of the days. ``clock`` is the newest ``seq`` that is counted, ``copiedClock`` the newest
    that PostgreSQL has, with messages up to ``copiedUntil``.
    """

    conversation_id: PydanticObjectId
    total_messages: int = 0
    last_message_at: datetime | None = None
    days: list[Day] = Field(default_factory=list[Day])
    weeks: list[Week] = Field(default_factory=list[Week])
    earlier_messages: int = 0
    timezone: str
    clock: int
    counted_at: datetime = Field(default_factory=now)
    copied_clock: int = 0
    copied_until: datetime | None = None

    class Settings:
        name = "analytics"
        indexes = [  # noqa: RUF012 - beanie's form
            index("conversationId", unique=True),
            index("schoolId", "lastMessageAt"),
        ]
