"""What is counted while the load runs."""

from __future__ import annotations

from collections import Counter
from dataclasses import astuple, dataclass, field, fields

from .histogram import Histogram
from .sequence import Sequence


@dataclass(frozen=True, slots=True)
class Sample:
    """What is so at a moment, or has been counted until then.

    ``p50_ms`` and ``p99_ms`` are those of the deliveries since the sample before; ``database_`` is the
    MongoDB that was started for the measurement.
    """

    seconds: float
    rss_kib: int | None = None
    cpu_seconds: float | None = None
    connections: int = 0
    sent: int = 0
    delivered: int = 0
    p50_ms: float | None = None
    p99_ms: float | None = None
    errors: int = 0
    duplicates: int = 0
    gaps: int = 0
    reconnects: int = 0
    left_and_added: int = 0
    database_rss_kib: int | None = None
    database_cpu_seconds: float | None = None

    def row(self) -> str:
        return ",".join(_cell(value) for value in astuple(self))


SAMPLE_COLUMNS = ",".join(field.name for field in fields(Sample))


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


def _cell(value: float | None) -> str:
    if value is None:
        return ""
    return f"{value:.2f}" if isinstance(value, float) else str(value)
