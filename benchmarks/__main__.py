"""The command line: ``python -m benchmarks --help``."""

from __future__ import annotations

import argparse
import json
import platform
import resource
import shutil
import signal
import sys
from collections.abc import Sequence
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path
from types import FrameType
from typing import Any, Final

from . import micro
from .results import HEADER, Result, table
from .servers import FEATHERS_FOLDER, NODE, STONECHAT, ServerError, two_cpus
from .workloads import WORKLOADS, LoadError, Run, Workload, run

MICRO: Final = "micro"
NAMES: Final = (*(workload.name for workload in WORKLOADS), MICRO)
PACKAGES: Final = ("starlette", "uvicorn", "uvloop", "websockets", "python-socketio", "orjson")
OPEN_FILES: Final = 4096


def main(arguments: Sequence[str] | None = None) -> None:
    options = _parser().parse_args(arguments)
    chosen = [workload for workload in WORKLOADS if workload.name in options.workload]
    seconds, warmup, rounds = (1.0, 0.5, 2) if options.quick else (4.0, 1.0, 4)
    rounds = options.repeat or rounds
    if shutil.which(NODE) is None:
        sys.exit("benchmarks: node is not on the PATH; the load generator needs Node.js 20 or later")
    if not (FEATHERS_FOLDER / "node_modules").exists():
        sys.exit("benchmarks: `make bench` installs the Feathers peer; by hand: npm ci in its folder")
    signal.signal(signal.SIGTERM, _terminated)
    _raise_open_files()
    report: dict[str, Any] = {"environment": _environment(), "workloads": {}, "micro": {}}
    results: list[Result] = []
    try:
        for workload in chosen:
            compared = _compare(workload, rounds, seconds=seconds, warmup=warmup)
            results += compared
            report["workloads"][workload.name] = {one.peer.name: _as_json(one) for one in compared}
    except (LoadError, ServerError) as error:
        sys.exit(f"benchmarks: {error}")
    except KeyboardInterrupt:
        sys.exit(130)
    if results:
        print(table([HEADER, *(result.row() for result in results)]))
    if MICRO in options.workload:
        report["micro"] = micro.measure(rounds * 2)
        print("\n" * bool(results) + _micro_table(report["micro"]))
    if options.json is not None:
        options.json.write_text(json.dumps(report, indent=2) + "\n")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks",
        description="Compare Stonechat with Feathers, plain Starlette and stock python-socketio, in one run.",
    )
    parser.add_argument("--quick", action="store_true", help="short runs: a first impression in two minutes")
    parser.add_argument(
        "--workload",
        nargs="+",
        choices=NAMES,
        default=NAMES,
        metavar="NAME",
        help=f"only these: {', '.join(NAMES)}",
    )
    parser.add_argument(
        "--repeat", type=_positive, metavar="N", help="runs of each side; default: 4, 2 with --quick"
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="write every run there too")
    return parser


def _compare(workload: Workload, rounds: int, *, seconds: float, warmup: float) -> list[Result]:
    """All servers in each round, the other way round in every second one: A B C C B A."""
    servers = (STONECHAT, *workload.peers)
    runs: dict[str, list[Run]] = {server.name: [] for server in servers}
    for number in range(rounds):
        for server in servers if number % 2 == 0 else reversed(servers):
            one = run(workload, server, seconds=seconds, warmup=warmup)
            runs[server.name].append(one)
            _tell(f"{workload.name} {number + 1}/{rounds} {server.name}: {one.rate:,.0f} {workload.unit}")
    return [Result(workload, peer, runs[STONECHAT.name], runs[peer.name]) for peer in workload.peers]


def _as_json(result: Result) -> dict[str, Any]:
    return {
        "unit": result.workload.unit,
        "ratio": result.ratio,
        "range": result.range,
        "cpuRatio": result.cpu_ratio,
        "noise": result.noise,
        "runs": [asdict(one) for one in (*result.ours, *result.theirs)],
    }


def _micro_table(best: dict[str, dict[str, float]]) -> str:
    rows = ((name, f"{cost['stonechat']:.2f}", f"{cost['feathers']:.2f}") for name, cost in best.items())
    return table([("an internal get, µs", "stonechat", "feathers"), *rows])


def _environment() -> dict[str, Any]:
    server_cpu, load_cpu = two_cpus()
    if server_cpu == load_cpu:
        _tell("this machine has one CPU: the load takes what the server needs, read the ratios only")
    versions = {name: version(name) for name in PACKAGES}
    return {"python": platform.python_version(), "machine": platform.machine(), "packages": versions}


def _raise_open_files() -> None:
    """The sockets of a room of 1,000 need more files than some systems allow at first."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = OPEN_FILES if hard == resource.RLIM_INFINITY else min(OPEN_FILES, hard)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def _terminated(number: int, frame: FrameType | None) -> None:
    """Leave through the blocks that stop what was started."""
    sys.exit(128 + number)


def _tell(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def _positive(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError("must be a number from 1")
    return int(text)


main()
