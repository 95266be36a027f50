"""The official JavaScript clients, unmodified, in processes of their own."""

import asyncio
import json
import shutil
from pathlib import Path
from typing import Final

import pytest

from stonechat import demo
from tests.support.school import School

FOLDER: Final = Path(__file__).parent
TRANSPORTS: Final = {
    "rest": None,
    "websocket": ["websocket"],
    "polling": ["polling"],
    "upgrade": ["polling", "websocket"],
}
SECONDS: Final = 60


async def run(*command: str) -> tuple[int, str]:
    """The exit status, and everything that was written."""
    process = await asyncio.create_subprocess_exec(
        *command, cwd=FOLDER, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
    )
    try:
        written, _ = await asyncio.wait_for(process.communicate(), SECONDS)
    except TimeoutError:
        process.kill()
        written, _ = await process.communicate()
        return 1, f"not done after {SECONDS} s\n{written.decode()}"
    assert process.returncode is not None
    return process.returncode, written.decode()


@pytest.fixture(scope="module")
async def node() -> str:
    """Node, with the clients' packages installed."""
    found, npm = shutil.which("node"), shutil.which("npm")
    assert found is not None, "the tests of the official clients need node 20 or newer"
    if not (FOLDER / "node_modules").is_dir():
        assert npm is not None, "the tests of the official clients need npm"
        status, written = await run(npm, "ci", "--no-audit", "--no-fund")
        assert status == 0, written
    return found


async def succeeds(node: str, script: str, school: School, transport: str) -> None:
    what = {
        "url": school.url,
        "people": {email.partition("@")[0]: email for _, email, _ in demo.logins()},
        "password": demo.PASSWORD,
        "transports": TRANSPORTS[transport],
    }
    status, written = await run(node, script, json.dumps(what))
    assert status == 0, written


@pytest.mark.parametrize("transport", ["rest", "websocket", "polling", "upgrade"])
async def test_clients_log_in_find_create_patch_and_remove(school: School, node: str, transport: str) -> None:
    await succeeds(node, "calls.mjs", school, transport)


@pytest.mark.parametrize("transport", ["rest", "websocket"])
async def test_errors_are_the_clients_own_classes(school: School, node: str, transport: str) -> None:
    await succeeds(node, "errors.mjs", school, transport)


@pytest.mark.parametrize("transport", ["websocket", "polling", "upgrade"])
async def test_a_message_is_heard_by_the_other_members_and_by_no_one_else(
    school: School, node: str, transport: str
) -> None:
    await succeeds(node, "events.mjs", school, transport)


@pytest.mark.parametrize(
    "transport",
    ["websocket", *(pytest.param(name, marks=pytest.mark.long) for name in ("polling", "upgrade"))],
)
async def test_clients_connect_with_a_token_and_come_back_after_a_loss(
    school: School, node: str, transport: str
) -> None:
    await succeeds(node, "connections.mjs", school, transport)
