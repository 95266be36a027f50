"""What is measured: a workload against one server, once."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from math import nan
from operator import attrgetter
from pathlib import Path
from typing import Any, Final

from .servers import FEATHERS, NODE, SOCKETIO, SOCKETIO_NODE, STARLETTE, Server, pinned, two_cpus

LOAD: Final = Path(__file__).resolve().parent / "load" / "main.mjs"


class LoadError(Exception):
    """A run that tells nothing: the server refused or lost something."""


@dataclass(frozen=True, slots=True)
class Run:
    """What the load saw.

    ::

        figure               operations or deliveries a second; of storm milliseconds, of idle KiB each
        p50, p99             milliseconds from sending, or from when it was due, to the answer or delivery
        server_microseconds  CPU time of the server for one operation, delivery, event or connection
        server_cpu, load_cpu cores used by each
        noise                cores used by anything else on their CPUs
        stall, stall_cpu     milliseconds that the server's event loop was late at the longest, or worked

    Those from server_microseconds on are None where the system does not tell, p50 and p99 where there are no
    latencies, the stalls for all servers but ours.
    """

    server: str
    figure: float
    p50: float | None
    p99: float | None
    server_microseconds: float | None
    server_cpu: float | None
    load_cpu: float | None
    noise: float | None
    stall: float | None
    stall_cpu: float | None


@dataclass(frozen=True, slots=True)
class Measure:
    """One figure of a workload's runs. ``lower``: the lower, the better."""

    name: str
    unit: str
    of: Callable[[Run], float] = attrgetter("figure")
    lower: bool = False


@dataclass(frozen=True, slots=True)
class Workload:
    """``load`` is a workload of load/main.mjs, ``settings`` are its options; ``quick`` for short runs."""

    name: str
    load: str
    measures: tuple[Measure, ...]
    peers: tuple[Server, ...]
    settings: Mapping[str, int] = field(default_factory=dict[str, int])
    quick: Mapping[str, int] = field(default_factory=dict[str, int])


@dataclass(frozen=True, slots=True)
class Pace:
    """How long a run warms up and measures, in seconds. Rooms, storm and idle take the time they need."""

    warmup: float
    seconds: float
    quick: bool


def _requests(name: str, *peers: Server) -> Workload:
    return Workload(name, name, (Measure(name, "requests/s"),), peers)


def _rooms(name: str, rooms: int, receivers: int) -> Workload:
    settings = {"rooms": rooms, "receivers": receivers}
    return Workload(name, "room", (Measure(name, "deliveries/s"),), SOCKET_PEERS, settings)


def _burst(name: str, unit: str, connections: int) -> Workload:
    measures = (Measure(name, unit, lower=True),)
    return Workload(name, name, measures, (SOCKETIO_NODE,), {"connections": connections})


SOCKET_PEERS: Final = (SOCKETIO, FEATHERS, SOCKETIO_NODE)

WORKLOADS: Final = (
    _requests("rest_get", FEATHERS, STARLETTE),
    _requests("rest_find50", FEATHERS, STARLETTE),
    _requests("rest_create", FEATHERS, STARLETTE),
    _requests("sock_create", FEATHERS, SOCKETIO, SOCKETIO_NODE),
    _rooms("room_100", 1, 100),
    _rooms("room_1000", 1, 1000),
    _rooms("rooms_33", 33, 30),
    Workload("storm", "storm", (Measure("storm", "ms", lower=True),), SOCKET_PEERS, {"users": 1000}),
    Workload(
        "idle",
        "idle",
        (
            Measure("idle", "KiB/connection", lower=True),
            Measure("idle_cpu", "µs/connect", lambda run: run.server_microseconds or nan, lower=True),
        ),
        SOCKET_PEERS,
        {"connections": 5000},
        {"connections": 2000},
    ),
    _burst("everybody", "ms", 5000),
    _burst("arriving", "ms", 1000),
    _burst("leaving", "µs/connection", 5000),
)


def run(workload: Workload, server: Server, pace: Pace) -> Run:
    """Start ``server``, measure it, stop it. Raises ServerError and LoadError."""
    settings = {**workload.settings, **(workload.quick if pace.quick else {})}
    try:
        seen = load(workload.load, server, {**settings, "seconds": pace.seconds, "warmup": pace.warmup})
    except LoadError as error:
        raise LoadError(f"{workload.name} against {server.name}: {error}") from None
    stall = seen["stall"] or {"wall": None, "cpu": None}
    return Run(
        server=server.name,
        figure=seen["figure"],
        p50=seen["p50"],
        p99=seen["p99"],
        server_microseconds=seen["serverMicroseconds"],
        server_cpu=seen["serverCpu"],
        load_cpu=seen["loadCpu"],
        noise=seen["noise"],
        stall=stall["wall"],
        stall_cpu=stall["cpu"],
    )


def load(name: str, server: Server, settings: Mapping[str, float]) -> dict[str, Any]:
    """What a workload of load/main.mjs has seen of a server that is started for it."""
    server_cpu, load_cpu = two_cpus()
    with server.running((server_cpu,)) as (port, pid), pinned((load_cpu,)):
        options = {
            **settings,
            "workload": name,
            "dialect": server.dialect,
            "port": port,
            "serverPid": pid,
            "cpus": [server_cpu, load_cpu],
            "tellsStalls": server.tells_stalls,
        }
        done = subprocess.run([NODE, LOAD, json.dumps(options)], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise LoadError(done.stderr.strip())
    seen: dict[str, Any] = json.loads(done.stdout)
    return seen
