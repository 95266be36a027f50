"""What clients that stop reading cost the server, and those who go on: ``python -m benchmarks.slow``."""

from __future__ import annotations

import argparse
from statistics import median
from typing import Any, Final

from .results import table
from .servers import STONECHAT
from .workloads import load

READERS: Final = 500
STOPPED: Final = (0, 1, 10)
RATE: Final = 20  # messages a second
BYTES: Final = 4000  # of a message: the system takes some hundred KiB before anything waits in the server
SECONDS: Final = 12
HEADER: Final = (
    *(
        "stopped",
        "p50, ms",
        "p99, ms",
        "noticed after, s",
        "gone after, s",
        "one of them, KiB",
        "the server, KiB",
    ),
    *("stall, CPU ms", "noise"),
)


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.slow",
        description=f"A room of {READERS} readers, without and with others in it who have stopped reading.",
    )
    parser.add_argument("--repeat", type=int, default=3, metavar="N", help="runs of each; default: 3")
    rounds = parser.parse_args().repeat
    seen: dict[int, list[dict[str, Any]]] = {stopped: [] for stopped in STOPPED}
    for number in range(rounds):
        for stopped in STOPPED if number % 2 == 0 else reversed(STOPPED):
            seen[stopped].append(load("slow", STONECHAT, _settings(stopped)))
    print(table([HEADER, *(_row(stopped, runs) for stopped, runs in seen.items())]))


def _settings(stopped: int) -> dict[str, float]:
    return {"readers": READERS, "stopped": stopped, "rate": RATE, "bytes": BYTES, "seconds": SECONDS}


def _row(stopped: int, runs: list[dict[str, Any]]) -> tuple[str, ...]:
    """Latencies are medians of the runs, all else is of the worst one."""
    return (
        str(stopped),
        f"{median(run['p50'] for run in runs):.1f}",
        f"{median(run['p99'] for run in runs):.1f}",
        _seconds([run["noticed"] for run in runs]) if stopped else "-",
        _seconds([run["gone"] for run in runs]) if stopped else "-",
        f"{max(run['queued'] for run in runs) / 1024:.0f}",
        f"{max(run['memory'] for run in runs):.0f}",
        f"{max(run['stall']['cpu'] for run in runs):.0f}",
        "-" if runs[0]["noise"] is None else f"{max(run['noise'] for run in runs):.2f}",
    )


def _seconds(milliseconds: list[float | None]) -> str:
    """The longest; None is never."""
    known = [each for each in milliseconds if each is not None]
    return f"{max(known) / 1000:.1f}" if len(known) == len(milliseconds) else "never"


if __name__ == "__main__":
    main()
