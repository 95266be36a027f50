"""A real PostgreSQL: a child process with a data folder of its own, reached by a socket in it."""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Final, Self

USERS: Final = ("postgres", "nobody")
"""Who runs the server where the tests are root's: the server refuses to be."""

OPTIONS: Final = {
    "listen_addresses": "",
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "autovacuum": "off",
    "shared_buffers": "16MB",
    "max_connections": "100",
}
SECONDS: Final = 60


def find_programs() -> Path:
    """The folder of ``initdb`` and ``postgres``: on PATH, or the newest where Debian has them.

    Raises FileNotFoundError.
    """
    if (found := shutil.which("initdb")) is not None:
        return Path(found).resolve().parent
    folders = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: int(path.parts[-3]))
    if not folders:
        raise FileNotFoundError("these tests need PostgreSQL: apt-get install postgresql")
    return folders[-1].parent


class Postgres:
    """An empty cluster, gone when the block ends; ``url`` is for SQLAlchemy with asyncpg."""

    def __init__(self, parent: Path | None = None) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="stonechat-pg-", dir=parent))
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"postgresql+asyncpg://stonechat@/postgres?host={self.folder}"

    def start(self) -> None:
        programs, data = find_programs(), self.folder / "data"
        as_another = self._as_another()
        subprocess.run(
            [
                *as_another,
                *(programs / "initdb", "--pgdata", data, "--no-sync", "--auth=trust"),
                *("--username=stonechat", "--locale=C", "--encoding=UTF8"),
            ],
            check=True,
            cwd=self.folder,
            stdout=subprocess.DEVNULL,
        )
        settings = {**OPTIONS, "unix_socket_directories": str(self.folder)}
        with (self.folder / "log").open("wb") as log:
            self._process = subprocess.Popen(
                [
                    # Whatever becomes of the tests, the server does not outlive them: that is to be asked for
                    # when it is another user's already, or it is forgotten.
                    *(*as_another, "setpriv", "--pdeathsig=KILL"),
                    *(programs / "postgres", "-D", data),
                    *(part for name, value in settings.items() for part in ("-c", f"{name}={value}")),
                ],
                cwd=self.folder,
                stdout=log,
                stderr=log,
            )
        self._wait_until_ready(data / "postmaster.pid")

    def stop(self) -> None:
        if self._process is not None:
            self._process.send_signal(signal.SIGINT)  # a fast shutdown
            self._process.wait(SECONDS)
        shutil.rmtree(self.folder)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def _as_another(self) -> list[str]:
        if os.geteuid() != 0:
            return []
        known = {entry.pw_name: entry for entry in pwd.getpwall()}
        user = next(known[name] for name in USERS if name in known)
        os.chown(self.folder, user.pw_uid, user.pw_gid)
        return ["setpriv", f"--reuid={user.pw_uid}", f"--regid={user.pw_gid}", "--clear-groups"]

    def _wait_until_ready(self, notes: Path) -> None:
        """Raises RuntimeError with the server's log."""
        assert self._process is not None
        end = time.monotonic() + SECONDS
        while self._process.poll() is None and time.monotonic() < end:
            if notes.is_file() and notes.read_text().splitlines()[7:8] == ["ready   "]:
                return
            time.sleep(0.01)
        raise RuntimeError((self.folder / "log").read_text())
