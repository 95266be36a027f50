"""The school's server as a process of its own that is killed and started again."""

from __future__ import annotations

import asyncio
import json
import os
import re
import socket
import sys
from pathlib import Path
from typing import Final

READY: Final = re.compile(rb"is ready: http://\S+")
STARTED_WITHIN: Final = 60.0
STOPPED_WITHIN: Final = 30.0
HOST: Final = "127.0.0.1"


class Server:
    """``folder`` keeps its configuration, its secret and its log from one start to the next.

    Servers that share the folder share the secret; ``more`` are further settings, as TOML.
    """

    def __init__(
        self, folder: Path, mongodb_url: str, database: str, *, name: str = "history", more: str = ""
    ) -> None:
        self.port = _free_port()
        self.url = f"http://{HOST}:{self.port}"
        self.log = folder / f"{name}.log"
        self._folder = folder
        self._config = folder / f"{name}.toml"
        self._config.write_text(
            f"mongodb = {{ url = {json.dumps(mongodb_url)}, database = {json.dumps(database)} }}\n"
            f"authentication = {{ access_token_minutes = 1440 }}\n{more}"
        )
        self._process: asyncio.subprocess.Process | None = None

    async def start(self) -> None:
        """Return once it answers. Raises RuntimeError with its log where it does not get that far."""
        self._process = process = await self._spawn()
        assert process.stdout is not None
        try:
            async with asyncio.timeout(STARTED_WITHIN):
                async for line in process.stdout:
                    if READY.search(line):
                        return
        except TimeoutError:
            process.kill()
        await process.wait()
        raise RuntimeError(f"the server did not start:\n{self.log.read_text()[-5000:]}")

    async def kill(self) -> None:
        """With no chance to finish anything."""
        assert self._process is not None
        self._process.kill()
        await self._process.wait()

    async def stop(self) -> None:
        process, self._process = self._process, None
        if process is None or process.returncode is not None:
            return
        process.terminate()
        try:
            await asyncio.wait_for(process.wait(), STOPPED_WITHIN)
        except TimeoutError:
            process.kill()
            await process.wait()

    def complaints(self) -> list[str]:
        """Lines of the log that tell of a fault of the server."""
        lines = self.log.read_text(errors="replace").splitlines()
        return [line for line in lines if "call failed" in line or "Traceback" in line or "[error" in line]

    async def _spawn(self) -> asyncio.subprocess.Process:
        own = {name: value for name, value in os.environ.items() if not name.startswith("STONECHAT_")}
        with self.log.open("ab") as log:
            return await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", "stonechat", "serve", "--port", str(self.port)),
                *("--config", str(self._config)),
                cwd=self._folder,
                env={**own, "STONECHAT_ENV": "test"},
                stdin=asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.PIPE,
                stderr=log,
            )


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])
