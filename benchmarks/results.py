"""What the runs of one workload say together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median
from typing import Final

from .servers import Server
from .workloads import Measure, Run, Workload

LOAD_BOUND: Final = 0.95
FEW: Final = 100

HEADER: Final = (
    *("workload", "unit", "better", "stonechat", "peer", "ratio"),
    *("range", "by CPU", "noise", "stall", "its CPU", "peer is"),
)


@dataclass(frozen=True, slots=True)
class Result:
    """Rounds of one workload: ``ours[i]`` and ``theirs[i]`` ran in the same round.

    A ratio above 1 says that ours is better, whichever direction that is.
    """

    workload: Workload
    measure: Measure
    peer: Server
    ours: Sequence[Run]
    theirs: Sequence[Run]

    @property
    def ratio(self) -> float:
        return self._better(self.ours_median, self._median(self.theirs))

    @property
    def range(self) -> tuple[float, float]:
        """The lowest and highest ratio of a single round."""
        pairs = zip(self.ours, self.theirs, strict=True)
        ratios = [self._better(self.measure.of(ours), self.measure.of(theirs)) for ours, theirs in pairs]
        return min(ratios), max(ratios)

    @property
    def ours_median(self) -> float:
        return self._median(self.ours)

    @property
    def stall(self) -> float | None:
        """The longest of all our runs, in milliseconds."""
        return max((run.stall for run in self.ours if run.stall is not None), default=None)

    @property
    def stall_cpu(self) -> float | None:
        """The same, of what our server's loop worked itself."""
        return max((run.stall_cpu for run in self.ours if run.stall_cpu is not None), default=None)

    @property
    def cpu_ratio(self) -> float | None:
        """How much less CPU time ours takes for one operation: what the ratio is without noise."""
        ours, theirs = _median_cost(self.ours), _median_cost(self.theirs)
        return None if ours is None or theirs is None else theirs / ours

    @property
    def noise(self) -> float | None:
        """Of the worst run."""
        seen = [run.noise for run in (*self.ours, *self.theirs) if run.noise is not None]
        return max(seen, default=None)

    def row(self) -> tuple[str, ...]:
        low, high = self.range
        return (
            self.measure.name,
            self.measure.unit,
            "lower" if self.measure.lower else "higher",
            self._figure(self.ours),
            self._figure(self.theirs),
            f"{self.ratio:.2f}",
            f"{low:.2f}-{high:.2f}",
            _decimals(self.cpu_ratio),
            _decimals(self.noise),
            _whole(self.stall),
            _whole(self.stall_cpu),
            self.peer.name,
        )

    def _better(self, ours: float, theirs: float) -> float:
        return theirs / ours if self.measure.lower else ours / theirs

    def _median(self, runs: Sequence[Run]) -> float:
        return median(self.measure.of(run) for run in runs)

    def _figure(self, runs: Sequence[Run]) -> str:
        """The median; with ``>`` or ``<`` where the load was at its limit, not the server."""
        bound = any(run.load_cpu is not None and run.load_cpu > LOAD_BOUND for run in runs)
        limit = "<" if self.measure.lower else ">"
        return (limit if bound else "") + figure(self._median(runs))


def table(rows: Sequence[Sequence[str]]) -> str:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = ("  ".join(map(str.ljust, row, widths)).rstrip() for row in rows)
    return "\n".join(lines)


def figure(value: float) -> str:
    return f"{value:,.1f}" if value < FEW else f"{value:,.0f}"


def _median_cost(runs: Sequence[Run]) -> float | None:
    costs = [run.server_microseconds for run in runs if run.server_microseconds is not None]
    return median(costs) if costs else None


def _decimals(value: float | None) -> str:
    return "-" if value is None else f"{value:.2f}"


def _whole(value: float | None) -> str:
    return "-" if value is None else f"{value:.0f}"
