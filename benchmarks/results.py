"""What the runs of one workload say together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median
from typing import Final

from .servers import Server
from .workloads import Run, Workload

LOAD_BOUND: Final = 0.95

HEADER: Final = ("workload", "unit", "stonechat", "peer", "ratio", "range", "by CPU", "noise", "peer is")


@dataclass(frozen=True, slots=True)
class Result:
    """Rounds of one workload: ``ours[i]`` and ``theirs[i]`` ran in the same round."""

    workload: Workload
    peer: Server
    ours: Sequence[Run]
    theirs: Sequence[Run]

    @property
    def ratio(self) -> float:
        return _median_rate(self.ours) / _median_rate(self.theirs)

    @property
    def range(self) -> tuple[float, float]:
        """The lowest and highest ratio of a single round."""
        ratios = [ours.rate / theirs.rate for ours, theirs in zip(self.ours, self.theirs, strict=True)]
        return min(ratios), max(ratios)

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
            self.workload.name,
            self.workload.unit,
            _figure(self.ours),
            _figure(self.theirs),
            f"{self.ratio:.2f}",
            f"{low:.2f}-{high:.2f}",
            _decimals(self.cpu_ratio),
            _decimals(self.noise),
            self.peer.name,
        )


def table(rows: Sequence[Sequence[str]]) -> str:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = ("  ".join(map(str.ljust, row, widths)).rstrip() for row in rows)
    return "\n".join(lines)


def _figure(runs: Sequence[Run]) -> str:
    """The median; with ``>`` where the load was at its limit, not the server."""
    bound = any(run.load_cpu is not None and run.load_cpu > LOAD_BOUND for run in runs)
    return f"{'>' if bound else ''}{_median_rate(runs):,.0f}"


def _median_rate(runs: Sequence[Run]) -> float:
    return median(run.rate for run in runs)


def _median_cost(runs: Sequence[Run]) -> float | None:
    costs = [run.server_microseconds for run in runs if run.server_microseconds is not None]
    return median(costs) if costs else None


def _decimals(value: float | None) -> str:
    return "-" if value is None else f"{value:.2f}"
