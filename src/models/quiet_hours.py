"""The hours of the day in which a school disturbs nobody."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta, tzinfo
from typing import Annotated, Final, Literal, Self, get_args
from zoneinfo import ZoneInfo

from pydantic import BaseModel, ConfigDict, Field, model_validator

Day = Literal["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"]
DAYS: Final = get_args(Day)

HOUR_AND_MINUTE: Final = r"^([01]\d|2[0-3]):[0-5]\d$"
Clock = Annotated[str, Field(pattern=HOUR_AND_MINUTE)]

SAME_TIME: Final = "from and to are the same time"


class QuietHours(BaseModel):
    """From one time of the day until another, of the next day where that is earlier.

    ``days`` are those on which it begins to be quiet; None is every day. The times are those of the
    school's clocks.
    """

    model_config = ConfigDict(populate_by_name=True, extra="forbid")

    start: Clock = Field(alias="from")
    end: Clock = Field(alias="to")
    days: list[Day] | None = Field(default=None, min_length=1)

    @model_validator(mode="after")
    def _is_a_time(self) -> Self:
        if self.start == self.end:
            raise ValueError(SAME_TIME)
        return self


def is_quiet(quiet: QuietHours | None, timezone: str, at: datetime) -> bool:
    """Whether ``at``, an aware time, is in the quiet hours of a school in ``timezone``.

    Each night is one stretch of time, whatever the clocks do in it: it begins when they first show its
    beginning or, where that is left out in spring, a later time, and ends likewise.
    """
    if quiet is None:
        return False
    zone = ZoneInfo(timezone)
    today = at.astimezone(zone).date()
    # Clocks that go back over midnight show yesterday's date again.
    around = (today + timedelta(days=shift) for shift in (-1, 0, 1))
    return any(_is_in_night(quiet, day, zone, at) for day in around)


def _is_in_night(quiet: QuietHours, day: date, zone: tzinfo, at: datetime) -> bool:
    if quiet.days is not None and DAYS[day.weekday()] not in quiet.days:
        return False
    start, end = time.fromisoformat(quiet.start), time.fromisoformat(quiet.end)
    last_day = day if start < end else day + timedelta(days=1)
    begins, ends = datetime.combine(day, start), datetime.combine(last_day, end)
    return _has_come(begins, zone, at) and not _has_come(ends, zone, at)


def _has_come(shown: datetime, zone: tzinfo, at: datetime) -> bool:
    """Whether the clocks of ``zone`` have shown the naive time ``shown``, or a later one, by ``at``."""
    # What they show twice has come with the first time, what they leave out with the next that they show.
    first = shown.replace(tzinfo=zone).astimezone(UTC)
    return at >= first or at.astimezone(zone).replace(tzinfo=None) >= shown
