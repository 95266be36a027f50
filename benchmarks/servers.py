"""Starting the servers that are compared, each alone on a CPU of its own where the system allows it."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parent.parent
HOST: Final = "127.0.0.1"
NODE: Final = shutil.which("node") or "node"
PEERS: Final = ROOT / "benchmarks" / "peers"
FEATHERS_FOLDER: Final = PEERS / "feathers"
NODE_PEERS: Final = (FEATHERS_FOLDER, PEERS / "socketio")
START_SECONDS: Final = 20.0
STOP_SECONDS: Final = 10.0

UVICORN: Final = ("--loop", "uvloop", "--http", "httptools", "--ws", "websockets-sansio")
QUIET: Final = ("--log-level", "warning", "--no-access-log")


class ServerError(Exception):
    """A server that does not start."""


@dataclass(frozen=True, slots=True)
class Server:
    """``command`` is given ``--host`` and ``--port`` too; ``dialect`` is one of load/dialects.mjs.

    ``tells_stalls``: it answers ``GET /stalls`` as stalls.py does.
    """

    name: str
    dialect: str
    command: tuple[str, ...]
    tells_stalls: bool = False

    @contextmanager
    def running(self, cpus: tuple[int, ...]) -> Generator[tuple[int, int]]:
        """Yield port and process id once it accepts connections. Raises ServerError where it never does."""
        port = _free_port()
        command = [*self.command, "--host", HOST, "--port", str(port)]
        with pinned(cpus):
            process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL)
        try:
            self._await(process, port)
            yield port, process.pid
        finally:
            process.terminate()
            try:
                process.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()

    def _await(self, process: subprocess.Popen[bytes], port: int) -> None:
        deadline = time.monotonic() + START_SECONDS
        while process.poll() is None and time.monotonic() < deadline:
            try:
                socket.create_connection((HOST, port), timeout=1).close()
            except OSError:
                time.sleep(0.02)
            else:
                return
        raise ServerError(f"{self.name} does not start")


def _python(module: str, *arguments: str) -> tuple[str, ...]:
    return (sys.executable, "-m", module, *arguments)


STONECHAT: Final = Server(
    "stonechat", "feathers", _python("stonechat", "serve", "benchmarks.server:app"), tells_stalls=True
)
STARLETTE: Final = Server(
    "starlette", "plain", _python("uvicorn", "benchmarks.peers.rest:app", *UVICORN, *QUIET)
)
SOCKETIO: Final = Server(
    "python-socketio", "plain", _python("uvicorn", "benchmarks.peers.sockets:app", *UVICORN, *QUIET)
)
FEATHERS: Final = Server("feathers", "feathers", (NODE, str(FEATHERS_FOLDER / "server.mjs")))
SOCKETIO_NODE: Final = Server("socketio-node", "plain", (NODE, str(PEERS / "socketio" / "server.mjs")))


@contextmanager
def pinned(cpus: tuple[int, ...]) -> Generator[None]:
    """What is started in this block runs on these CPUs only; everywhere, where the system cannot do that."""
    if sys.platform != "linux":
        yield
        return
    usual = os.sched_getaffinity(0)
    os.sched_setaffinity(0, cpus)
    try:
        yield
    finally:
        os.sched_setaffinity(0, usual)


def two_cpus() -> tuple[int, int]:
    """One for the server and one for the load: the same one twice on a machine that has no other."""
    usable = sorted(os.sched_getaffinity(0)) if sys.platform == "linux" else list(range(os.cpu_count() or 1))
    return usable[0], usable[-1]


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        port: int = probe.getsockname()[1]
        return port
