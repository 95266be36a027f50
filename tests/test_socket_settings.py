"""What is set for sockets holds for the school as it is served."""

from __future__ import annotations

from collections.abc import AsyncIterator

import aiohttp
import pytest
from websockets.exceptions import InvalidStatus

from stonechat.app import create_app
from stonechat.core.context import Params
from stonechat.core.testing import serving
from stonechat.core.transports.realtime import Sockets
from tests.support.school import Person, School, test_settings
from tests.support.waiting import until
from tests.support.wire import Wire

LIMITS = {"max_per_user": 1, "max_per_address": 3, "connects_per_minute": 6}


@pytest.fixture
async def limited(mongodb_url: str) -> AsyncIterator[Person]:
    """Somebody of a school with such limits."""
    app = create_app(test_settings(mongodb_url, "test_socket_settings", sockets=LIMITS))
    async with serving(app) as url, aiohttp.ClientSession() as http:
        users = app.service("users")
        if not await users.find(Params(paginate=False)):
            school = await app.service("schools").create({"name": "Small", "slug": "small"})
            data = {"email": "ada@small.example", "name": "Ada", "role": "student", "password": "long-enough"}
            await users.create(data, Params(tenant=school["_id"]))
        yield await School(app, url, http).log_in("ada@small.example", "long-enough")


async def test_the_school_has_the_limits_of_its_settings(limited: Person) -> None:
    url, auth = limited.school.url, {"token": limited.token}
    sockets = limited.school.app.realtime
    assert isinstance(sockets, Sockets)
    async with Wire.open(url, auth=auth), Wire.open(url), Wire.open(url, login=False) as third:
        with pytest.raises(InvalidStatus) as refused:
            async with Wire.open(url):
                pass
        assert (refused.value.response.status_code, refused.value.response.headers["Retry-After"]) == (
            429,
            "10",
        )
        with pytest.raises(PermissionError) as told:
            await third.connect(auth)
        assert told.value.args[0]["data"] == {"limit": 1}
    for _ in range(3):
        await until(lambda: sockets.open == 0)
        async with Wire.open(url):
            pass
    await until(lambda: sockets.open == 0)
    with pytest.raises(InvalidStatus) as refused:
        async with Wire.open(url):
            pass
    assert int(refused.value.response.headers["Retry-After"]) > 40
