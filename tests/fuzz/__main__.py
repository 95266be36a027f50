"""The long run: ``python -m tests.fuzz --minutes 5``."""

from __future__ import annotations

import argparse
import asyncio
import random
import sys
import tempfile
from pathlib import Path
from typing import Final

from tests.fuzz.rest import RestFuzz
from tests.fuzz.served import Served, served_school
from tests.fuzz.sockets import SocketFuzz, after, until

WARM_UP: Final = 3000  # calls after which caches and pools have their size
GROWTH: Final = 24 * 1024  # KiB by which memory may differ then


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description="Fuzz both transports.")
    parser.add_argument("--minutes", type=float, default=5.0, help="half of it for each transport")
    parser.add_argument("--seed", type=int, default=random.SystemRandom().getrandbits(32))
    parser.add_argument("--only", choices=("rest", "sockets"))
    options = parser.parse_args()
    seconds = options.minutes * 60 / (1 if options.only else 2)
    print(f"seed {options.seed}")
    failures: list[str] = []
    with tempfile.TemporaryDirectory() as folder, served_school(Path(folder)) as school:
        if options.only != "sockets":
            failures += _rest(school, options.seed, seconds)
        if options.only != "rest":
            failures += asyncio.run(_sockets(school, options.seed, seconds))
        failures += school.complaints()
        if failures:
            print(*dict.fromkeys(failures), sep="\n\n")
            print(school.log.read_text()[-20_000:])
    sys.exit(bool(failures))


def _rest(school: Served, seed: int, seconds: float) -> list[str]:
    fuzz = RestFuzz(school, seed)
    fuzz.run(seconds, examples=20)
    by_status = {code: 0 for _, code in fuzz.statuses}
    for (_, code), count in fuzz.statuses.items():
        by_status[code] += count
    print(f"{fuzz.statuses.total()} requests: {dict(sorted(by_status.items()))}", flush=True)
    return fuzz.failures


async def _sockets(school: Served, seed: int, seconds: float) -> list[str]:
    fuzz = SocketFuzz(school, seed)
    await fuzz.run(after(WARM_UP))
    before = school.memory()
    await fuzz.run(until(seconds))
    grown = school.memory() - before
    print(f"{fuzz.codes.total()} calls: {dict(sorted(fuzz.codes.items()))}; memory {before} {grown:+} KiB")
    return [*fuzz.failures, *([f"memory has grown by {grown} KiB"] if grown > GROWTH else [])]


if __name__ == "__main__":
    main()
