"""What the README shows works as it stands there."""

from __future__ import annotations

import asyncio
from typing import Any

import aiohttp
import socketio

from stonechat import Application
from stonechat.core.testing import serving
from tests.support.pages import ROOT, fences

README = ROOT / "README.md"


async def test_the_service_of_the_readme_is_served_over_both_transports() -> None:
    (source,) = [fence.text for fence in fences(README.read_text()) if fence.language == "python"]
    shown: dict[str, Any] = {}
    exec(source, shown)
    app = shown["app"]
    assert isinstance(app, Application)
    heard: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
    async with serving(app) as url, aiohttp.ClientSession() as http:
        listener = socketio.AsyncClient()
        listener.on("notes created", heard.set_result)
        await listener.connect(url, transports=["websocket"])
        async with http.post(f"{url}/notes", json={"text": "Hello"}) as response:
            assert response.status == 201
            note = await response.json()
        assert note == {"_id": note["_id"], "text": "Hello", "from": "rest"}
        async with http.post(f"{url}/notes", json=[{"text": "Hello"}]) as response:
            assert response.status == 405
        async with asyncio.timeout(5):
            assert await heard == note
        error, page = await listener.call("find", ("notes", {"text": {"$ne": ""}, "$sort": {"text": 1}}))
        assert error is None
        assert page == {"total": 1, "limit": 10, "skip": 0, "data": [note]}
        await listener.disconnect()
