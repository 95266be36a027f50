"""Whether what one connection costs grows with all the others, in one process and by CPU time."""

from __future__ import annotations

import asyncio
import gc
import time
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from typing import Any, Final

from stonechat.core.channels import ChannelRegistry
from stonechat.core.context import Connection
from stonechat.socket.audience import audience
from stonechat.socket.connections import ConnectionManager, Identity
from stonechat.socket.presence import Presence

IN_SCHOOL: Final = 2000
TEACHERS: Final = 100  # of each school
CLASSES: Final = 60  # of each school
CLASSES_OF_TEACHER: Final = 4
FEW_SCHOOLS: Final = 5
MANY_SCHOOLS: Final = 500
LOOKUPS: Final = 2000
ROUNDS: Final = 5
CONNECTIONS: Final = 20_000
LEAVING: Final = 500


def measure() -> dict[str, dict[str, float]]:
    """Microseconds, by number of connections: of finding an audience, and of a connection that ends."""
    return {
        "audience": _audience(),
        "disconnect": {
            f"{count}": asyncio.run(_disconnect(count)) for count in (CONNECTIONS // 10, CONNECTIONS)
        },
    }


def _audience() -> dict[str, float]:
    """The best of some rounds of each, taken in turn.

    Subjects are of as many schools in either, so that caches hold as much of them.
    """
    gc.collect()
    gc.disable()
    try:
        asked = [_indexed(schools) for schools in (FEW_SCHOOLS, MANY_SCHOOLS)]
        best = {f"{len(manager)}": float("inf") for manager, _ in asked}
        for _ in range(ROUNDS):
            for manager, subjects in asked:
                took = _microseconds(partial(audience, manager), subjects)
                best[f"{len(manager)}"] = min(best[f"{len(manager)}"], took)
        return best
    finally:
        gc.enable()


def _indexed(schools: int) -> tuple[ConnectionManager[int], list[Identity]]:
    """Everybody of so many schools, and some people of a few of them."""
    manager: ConnectionManager[int] = ConnectionManager()
    everybody = list(_people(schools))
    for connection, identity in enumerate(everybody):
        _ = manager.add(connection, identity)
    starts = (school * IN_SCHOOL for school in range(0, schools, schools // FEW_SCHOOLS))
    of_few = [one for start in starts for one in everybody[start : start + IN_SCHOOL]]
    return manager, of_few[:: len(of_few) // LOOKUPS]


async def _disconnect(count: int) -> float:
    """Leaving all channels and presence; each connection was in those of its user, school and classes."""
    channels = ChannelRegistry()
    manager: ConnectionManager[Connection] = ConnectionManager()
    presence = Presence(manager, _ignore, on_offline=_ignore)
    connections: list[Connection] = []
    for number, identity in enumerate(_people(count // IN_SCHOOL)):
        connection = Connection(id=str(number))
        connections.append(connection)
        presence.connect(connection, identity)
        for name in (identity.user_id, identity.school_id, *identity.class_ids):
            _ = channels.channel([name]).join(connection)

    def leave(connection: Connection) -> None:
        channels.leave_all(connection)
        presence.disconnect(connection)

    try:
        return _microseconds(leave, connections[:: max(1, count // LEAVING)])
    finally:
        _ = presence.close()


def _people(schools: int) -> Iterator[Identity]:
    for school in range(schools):
        classes = [f"{school}-class-{number}" for number in range(CLASSES)]
        for number in range(IN_SCHOOL):
            user = f"{school}-user-{number}"
            if number < TEACHERS:
                taught = frozenset(classes[(number + each) % CLASSES] for each in range(CLASSES_OF_TEACHER))
                yield Identity(user, f"school-{school}", "teacher", taught)
            else:
                yield Identity(user, f"school-{school}", "student", frozenset([classes[number % CLASSES]]))


def _microseconds(operate: Callable[[Any], object], subjects: Iterable[Any]) -> float:
    """CPU time of one call."""
    chosen = list(subjects)
    started = time.process_time()
    for subject in chosen:
        _ = operate(subject)
    return (time.process_time() - started) / len(chosen) * 1e6


def _ignore(*_: object) -> None:
    """Stands for who sends the changes and who keeps them, which are no part of this."""
