from __future__ import annotations

import math

from hypothesis import given, strategies as st

from stonechat.bench.histogram import LONGEST, Histogram

VALUES = st.lists(st.integers(min_value=0, max_value=LONGEST), min_size=1, max_size=200)
SHARES = st.floats(min_value=0, max_value=1)


@given(VALUES, SHARES)
def test_a_quantile_is_that_of_the_sorted_values_or_a_32nd_more(values: list[int], share: float) -> None:
    histogram = Histogram()
    for value in values:
        histogram.add(value)

    exact = sorted(values)[max(1, math.ceil(share * len(values))) - 1]
    found = histogram.quantile(share)

    assert found is not None
    assert exact <= found <= exact + exact / 32
    assert histogram.longest == max(values)
    assert histogram.count == len(values)


def test_of_no_values_there_is_no_quantile() -> None:
    histogram = Histogram()
    histogram.add(7)
    histogram.clear()

    assert histogram.quantile(0.99) is None
    assert histogram.longest == 0


def test_what_took_longer_than_can_be_counted_is_counted_as_the_longest() -> None:
    histogram = Histogram()
    histogram.add(LONGEST * 4)
    histogram.add(-1)

    assert histogram.quantile(1) == LONGEST
    assert histogram.quantile(0) == 0
