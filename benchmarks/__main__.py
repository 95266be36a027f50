"""The command line: ``python -m benchmarks --help``."""

from __future__ import annotations

import argparse
import json
import platform
import resource
import shutil
import signal
import sys
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path
from types import FrameType
from typing import Any, Final

from . import micro, scale
from .goals import Verdict, verdicts, verdicts_of_scale
from .results import HEADER, Result, figure, table
from .servers import NODE, NODE_PEERS, STONECHAT, ServerError, two_cpus
from .workloads import WORKLOADS, LoadError, Pace, Run, Workload, run

MICRO: Final = "micro"
SCALE: Final = "scale"
NAMES: Final = (*(workload.name for workload in WORKLOADS), MICRO, SCALE)
PACKAGES: Final = ("starlette", "uvicorn", "uvloop", "websockets", "python-socketio", "orjson")
OPEN_FILES: Final = 6000

Costs = dict[str, dict[str, float]]


def main(arguments: Sequence[str] | None = None) -> None:
    options = _parser().parse_args(arguments)
    chosen = [workload for workload in WORKLOADS if workload.name in options.workload]
    pace = Pace(0.5, 1.0, quick=True) if options.quick else Pace(1.0, 4.0, quick=False)
    rounds = options.repeat or (2 if options.quick else 4)
    _require_peers()
    signal.signal(signal.SIGTERM, _terminated)
    _raise_open_files()
    environment = _environment()
    try:
        results, failures = _measure(chosen, rounds, pace)
    except KeyboardInterrupt:
        sys.exit(130)
    calls = micro.measure(rounds * 2) if MICRO in options.workload else {}
    sizes = scale.measure() if SCALE in options.workload else {}
    found = [*verdicts(results), *verdicts_of_scale(sizes)]
    print("\n\n".join(_tables(results, calls, sizes, found)))
    if options.json is not None:
        report = {
            "environment": environment,
            "workloads": _by_measure(results),
            "goals": [asdict(verdict) for verdict in found],
            "micro": calls,
            "scale": sizes,
        }
        options.json.write_text(json.dumps(report, indent=2) + "\n")
    if failures:
        sys.exit("\n".join(failures))


def _require_peers() -> None:
    if shutil.which(NODE) is None:
        sys.exit("benchmarks: node is not on the PATH; the load generator needs Node.js 20 or later")
    for folder in NODE_PEERS:
        if not (folder / "node_modules").exists():
            sys.exit(f"benchmarks: `make bench` installs the peers; by hand: npm ci in {folder}")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks",
        description="Compare Stonechat with Feathers, Socket.IO, Starlette and python-socketio, in one run.",
    )
    parser.add_argument("--quick", action="store_true", help="short runs: a first impression")
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


def _measure(chosen: Sequence[Workload], rounds: int, pace: Pace) -> tuple[list[Result], list[str]]:
    """The results, and why others are missing."""
    results: list[Result] = []
    failures: list[str] = []
    for workload in chosen:
        try:
            results += _compare(workload, rounds, pace)
        except (LoadError, ServerError) as error:
            failures.append(f"benchmarks: {error}")
            _tell(failures[-1])
    return results, failures


def _compare(workload: Workload, rounds: int, pace: Pace) -> list[Result]:
    """All servers in each round, the other way round in every second one: A B C C B A."""
    servers = (STONECHAT, *workload.peers)
    runs: dict[str, list[Run]] = {server.name: [] for server in servers}
    for number in range(rounds):
        for server in servers if number % 2 == 0 else reversed(servers):
            one = run(workload, server, pace)
            runs[server.name].append(one)
            figures = ", ".join(f"{figure(measure.of(one))} {measure.unit}" for measure in workload.measures)
            _tell(f"{workload.name} {number + 1}/{rounds} {server.name}: {figures}")
    return [
        Result(workload, measure, peer, runs[STONECHAT.name], runs[peer.name])
        for measure in workload.measures
        for peer in workload.peers
    ]


def _by_measure(results: Sequence[Result]) -> dict[str, dict[str, Any]]:
    """Of each measure what came of each peer."""
    measures: dict[str, dict[str, Any]] = {}
    for result in results:
        measures.setdefault(result.measure.name, {})[result.peer.name] = _as_json(result)
    return measures


def _as_json(result: Result) -> dict[str, Any]:
    return {
        "unit": result.measure.unit,
        "better": "lower" if result.measure.lower else "higher",
        "ratio": result.ratio,
        "range": result.range,
        "cpuRatio": result.cpu_ratio,
        "noise": result.noise,
        "stall": result.stall,
        "stallCpu": result.stall_cpu,
        "runs": [asdict(one) for one in (*result.ours, *result.theirs)],
    }


def _tables(results: Sequence[Result], calls: Costs, sizes: Costs, found: Sequence[Verdict]) -> Iterator[str]:
    if results:
        yield table([HEADER, *(result.row() for result in results)])
    if calls:
        yield _micro_table(calls)
    if sizes:
        yield _scale_table(sizes)
    if found:
        yield table([verdict.row() for verdict in found])


def _micro_table(best: Costs) -> str:
    rows = ((name, f"{cost['stonechat']:.2f}", f"{cost['feathers']:.2f}") for name, cost in best.items())
    return table([("an internal get, µs", "stonechat", "feathers"), *rows])


def _scale_table(sizes: Costs) -> str:
    rows: list[tuple[str, ...]] = []
    for name, costs in sizes.items():
        (few, less), (many, more) = costs.items()
        rows.append((name, f"{int(few):,}: {less:.1f}", f"{int(many):,}: {more:.1f}", f"{more / less:.2f}"))
    return table([("µs of CPU", "few connections", "many", "grown by"), *rows])


def _environment() -> dict[str, Any]:
    server_cpu, load_cpu = two_cpus()
    if server_cpu == load_cpu:
        _tell("this machine has one CPU: the load takes what the server needs, read the ratios only")
    versions = {name: version(name) for name in PACKAGES}
    return {"python": platform.python_version(), "machine": platform.machine(), "packages": versions}


def _raise_open_files() -> None:
    """Thousands of sockets need more files than some systems allow at first."""
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
