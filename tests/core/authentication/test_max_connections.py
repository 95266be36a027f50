from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from stonechat.core.authentication import authentication_of
from tests.support.live import Demo, serve_demo
from tests.support.sse import EventSource
from tests.support.waiting import until
from tests.support.wire import Wire

ADA = {"strategy": "local", "email": "ada@hill.example", "password": "correct horse"}
TOO_MANY = "Too many connections of this user are open"


@pytest.fixture
async def demo() -> AsyncIterator[Demo]:
    async with serve_demo(max_connections=2) as demo:
        yield demo


async def test_one_more_socket_of_a_user_is_refused_until_another_closes(demo: Demo) -> None:
    auth = {"token": await demo.token()}
    async with Wire.open(demo.url, auth=auth) as first:
        async with Wire.open(demo.url, auth=auth):
            async with Wire.open(demo.url, login=False) as third:
                with pytest.raises(PermissionError) as refused:
                    await third.connect(auth)
                assert refused.value.args == ({"message": TOO_MANY, "data": {"limit": 2}},)
            ben = {"token": await demo.token("ben@hill.example")}
            async with Wire.open(demo.url, auth=ben), Wire.open(demo.url):
                assert (await first.call("find", "notes"))[0] is None
        await until(lambda: authentication_is_at(demo, 1))
        async with Wire.open(demo.url, auth=auth):
            assert (await first.call("find", "notes"))[0] is None


def authentication_is_at(demo: Demo, connections: int) -> bool:
    service = authentication_of(demo.app)
    return service is not None and len(service.logins) == connections


async def test_streams_count_as_sockets_do(demo: Demo) -> None:
    token = await demo.token()
    async with Wire.open(demo.url, auth={"token": token}), EventSource.open(f"{demo.url}/notes", token=token):
        with pytest.raises(PermissionError) as refused:
            async with EventSource.open(f"{demo.url}/notes", token=token):
                pass
        status, body = refused.value.args
        assert (status, body["className"], body["data"]) == (429, "too-many-requests", {"limit": 2})


async def test_who_logs_in_later_is_counted_then(demo: Demo) -> None:
    auth = {"token": await demo.token()}
    async with Wire.open(demo.url, auth=auth) as first, Wire.open(demo.url) as second:
        assert (await second.call("create", "authentication", ADA))[0] is None
        # Once more on the same connection is no further one.
        assert (await second.call("create", "authentication", ADA))[0] is None
        async with Wire.open(demo.url) as third:
            (error,) = await third.call("create", "authentication", ADA)
            assert (error["code"], error["message"]) == (429, TOO_MANY)
            assert [connection.user is None for connection in demo.connections] == [False, False, True]
            assert (await first.call("remove", "authentication", None, {}))[0] is None
            assert (await third.call("create", "authentication", ADA))[0] is None
