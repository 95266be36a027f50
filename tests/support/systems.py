"""Client programs of the systems, each in a process of its own."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any, Final

from stonechat import demo
from tests.support.school import School

SYSTEMS: Final = Path(__file__).parents[1] / "systems"
SECONDS: Final = 120


async def play(node: str, program: str, school: School) -> list[str]:
    """Run ``program``, a path below tests/systems, against the school; the names of what it has checked.

    Raises AssertionError that tells each check that failed, and why.
    """
    what = {
        "url": school.url,
        "people": {email.partition("@")[0]: email for _, email, _ in demo.logins()},
        "password": demo.PASSWORD,
    }
    process = await asyncio.create_subprocess_exec(
        *(node, str(SYSTEMS / program), json.dumps(what)),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        async with asyncio.timeout(SECONDS):
            written, complaints = await process.communicate()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    checks: list[dict[str, Any]] = [json.loads(line) for line in written.decode().splitlines()]
    failed = [f"{one['check']}: {one['why']}" for one in checks if not one["ok"]]
    assert not failed, "\n\n".join(failed)
    assert process.returncode == 0, complaints.decode()
    return [one["check"] for one in checks]
