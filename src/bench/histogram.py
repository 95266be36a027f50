"""How long things took, in memory that does not grow with their number."""

from __future__ import annotations

import math
from typing import Final

PRECISION_BITS: Final = 5
SUB_BUCKETS: Final = 1 << PRECISION_BITS
LONGEST: Final = 1 << 36  # microseconds, 19 hours
BUCKETS: Final = (LONGEST.bit_length() - PRECISION_BITS) * SUB_BUCKETS + SUB_BUCKETS


class Histogram:
    """Counts of microseconds: exact below 64, in buckets no wider than a 32nd of their beginning above."""

    __slots__ = ("_counts", "count", "longest")

    def __init__(self) -> None:
        self._counts = [0] * BUCKETS
        self.count = 0
        self.longest = 0

    def add(self, microseconds: int) -> None:
        value = min(max(microseconds, 0), LONGEST)
        shift = max(value.bit_length() - PRECISION_BITS - 1, 0)
        self._counts[(shift << PRECISION_BITS) + (value >> shift)] += 1
        self.count += 1
        self.longest = max(self.longest, value)

    def quantile(self, share: float) -> int | None:
        """What ``share`` of the values did not exceed, at most a 32nd too much; None of no values."""
        if self.count == 0:
            return None
        wanted, seen = max(1, math.ceil(share * self.count)), 0
        for index, count in enumerate(self._counts):
            seen += count
            if seen >= wanted:
                return min(_last_of(index), self.longest)
        return self.longest

    def clear(self) -> None:
        self._counts = [0] * BUCKETS
        self.count = self.longest = 0


def _last_of(index: int) -> int:
    """The greatest value that is counted in a bucket."""
    shift = max((index >> PRECISION_BITS) - 1, 0)
    return ((index - (shift << PRECISION_BITS) + 1) << shift) - 1
