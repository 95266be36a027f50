"""``stonechat bench``: how much a server carries, and how fast."""

from __future__ import annotations

import argparse
import asyncio
import json
import math
import signal
import sys
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from ..core.logs import configure_logs
from .progress import ProgressLine
from .running import CommandError

if TYPE_CHECKING:
    from ..bench import Report

FAILED: Final = 1
UNITS: Final = {"s": 1, "m": 60, "h": 3600}


def add(options: argparse.ArgumentParser) -> None:
    options.set_defaults(command=_bench)
    options.add_argument("--url", help="a server that runs; default: one is started for the measurement")
    options.add_argument(
        "--accounts", type=Path, metavar="FILE", help="with --url: CSV of school,email,password"
    )
    options.add_argument("--clients", type=_count, default=200, metavar="N", help="connections; default: 200")
    options.add_argument(
        "--conversations", type=_count, default=20, metavar="N", help="they write in; default: 20"
    )
    options.add_argument(
        "--rate", type=_positive, default=50.0, metavar="N", help="messages a second; default: 50"
    )
    options.add_argument(
        *("--seconds", "--for"),
        dest="seconds",
        type=_duration,
        default=30.0,
        metavar="TIME",
        help="to send messages for: seconds, or such as 30m and 2h; default: 30",
    )
    options.add_argument(
        "--churn",
        type=_number,
        default=0.0,
        metavar="N",
        help="connections a minute that leave and come back",
    )
    options.add_argument(
        "--read", type=_share, default=0.1, metavar="SHARE", help="of messages told to be read; default: 0.1"
    )
    options.add_argument("--p99", type=_positive, metavar="MS", help="a bound for the deliveries")
    options.add_argument(
        "--growth", type=_number, metavar="MIB", help="a bound for the server's growth after 5 minutes"
    )
    options.add_argument("--json", type=Path, metavar="FILE", help="write the report there too")
    options.add_argument("--samples", type=Path, metavar="FILE", help="write a line of CSV every 5 seconds")
    options.add_argument("--graph", type=Path, metavar="FILE", help="write an SVG of the server's memory")


def _bench(options: argparse.Namespace) -> None:
    from .. import bench  # noqa: PLC0415 - no other command needs it

    configure_logs("warning", "console")
    plan = bench.Plan(
        clients=options.clients,
        conversations=options.conversations,
        rate=options.rate,
        seconds=options.seconds,
        churn=options.churn,
        read=options.read,
        p99=options.p99,
        growth=options.growth,
        url=options.url,
        accounts=options.accounts,
        samples=options.samples,
    )
    line = ProgressLine("bench", every=5)
    try:
        for reason in bench.limits_reached(plan):
            print(f"stonechat: {reason}", file=sys.stderr)
        report = _run(bench.measure(plan, line.show))
    except bench.BenchError as error:
        raise CommandError(str(error)) from None
    finally:
        line.end()
    print("\n".join(report.lines()))
    if options.json is not None:
        options.json.write_text(json.dumps(report.to_json(), indent=2) + "\n", encoding="utf-8")
    if options.graph is not None:
        options.graph.write_text(bench.memory_graph(report.figures.samples), encoding="utf-8")
    if report.failures():
        sys.exit(FAILED)


def _run(measuring: Coroutine[Any, Any, Report]) -> Report:
    """SIGTERM ends it as Ctrl-C does: with everything removed."""

    async def stoppable() -> Report:
        task = asyncio.ensure_future(measuring)
        if sys.platform != "win32":
            asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
        return await task

    try:
        with asyncio.Runner(loop_factory=_loop_factory()) as runner:
            return runner.run(stoppable())
    except asyncio.CancelledError:
        raise KeyboardInterrupt from None


def _loop_factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    if sys.platform == "win32":
        return None
    import uvloop  # noqa: PLC0415 - Windows has none

    return uvloop.new_event_loop


def _number(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not math.isfinite(value) or value < 0:
        raise argparse.ArgumentTypeError("must be a number, not below 0")
    return value


def _positive(text: str) -> float:
    if (value := _number(text)) == 0:
        raise argparse.ArgumentTypeError("must be more than 0")
    return value


def _duration(text: str) -> float:
    return _positive(text[:-1]) * UNITS[text[-1]] if text[-1:] in UNITS else _positive(text)


def _share(text: str) -> float:
    if (value := _number(text)) > 1:
        raise argparse.ArgumentTypeError("must be from 0 to 1")
    return value


def _count(text: str) -> int:
    if not text.isdecimal() or int(text) == 0:
        raise argparse.ArgumentTypeError("must be a whole number, more than 0")
    return int(text)
