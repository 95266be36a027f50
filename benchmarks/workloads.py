"""What is measured: a workload against one server, once."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from .servers import FEATHERS, NODE, SOCKETIO, STARLETTE, Server, pinned, two_cpus

LOAD: Final = Path(__file__).resolve().parent / "load" / "main.mjs"


class LoadError(Exception):
    """A run that tells nothing: the server refused or lost something."""


@dataclass(frozen=True, slots=True)
class Workload:
    """``load`` names the workload of load/main.mjs, ``settings`` its own options."""

    name: str
    load: str
    unit: str
    peers: tuple[Server, ...]
    settings: Mapping[str, int] = field(default_factory=dict[str, int])


WORKLOADS: Final = (
    Workload("rest_get", "rest_get", "requests/s", (FEATHERS, STARLETTE)),
    Workload("rest_find50", "rest_find50", "requests/s", (FEATHERS, STARLETTE)),
    Workload("rest_create", "rest_create", "requests/s", (FEATHERS, STARLETTE)),
    Workload("sock_create", "sock_create", "requests/s", (FEATHERS, SOCKETIO)),
    Workload("room_100", "room", "deliveries/s", (SOCKETIO,), {"receivers": 100}),
    Workload("room_1000", "room", "deliveries/s", (SOCKETIO,), {"receivers": 1000}),
)


@dataclass(frozen=True, slots=True)
class Run:
    """What the load saw.

    ::

        rate                 operations or deliveries a second
        p50, p99             milliseconds from sending to the answer, or to the last delivery of a message
        server_microseconds  CPU time of the server for one of them
        server_cpu, load_cpu cores used by each
        noise                cores used by anything else on their CPUs

    The last four are None where the system does not tell.
    """

    server: str
    rate: float
    p50: float
    p99: float
    server_microseconds: float | None
    server_cpu: float | None
    load_cpu: float | None
    noise: float | None


def run(workload: Workload, server: Server, *, seconds: float, warmup: float) -> Run:
    """Start ``server``, measure it for ``seconds``, stop it. Raises ServerError and LoadError."""
    server_cpu, load_cpu = two_cpus()
    with server.running((server_cpu,)) as (port, pid), pinned((load_cpu,)):
        options = {
            **workload.settings,
            "workload": workload.load,
            "dialect": server.dialect,
            "port": port,
            "serverPid": pid,
            "cpus": [server_cpu, load_cpu],
            "seconds": seconds,
            "warmup": warmup,
        }
        done = subprocess.run([NODE, LOAD, json.dumps(options)], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise LoadError(f"{workload.name} against {server.name}: {done.stderr.strip()}")
    seen = json.loads(done.stdout)
    return Run(
        server=server.name,
        rate=seen["rate"],
        p50=seen["p50"],
        p99=seen["p99"],
        server_microseconds=seen["serverMicroseconds"],
        server_cpu=seen["serverCpu"],
        load_cpu=seen["loadCpu"],
        noise=seen["noise"],
    )
