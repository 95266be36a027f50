from __future__ import annotations

from typing import Any

import pytest

from stonechat.core.application import Application
from stonechat.core.context import Params
from stonechat.core.service import Service


class Pupils:
    async def find(self, params: Params) -> Any: ...

    async def create(self, data: Any, params: Params) -> Any: ...

    async def patch(self, id: Any, data: Any, params: Params) -> Any: ...


@pytest.fixture
def service() -> Service:
    return Application().use("pupils", Pupils()).service("pupils")
