"""Running mocha on a script of this folder."""

from __future__ import annotations

import asyncio
import json
import os
from pathlib import Path
from typing import Any, Final

FOLDER: Final = Path(__file__).parent
# The official packages are installed once for all tests that need node.
PACKAGES: Final = FOLDER.parent / "clients"
MODULES: Final = PACKAGES / "node_modules"
SECONDS: Final = 60


async def mocha(node: str, script: str, report: Path, **variables: str) -> dict[str, Any]:
    """Mocha's JSON: ``{"stats": {"passes", ...}, "failures": [{"fullTitle", "err"}, ...], ...}``."""
    process = await asyncio.create_subprocess_exec(
        *(node, str(MODULES / "mocha" / "bin" / "mocha.js"), "--exit", "--timeout", "10000"),
        *("--reporter", "json", "--reporter-option", f"output={report}", script),
        cwd=FOLDER,
        env={**os.environ, "NODE_PATH": str(MODULES), **variables},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    try:
        async with asyncio.timeout(SECONDS):
            written, _ = await process.communicate()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    return _read(report, written.decode())


def failures(report: dict[str, Any]) -> dict[str, str]:
    """Title of each failed test → why."""
    return {one["fullTitle"]: one["err"].get("message", "") for one in report["failures"]}


def _read(report: Path, written: str) -> dict[str, Any]:
    assert report.is_file(), written
    found: dict[str, Any] = json.loads(report.read_bytes())
    return found
