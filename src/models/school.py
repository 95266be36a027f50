from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel

from .record import Record, index


class SchoolSettings(BaseModel):
    """What a school decides for itself: minutes to edit a message in (None: no end), people in a group.

    ``retentionDays`` is own code's to set: nothing removes old messages yet.
    """

    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True, extra="forbid")

    edit_window_minutes: int | None = Field(default=None, ge=0)
    retention_days: int | None = Field(default=None, ge=1)
    max_group_members: int = Field(default=1000, ge=2, le=5000)


class School(Record):
    name: str
    slug: str
    timezone: str = "UTC"
    settings: SchoolSettings = Field(default_factory=SchoolSettings)

    class Settings:
        name = "schools"
        indexes = [index("slug", unique=True)]  # noqa: RUF012 - beanie's form
