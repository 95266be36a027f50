"""A run: people write, the server is killed again and again, and in the end all must be there."""

from __future__ import annotations

import asyncio
import logging
import random
import time
from collections.abc import AsyncGenerator, Awaitable, Iterable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import aiohttp
from pymongo import AsyncMongoClient

from tests.history.checks import all_checks, copies
from tests.history.client import Client
from tests.history.lines import LostError, UnreachedError
from tests.history.record import History
from tests.history.server import Server
from tests.history.stored import Documents, Stored, read_stored, told
from tests.history.town import Account, Town, add_people, settle
from tests.history.workload import Keeper, Outsider, Writer, chance_of

TOLD_WITHIN: Final = 90.0
TRIES: Final = 60
MOST_MOVERS: Final = 12
WRITTEN_BETWEEN: Final = 25
"""Between two kills something has to happen, however slow the machine is."""


Worker = Writer | Keeper | Outsider


@dataclass(frozen=True, slots=True)
class Plan:
    """``seconds`` of writing, over which the ``kills`` are spread."""

    seconds: float
    kills: int
    writers: int = 50
    conversations: int = 5
    seed: int = 0


@dataclass(slots=True)
class Report:
    plan: Plan
    history: History
    stored: Stored
    seconds: float
    faults: list[str] = field(default_factory=list[str])

    def lines(self) -> list[str]:
        """For a person to read."""
        counts = self.history.counts
        names = (
            *("acknowledged", "changes", "retried", "duplicates", "refused", "busy", "removed people"),
            *("reconnects", "syncs", "resyncs", "events", "kills", "writes in flight at kills"),
        )
        deliveries = sum(len(one) for one in self.stored.deliveries.values())
        pace = self.history.written / self.seconds
        return [
            f"seed {self.plan.seed}: {self.seconds:.0f} s, {pace:.0f} writes a second",
            ", ".join(f"{counts[name]} {name}" for name in names),
            f"{deliveries} deliveries, {len(self.faults)} faults",
        ]


async def run(plan: Plan, mongodb_url: str, database: str, folder: Path) -> Report:
    """``database`` is emptied first. Raises RuntimeError where the server does not start."""
    history = History()
    async with AsyncExitStack() as stack:
        mongodb = await stack.enter_async_context(
            AsyncMongoClient[dict[str, Any]](mongodb_url, tz_aware=True)
        )
        await mongodb.drop_database(database)
        emails = await add_people(mongodb_url, database, plan.writers)
        # The client's library tells of each server that was killed.
        logging.getLogger("engineio.client").setLevel(logging.ERROR)
        connector = aiohttp.TCPConnector(limit=0)
        http = await stack.enter_async_context(aiohttp.ClientSession(connector=connector))
        server = await stack.enter_async_context(_served(folder, mongodb_url, database))
        chance = chance_of(plan.seed, "town")
        town = await settle(server.url, http, emails, plan.conversations, chance)
        history.founders = {one: {town.keeper.id, *users} for one, users in town.places.items()}
        workers = _workers(plan, town, server, http, history)
        for worker in workers:
            stack.push_async_callback(worker.client.line.close)
        await _everybody(_caught_up(worker.client) for worker in workers)
        began = time.monotonic()
        await _work(plan, workers, server, history)
        seconds = time.monotonic() - began
        clients = [worker.client for worker in workers]
        faults = await _settled(clients, mongodb[database])
        stored = await read_stored(mongodb[database])
        faults += all_checks(history, stored, [client.replica for client in clients])
        return Report(plan, history, stored, seconds, [*dict.fromkeys([*faults, *server.complaints()])])


@asynccontextmanager
async def _served(folder: Path, mongodb_url: str, database: str) -> AsyncGenerator[Server]:
    server = Server(folder, mongodb_url, database)
    await server.start()
    try:
        yield server
    finally:
        await server.stop()


def _workers(
    plan: Plan, town: Town, server: Server, http: aiohttp.ClientSession, history: History
) -> list[Worker]:
    """Every other writer is live, and so is every outsider."""

    def client(account: Account, *, live: bool) -> Client:
        return Client(server.url, account, http, history, chance_of(plan.seed, account.email), live=live)

    workers: list[Worker] = []
    for number, account in enumerate(town.writers):
        own = sorted(one for one, users in town.places.items() if account.id in users)
        workers.append(Writer(client(account, live=number % 2 == 0), own))
    workers.extend(Outsider(client(account, live=True), sorted(town.places)) for account in town.outsiders)
    places = sorted((user, one) for one, users in town.places.items() for user in users)
    movers = chance_of(plan.seed, "movers").sample(places, min(MOST_MOVERS, len(places)))
    workers.append(Keeper(client(town.keeper, live=False), movers))
    return workers


async def _work(plan: Plan, workers: list[Worker], server: Server, history: History) -> None:
    async with asyncio.TaskGroup() as tasks:
        for worker in workers:
            tasks.create_task(worker.run())
        await _kill(plan, server, history, chance_of(plan.seed, "kills"))
        for worker in workers:
            worker.is_busy = False


async def _kill(plan: Plan, server: Server, history: History, chance: random.Random) -> None:
    """Spread the kills over the time; each comes while calls that write are under way."""
    began = time.monotonic()
    step = plan.seconds / (plan.kills + 1)
    for number in range(plan.kills):
        at = began + step * (number + 1) + chance.uniform(-0.3, 0.3) * step
        before = history.written
        await asyncio.sleep(max(at - time.monotonic(), chance.uniform(0.0, 0.5)))
        while not history.in_flight or history.written < before + WRITTEN_BETWEEN:  # noqa: ASYNC110 - a condition
            await asyncio.sleep(0.001)
        history.counts["kills"] += 1
        history.counts["writes in flight at kills"] += history.in_flight
        await server.kill()
        await server.start()
    await asyncio.sleep(max(0.0, began + plan.seconds - time.monotonic()))


async def _settled(clients: list[Client], database: Documents) -> list[str]:
    """Wait until all is told and everybody has caught up; what the live ones lacked before they asked."""
    await _everybody(_caught_up(client) for client in clients)
    await told(database, TOLD_WITHIN)
    live = [client for client in clients if client.live]
    # The answer to any call comes behind the events that were sent before.
    await _everybody(client.line.call("find", "schools") for client in live)
    await _everybody(_caught_up(client) for client in live)
    lacked = copies(await read_stored(database), [client.replica for client in live])
    faults = [f"before it asked: {fault}" for fault in lacked]
    await _everybody(_caught_up(client, sync=True) for client in clients)
    return faults


async def _caught_up(client: Client, *, sync: bool = False) -> None:
    for tried in range(TRIES):
        try:
            await client.ready(sync=sync)
        except (LostError, UnreachedError):
            await client.pause(tried)
        else:
            return
    raise TimeoutError(f"{client.account.email} cannot catch up")


async def _everybody(calls: Iterable[Awaitable[object]]) -> None:
    await asyncio.gather(*calls)
