from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from stonechat.core.adapters.memory import MemoryService
from stonechat.core.application import Application
from stonechat.core.channels import Channel
from stonechat.core.context import Connection, HookContext


@pytest.fixture
def app() -> Application:
    app = Application()
    app.use("notes", MemoryService())
    return app


def noted(said: list[str], name: str) -> Callable[..., None]:
    def listener(*_: object) -> None:
        said.append(name)

    return listener


async def test_what_is_about_to_be_published_is_said_before_it_was(app: Application) -> None:
    said: list[str] = []

    def audience(_: Any, __: HookContext) -> Channel:
        said.append("publisher")
        return Channel([Connection(id="a")])

    app.service("notes").publish("created", audience)
    for name in ("published", "publish", "publishing"):
        app.on(name, noted(said, name))
    await app.service("notes").create({"text": "Hello"})
    assert said == ["publishing", "publisher", "publish", "published"]


async def test_it_is_said_of_what_nobody_is_sent_too(app: Application) -> None:
    said: list[str] = []
    for name in ("published", "publish", "publishing"):
        app.on(name, noted(said, name))
    await app.service("notes").create({"text": "Hello"})
    assert said == ["publishing", "published"]
