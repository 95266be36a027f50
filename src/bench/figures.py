"""What is counted while the load runs."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from .histogram import Histogram
from .sequence import Sequence


@dataclass(frozen=True, slots=True)
class Sample:
    """``p99_ms`` is that of the deliveries since the sample before."""

    seconds: float
    rss_kib: int | None
    cpu_seconds: float | None
    connections: int
    sent: int
    delivered: int
    p99_ms: float | None

    def row(self) -> str:
        values = (
            f"{self.seconds:.1f}",
            self.rss_kib,
            None if self.cpu_seconds is None else f"{self.cpu_seconds:.2f}",
            self.connections,
            self.sent,
            self.delivered,
            None if self.p99_ms is None else f"{self.p99_ms:.1f}",
        )
        return ",".join("" if value is None else str(value) for value in values)


SAMPLE_COLUMNS = "seconds,rss_kib,cpu_seconds,connections,sent,delivered,p99_ms"


@dataclass(slots=True)
class Figures:
    """``late_sends`` is how far behind its own schedule the load was: what this process adds to a latency."""

    connects: Histogram = field(default_factory=Histogram)
    acknowledgements: Histogram = field(default_factory=Histogram)
    deliveries: Histogram = field(default_factory=Histogram)
    recent: Histogram = field(default_factory=Histogram)
    late_sends: Histogram = field(default_factory=Histogram)
    errors: Counter[str] = field(default_factory=Counter[str])
    samples: list[Sample] = field(default_factory=list[Sample])
    connect_failures: int = 0
    sent: int = 0
    acknowledged: int = 0
    delivered: int = 0
    read: int = 0
    abandoned: int = 0
    duplicates: int = 0
    gaps: int = 0
    out_of_order: int = 0
    reconnects: int = 0
    left_and_added: int = 0

    def close_stay(self, sequence: Sequence) -> None:
        """Add up what a client saw of its conversation while it was there."""
        self.duplicates += sequence.duplicates
        self.gaps += len(sequence.missing)
        self.out_of_order += sequence.late
