from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, strategies as st
from pydantic import ValidationError

from stonechat.models.quiet_hours import DAYS, QuietHours, is_quiet

BERLIN = "Europe/Berlin"
MINUTE = timedelta(minutes=1)
DAY_MINUTES = 24 * 60


def hours_of(start: str, end: str, days: list[str] | None = None) -> QuietHours:
    return QuietHours.model_validate({"from": start, "to": end, "days": days})


NIGHT = hours_of("21:00", "07:00")
clocks = st.times().map(lambda one: f"{one:%H:%M}")
hours = (
    st.tuples(clocks, clocks, st.none() | st.lists(st.sampled_from(DAYS), min_size=1, unique=True))
    .filter(lambda one: one[0] != one[1])
    .map(lambda one: hours_of(one[0], one[1], one[2]))
)
# Around both changes of the clocks, and anywhere in the year.
instants = st.one_of(
    *(
        st.integers(0, length).map(lambda by, first=first: first + by * MINUTE)  # type: ignore[misc]
        for first, length in (
            (datetime(2026, 3, 27, 1, tzinfo=UTC), 4 * DAY_MINUTES),
            (datetime(2026, 10, 23, 1, tzinfo=UTC), 4 * DAY_MINUTES),
            (datetime(2026, 1, 1, tzinfo=UTC), 365 * DAY_MINUTES),
        )
    )
)


def by_the_clock(quiet: QuietHours, timezone: str, at: datetime) -> bool:
    """What somebody says who has watched the clock for hours, and never goes back in the day's plan."""
    zone = ZoneInfo(timezone)
    shown = max((at - back * MINUTE).astimezone(zone).replace(tzinfo=None) for back in range(180))
    for day in (shown.date(), shown.date() - timedelta(days=1)):
        begins = datetime.combine(day, time.fromisoformat(quiet.start))
        ends = datetime.combine(day, time.fromisoformat(quiet.end))
        if ends <= begins:
            ends += timedelta(days=1)
        if (quiet.days is None or DAYS[day.weekday()] in quiet.days) and begins <= shown < ends:
            return True
    return False


def minutes_of(quiet: QuietHours, timezone: str, day: date) -> int:
    """For how long it is quiet between noon of a day and noon of the next."""
    noon = datetime.combine(day, time(12), ZoneInfo(timezone)).astimezone(UTC)
    next_noon = datetime.combine(day + timedelta(days=1), time(12), ZoneInfo(timezone)).astimezone(UTC)
    return sum(
        is_quiet(quiet, timezone, noon + minute * MINUTE) for minute in range((next_noon - noon) // MINUTE)
    )


@given(hours, instants)
def test_it_is_quiet_when_the_clock_on_the_wall_says_so(quiet: QuietHours, at: datetime) -> None:
    assert is_quiet(quiet, BERLIN, at) == by_the_clock(quiet, BERLIN, at)


@given(hours, instants)
def test_the_same_moment_is_quiet_however_it_is_written(quiet: QuietHours, at: datetime) -> None:
    for zone in ("UTC", BERLIN, "America/St_Johns", "Pacific/Auckland"):
        assert is_quiet(quiet, BERLIN, at.astimezone(ZoneInfo(zone))) == is_quiet(quiet, BERLIN, at)


@given(hours, instants)
def test_nights_of_all_days_together_are_every_night(quiet: QuietHours, at: datetime) -> None:
    each = [quiet.model_copy(update={"days": [day]}) for day in DAYS]
    every = quiet.model_copy(update={"days": None})
    assert is_quiet(every, BERLIN, at) == any(is_quiet(one, BERLIN, at) for one in each)


@given(instants)
def test_a_school_without_quiet_hours_is_never_quiet(at: datetime) -> None:
    assert not is_quiet(None, BERLIN, at)


@pytest.mark.parametrize(
    ("clock", "quiet"),
    [("20:59", False), ("21:00", True), ("23:59", True), ("00:00", True), ("06:59", True), ("07:00", False)],
)
def test_a_night_goes_over_midnight(clock: str, quiet: bool) -> None:
    at = datetime.combine(date(2026, 5, 6), time.fromisoformat(clock), ZoneInfo(BERLIN))
    assert is_quiet(NIGHT, BERLIN, at) is quiet


def test_a_night_belongs_to_the_day_that_it_begins_on() -> None:
    fridays = hours_of("21:00", "07:00", ["friday"])
    friday, saturday = (
        datetime(2026, 5, 8, tzinfo=ZoneInfo(BERLIN)),
        datetime(2026, 5, 9, tzinfo=ZoneInfo(BERLIN)),
    )
    assert not is_quiet(fridays, BERLIN, friday.replace(hour=6))
    assert is_quiet(fridays, BERLIN, friday.replace(hour=22))
    assert is_quiet(fridays, BERLIN, saturday.replace(hour=6))
    assert not is_quiet(fridays, BERLIN, saturday.replace(hour=22))


@pytest.mark.parametrize(
    ("day", "length"),
    [(date(2026, 3, 27), 10), (date(2026, 3, 28), 9), (date(2026, 10, 23), 10), (date(2026, 10, 24), 11)],
)
def test_the_nights_in_which_the_clocks_change_are_shorter_and_longer(day: date, length: int) -> None:
    assert minutes_of(NIGHT, BERLIN, day) == length * 60


def test_what_the_clocks_leave_out_ends_when_they_jump() -> None:
    until_half_past_two = hours_of("22:00", "02:30")
    jump = datetime(2026, 3, 29, 1, tzinfo=UTC)
    assert is_quiet(until_half_past_two, BERLIN, jump - MINUTE)
    assert not is_quiet(until_half_past_two, BERLIN, jump)


def test_what_the_clocks_show_twice_begins_once() -> None:
    from_half_past_two = hours_of("02:30", "06:00")
    first = datetime(2026, 10, 25, 0, 30, tzinfo=UTC)
    assert not is_quiet(from_half_past_two, BERLIN, first - MINUTE)
    assert all(is_quiet(from_half_past_two, BERLIN, first + minute * MINUTE) for minute in range(4 * 60 + 30))
    assert not is_quiet(from_half_past_two, BERLIN, datetime(2026, 10, 25, 5, tzinfo=UTC))


@pytest.mark.parametrize(
    "wrong",
    [
        {"from": "21:00"},
        {"from": "21:00", "to": "21:00"},
        {"from": "24:00", "to": "07:00"},
        {"from": "9:00", "to": "10:00"},
        {"from": "21:00", "to": "07:00", "days": []},
        {"from": "21:00", "to": "07:00", "days": ["Mon"]},
    ],
)
def test_what_is_no_time_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        QuietHours.model_validate(wrong)
