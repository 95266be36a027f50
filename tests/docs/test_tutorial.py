"""The tutorial is done as it says, in an empty folder.

- ```` ```sh ```` fences are typed into one shell, from top to bottom; a command that fails ends it.
- ```` ```sh install ```` is not: this environment, and Feathers' clients of the tests, are what it installs.
- ```` ```sh serve ```` stays in the foreground of another terminal, until the next one takes its place.
- ```` ```text ```` is what the fence before it has printed; ``...`` stands for anything.
- ```` ```LANGUAGE file=PATH ```` is written to that file, from the folder where the shell is.

Port 3030 stands for a free one, everywhere.
"""

from __future__ import annotations

import asyncio
import os
import re
import signal
import socket
import sys
from asyncio.subprocess import PIPE, STDOUT, Process
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Final

import pytest

from tests.support.pages import PLAIN_PYTEST, ROOT, Fence, fences, same_output, write

pytestmark = pytest.mark.long

TUTORIAL: Final = ROOT / "docs" / "tutorial.md"
CLIENTS: Final = ROOT / "tests" / "clients" / "node_modules"
DONE: Final = "the shell is done in"
SHOWN_PORT: Final = "3030"
WAIT_SECONDS: Final = 120


class Terminals:
    """A shell, and a server in another terminal. ``folder`` is where the shell is."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.printed = ""
        self._port = _free_port()
        self._shell: Process | None = None
        self._server: Process | None = None

    async def enter(self, commands: str) -> None:
        """Type commands into the shell, and wait until they are through."""
        shell = self._shell = self._shell or await self._start("bash", "-eo", "pipefail")
        assert shell.stdin is not None
        typed = f"{{\n{self.typed(commands)}\n}} </dev/null\necho; echo {DONE} $PWD\n"
        shell.stdin.write(typed.encode())
        ended = await self._read(shell, rf"\n{DONE} (.*)\n")
        self.folder = Path(ended[1])
        self.printed = self.printed[: -len(ended[0])]

    async def serve(self, command: str) -> None:
        await self._stop_server()
        self._server = await self._start("bash", "-c", f"exec {self.typed(command)}")
        await self._read(self._server, "is ready: .*\n")

    async def close(self) -> None:
        await self._stop_server()
        if self._shell is not None:
            await _kill(self._shell, signal.SIGKILL)

    def typed(self, text: str) -> str:
        return text.replace(SHOWN_PORT, self._port)

    def shown(self) -> str:
        return self.printed.replace(self._port, SHOWN_PORT)

    async def _start(self, *command: str) -> Process:
        """In a session of its own, so that what it has started ends with it."""
        # Of the make that runs the tests nothing is left either: another one inside it prints its folders.
        ours = ("STONECHAT_", "MAKE", "MFLAGS")
        kept = {name: value for name, value in os.environ.items() if not name.startswith(ours)}
        path = f"{Path(sys.executable).parent}{os.pathsep}{kept['PATH']}"
        cache = ROOT / ".mypy_cache" / "generated"
        return await asyncio.create_subprocess_exec(
            *command,
            cwd=self.folder,
            env={**kept, **PLAIN_PYTEST, "PATH": path, "PORT": self._port, "MYPY_CACHE_DIR": str(cache)},
            stdin=PIPE,
            stdout=PIPE,
            stderr=STDOUT,
            start_new_session=True,
        )

    async def _read(self, process: Process, pattern: str) -> re.Match[str]:
        """Read what is printed until the pattern is at its end."""
        assert process.stdout is not None
        self.printed = ""
        async with asyncio.timeout(WAIT_SECONDS):
            while not (found := re.search(rf"{pattern}\Z", self.printed)):
                line = await process.stdout.readline()
                assert line, self.printed
                self.printed += line.decode()
        return found

    async def _stop_server(self) -> None:
        if self._server is not None:
            await _kill(self._server, signal.SIGINT)
            self._server = None


async def test_the_tutorial_works_as_it_stands(tmp_path: Path) -> None:
    terminals = Terminals(tmp_path)
    try:
        for fence in fences(TUTORIAL.read_text("utf-8")):
            await do(fence, terminals)
    finally:
        await terminals.close()


def test_a_service_with_a_hook_and_a_test_runs_after_less_than_ten_commands() -> None:
    first_part, heading, _ = TUTORIAL.read_text("utf-8").partition("\n## A live client\n")
    shown = fences(first_part)
    commands = [line for one in shown if one.language == "sh" for line in one.text.splitlines()]

    assert heading
    assert len(commands) < 10
    assert commands[-1].startswith("curl ")
    assert {"notes/services/messages/hooks.py", "tests/test_stamp.py"} <= {one.file for one in shown}


async def do(fence: Fence, terminals: Terminals) -> None:
    if fence.file is not None:
        write(replace(fence, text=terminals.typed(fence.text)), terminals.folder)
    elif fence.language == "sh" and "install" in fence.words:
        if "npm" in fence.text:
            (terminals.folder / "node_modules").symlink_to(CLIENTS)
    elif fence.language == "sh" and "serve" in fence.words:
        await terminals.serve(fence.text)
    elif fence.language == "sh":
        await terminals.enter(fence.text)
    elif fence.language == "text":
        printed = terminals.shown()
        assert same_output(fence.text, printed), f"docs/tutorial.md:{fence.line}: printed was\n{printed}"
    else:
        raise AssertionError(f"docs/tutorial.md:{fence.line}: nobody knows what to do with this")


async def _kill(process: Process, number: signal.Signals) -> None:
    with suppress(ProcessLookupError):
        os.killpg(process.pid, number)
    async with asyncio.timeout(WAIT_SECONDS):
        await process.communicate()


def _free_port() -> str:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return str(probe.getsockname()[1])
