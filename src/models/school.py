from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel

from .conversation import Kind
from .quiet_hours import QuietHours
from .record import Record, index


class SchoolSettings(BaseModel):
    """What a school decides for itself: minutes to edit a message in (None: no end), people in a group.

    Messages are kept for ``retentionDays`` (None: for ever), in conversations of a kind that ``retention``
    names for as many days as it says. Nobody is disturbed in the ``quietHours``, by the clocks of the
    school's time zone.
    """

    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True, extra="forbid")

    edit_window_minutes: int | None = Field(default=None, ge=0)
    retention_days: int | None = Field(default=None, ge=1)
    retention: dict[Kind, Annotated[int, Field(ge=1)] | None] = Field(
        default_factory=dict[Kind, Annotated[int, Field(ge=1)] | None]
    )
    max_group_members: int = Field(default=1000, ge=2, le=5000)
    quiet_hours: QuietHours | None = None


class School(Record):
    """``adminChanges`` grows whenever it may lose an admin: see hooks/leaving.py."""

    name: str
    slug: str
    timezone: str = "UTC"
    settings: SchoolSettings = Field(default_factory=SchoolSettings)
    admin_changes: int = 0

    class Settings:
        name = "schools"
        indexes = [index("slug", unique=True)]  # noqa: RUF012 - beanie's form
