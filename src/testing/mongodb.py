"""A MongoDB for a test run."""

from __future__ import annotations

import tempfile
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

from ..core.mongod import Mongod

MEMORY: Final = Path("/dev/shm")  # noqa: S108 - where Linux keeps files in memory; the folder in it is private


@asynccontextmanager
async def mongodb() -> AsyncGenerator[str]:
    """Run a private MongoDB, a replica set of one, with nothing in it; yields its URL.

    It is the one of the extra ``stonechat[embedded]``, of ``MONGOD_BINARY`` or on the path. Raises
    MongodNotFound without one, MongodFailed where it does not start.
    """
    parent = MEMORY if MEMORY.is_dir() else None
    with tempfile.TemporaryDirectory(
        prefix="stonechat-tests-", dir=parent, ignore_cleanup_errors=True
    ) as folder:
        async with Mongod(Path(folder)) as server:
            yield server.url
