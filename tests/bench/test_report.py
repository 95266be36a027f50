from __future__ import annotations

from stonechat.bench import Plan, Report
from stonechat.bench.figures import Figures, Sample


def report(minutes: int, mib_a_minute: float, growth: float | None = None) -> Report:
    """Of a server that first grows by 100 MiB in five minutes, and then by so many a minute."""
    figures = Figures(delivered=1)
    for seconds in range(0, minutes * 60 + 1, 5):
        settled = min(seconds, 300) / 3
        mib = 100 + settled + max(seconds - 300, 0) / 60 * mib_a_minute
        figures.samples.append(Sample(seconds=seconds, rss_kib=round(mib * 1024)))
    return Report(Plan(growth=growth), figures, lasted=minutes * 60.0, own_cpu=0.1)


def test_memory_that_stays_the_same_after_five_minutes_does_not_grow() -> None:
    assert report(30, 0, growth=0).growth == 0
    assert report(30, 0, growth=0).failures() == []


def test_growth_is_from_the_sixth_minute_to_the_last() -> None:
    assert report(15, 2).growth == 18
    assert report(15, 2).failures() == []
    assert report(15, 2, growth=10).failures() == ["the server grew by 18.0 MiB, more than 10 MiB"]


def test_of_a_short_measurement_no_growth_is_known() -> None:
    assert report(6, 2, growth=0).growth is None
    assert report(6, 2, growth=0).failures() == []
