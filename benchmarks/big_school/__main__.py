"""The command line: ``python -m benchmarks.big_school --help``."""

from __future__ import annotations

import argparse
import asyncio
import sys
import tempfile
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final

from pymongo import AsyncMongoClient

from stonechat.core.logs import configure_logs
from stonechat.core.mongod import Mongod

from ..results import table
from .filling import fill, tell
from .measuring import compare, quantile

FOLDER: Final = Path("data/big-school")
SMALL: Final = 10_000
BIG: Final = 1_000_000
CONVERSATIONS: Final = 2000
MOST: Final = 3.0
"""How much slower the big school may be than the small one."""

Client = AsyncMongoClient[dict[str, Any]]


def main(arguments: Sequence[str] | None = None) -> None:
    options = _parser().parse_args(arguments)
    configure_logs("warning")
    command = _measure if options.command == "measure" else _fill
    sys.exit(asyncio.run(command(options)))


async def _fill(options: argparse.Namespace) -> int:
    async with _mongodb(options.mongodb, FOLDER) as (client, _):
        await fill(client[options.database], options.messages, options.conversations)
    where = options.mongodb or f"the private server's folder {FOLDER}"
    tell(f"{options.messages:,} messages are in the database '{options.database}' of {where}")
    return 0


async def _measure(options: argparse.Namespace) -> int:
    """1 where a question takes the big school more than three times as long as the small one."""
    with tempfile.TemporaryDirectory(prefix="stonechat-big-school-") as folder:
        async with _mongodb(options.mongodb, Path(folder)) as (client, url):
            sizes = {"big_school_small": min(SMALL, options.messages), "big_school_big": options.messages}
            for name, messages in sizes.items():
                await fill(client[name], messages, options.conversations)
            small, big = await compare([client[name] for name in sizes], url, options.rounds)
            for name in sizes:
                await client.drop_database(name)
    print(table([HEADER, *(_row(name, small[name], big[name]) for name in small)]))
    return int(any(_ratio(small[name], big[name]) > MOST for name in small))


HEADER: Final = ("milliseconds", "small p50", "small p95", "big p50", "big p95", "p95 big/small")


def _row(name: str, small: list[float], big: list[float]) -> tuple[str, ...]:
    figures = (quantile(values, share) for values in (small, big) for share in (0.5, 0.95))
    return (name, *(f"{figure:.1f}" for figure in figures), f"{_ratio(small, big):.2f}")


def _ratio(small: list[float], big: list[float]) -> float:
    return quantile(big, 0.95) / quantile(small, 0.95)


@asynccontextmanager
async def _mongodb(url: str | None, folder: Path) -> AsyncGenerator[tuple[Client, str]]:
    """A client of the server at ``url``, or of a private one whose data lies in ``folder``."""
    if url is not None:
        async with Client(url, tz_aware=True) as client:
            yield client, url
        return
    async with Mongod(folder, cache_gb=1) as server, Client(server.url, tz_aware=True) as client:
        yield client, server.url


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.big_school",
        description="Make a school with a great many messages, or measure how one answers.",
    )
    parser.add_argument(
        "command",
        nargs="?",
        choices=("fill", "measure"),
        default="fill",
        help="fill a database (the default); or make a small and a big school and compare them",
    )
    parser.add_argument("--messages", type=_positive, default=BIG, metavar="N", help=f"default: {BIG:,}")
    parser.add_argument(
        "--conversations",
        type=_positive,
        default=CONVERSATIONS,
        metavar="N",
        help=f"default: {CONVERSATIONS:,}",
    )
    parser.add_argument(
        "--mongodb", metavar="URL", help="a server to use; default: a private one, which measure throws away"
    )
    parser.add_argument(
        "--database", default="stonechat", metavar="NAME", help="to be filled; WHAT IS IN IT IS LOST"
    )
    parser.add_argument(
        "--rounds", type=_positive, default=100, metavar="N", help="askings of each question; default: 100"
    )
    return parser


def _positive(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError("must be a number from 1")
    return int(text)


main()
