"""What the figures are to reach, and whether they do."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from .results import Result
from .servers import FEATHERS, SOCKETIO, SOCKETIO_NODE, Server

# Ours beside a peer, by the name of the measure: at least so many times as good.
RATIOS: Final[tuple[tuple[str, Server, float], ...]] = (
    ("sock_create", FEATHERS, 1.0),
    ("room_100", SOCKETIO, 5.0),
    ("room_1000", SOCKETIO, 5.0),
    ("rooms_33", SOCKETIO, 4.0),
    *((room, FEATHERS, 1.5) for room in ("room_100", "room_1000", "rooms_33")),
    *((room, SOCKETIO_NODE, 1.0) for room in ("room_100", "room_1000", "rooms_33")),
    ("storm", SOCKETIO_NODE, 1.0),
)
# At most so much, in the unit of the measure.
LIMITS: Final = (("idle", 25.0), ("idle_cpu", 600.0))
STALL_MILLISECONDS: Final = 25.0
AUDIENCE_GROWTH: Final = 1.5


@dataclass(frozen=True, slots=True)
class Verdict:
    goal: str
    seen: float
    reached: bool

    def row(self) -> tuple[str, str, str]:
        return ("PASS" if self.reached else "MISS", self.goal, f"{self.seen:.2f}")


def verdicts(results: Sequence[Result]) -> list[Verdict]:
    """One for each goal of what was measured."""
    found = {(result.measure.name, result.peer): result for result in results}
    first = {result.measure.name: result for result in reversed(results)}
    ratios = (_ratio(found[name, peer], least) for name, peer, least in RATIOS if (name, peer) in found)
    limits = (_limit(first[name], most) for name, most in LIMITS if name in first)
    # Measures of the same runs share their stalls.
    stalls = {result.workload.name: result for result in reversed(results) if result.stall is not None}
    return [*ratios, *limits, *(_stall(result) for result in reversed(stalls.values()))]


def verdicts_of_scale(sizes: dict[str, dict[str, float]]) -> list[Verdict]:
    """Of what scale.py has measured: whether finding an audience costs the same among many more."""
    if "audience" not in sizes:
        return []
    few, many = sizes["audience"].values()
    goal = f"audience: grown by less than {AUDIENCE_GROWTH:g}"
    return [Verdict(goal, many / few, many / few < AUDIENCE_GROWTH)]


def _ratio(result: Result, least: float) -> Verdict:
    goal = f"{result.measure.name}: {least:g} times as good as {result.peer.name}, or better"
    return Verdict(goal, result.ratio, result.ratio >= least)


def _limit(result: Result, most: float) -> Verdict:
    return Verdict(
        f"{result.measure.name}: {most:g} {result.measure.unit} at most",
        result.ours_median,
        result.ours_median <= most,
    )


def _stall(result: Result) -> Verdict:
    seen = result.stall or 0.0
    return Verdict(
        f"{result.workload.name}: {STALL_MILLISECONDS:g} ms of stall at most",
        seen,
        seen <= STALL_MILLISECONDS,
    )
