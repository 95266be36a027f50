"""The fixture app, as a process of its own, and what node needs to talk to it."""

from __future__ import annotations

import asyncio
import os
import re
import shutil
import signal
import sys
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Final

import httpx2
import pytest

from tests.conformance.kit import MODULES, PACKAGES

ROOT: Final = Path(__file__).parents[2]
COMMAND: Final = (sys.executable, "-m", "stonechat", "serve", "examples.conformance.app:app", "--port", "0")
READY: Final = re.compile(r"ready: (http://\S+)")

Serve = Callable[..., AbstractAsyncContextManager[str]]


@pytest.fixture(scope="session")
def serve(mongod_folder: Path) -> Serve:
    """Serves the fixture app with the given variables for as long as a block runs; yields its address."""

    @asynccontextmanager
    async def serve(**variables: str) -> AsyncGenerator[str]:
        kept = {name: value for name, value in os.environ.items() if not name.startswith("STONECHAT_")}
        environment = {**kept, "STONECHAT_LOG_LEVEL": "warning", "TMPDIR": str(mongod_folder), **variables}
        process = await asyncio.create_subprocess_exec(
            *COMMAND, cwd=ROOT, env=environment, stdout=asyncio.subprocess.PIPE
        )
        try:
            assert process.stdout is not None
            async with asyncio.timeout(60):
                line = (await process.stdout.readline()).decode()
            found = READY.search(line)
            assert found is not None, line
            yield found[1]
            process.send_signal(signal.SIGTERM)
            async with asyncio.timeout(30):
                assert await process.wait() == 0
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()

    return serve


@pytest.fixture(scope="session")
async def url(serve: Serve, postgres_url: str) -> AsyncIterator[str]:
    """The address of the one fixture app that all tests here share."""
    async with serve(POSTGRES_URL=postgres_url) as address:
        yield address


@pytest.fixture(scope="session")
async def short_lived_url(serve: Serve) -> AsyncIterator[str]:
    """The address of another one, whose tokens are good for two to three seconds."""
    async with serve(JWT_TTL="3") as address:
        yield address


@pytest.fixture(scope="session")
async def rest(url: str) -> AsyncIterator[httpx2.AsyncClient]:
    async with httpx2.AsyncClient(base_url=url) as client:
        yield client


@pytest.fixture(scope="session")
async def node() -> str:
    """Node, with the packages installed."""
    found, npm = shutil.which("node"), shutil.which("npm")
    assert found is not None, "the conformance suites need node 20 or newer"
    if not (MODULES / "@feathersjs" / "adapter-tests").is_dir():
        assert npm is not None, "the conformance suites need npm"
        install = await asyncio.create_subprocess_exec(npm, "ci", "--no-audit", "--no-fund", cwd=PACKAGES)
        assert await install.wait() == 0
    return found
