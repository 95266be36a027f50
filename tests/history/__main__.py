"""The long run: ``python -m tests.history --minutes 5 --kills 50``."""

from __future__ import annotations

import argparse
import asyncio
import random
import sys
import tempfile
from pathlib import Path

from stonechat.testing.mongodb import mongodb
from tests.history.run import Plan, run


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m tests.history",
        description="Let many people write, kill the server over and over, and check all that was seen.",
    )
    parser.add_argument("--minutes", type=float, default=5.0)
    parser.add_argument("--writers", type=int, default=50, help="half over REST, half over sockets")
    parser.add_argument("--conversations", type=int, default=5)
    parser.add_argument("--kills", type=int, default=50, help="of the server, spread over the time")
    parser.add_argument("--seed", type=int, default=random.SystemRandom().getrandbits(32))
    options = parser.parse_args()
    print(f"seed {options.seed}", flush=True)
    plan = Plan(options.minutes * 60, options.kills, options.writers, options.conversations, options.seed)
    sys.exit(asyncio.run(_run(plan)))


async def _run(plan: Plan) -> int:
    with tempfile.TemporaryDirectory(prefix="stonechat-history-") as folder:
        async with mongodb() as url:
            report = await run(plan, url, "history", Path(folder))
    print(*report.faults, *report.lines(), sep="\n")
    return bool(report.faults)


if __name__ == "__main__":
    main()
