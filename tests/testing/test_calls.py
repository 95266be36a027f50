"""Services are called alike over both transports."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from stonechat import errors
from stonechat.testing import RestClient, SocketClient
from tests.support.live import Demo

Client = RestClient | SocketClient


@pytest.fixture(params=["rest", "socket"])
async def client(request: pytest.FixtureRequest, demo: Demo) -> AsyncIterator[Client]:
    if request.param == "rest":
        yield RestClient(demo.url)
    else:
        async with SocketClient.open(demo.url) as socket:
            yield socket


async def test_every_method_reaches_its_service(client: Client) -> None:
    notes = client.service("notes")
    first, second = await notes.create([{"text": "one"}, {"text": "two"}])

    assert await notes.get(first["_id"]) == first
    assert await notes.patch(first["_id"], {"text": "uno"}) == {**first, "text": "uno"}
    assert await notes.update(second["_id"], {"text": "due"}) == {"_id": second["_id"], "text": "due"}
    assert await notes.remove(first["_id"]) == {**first, "text": "uno"}
    assert (await notes.find({"text": "due"}))["data"] == [{"_id": second["_id"], "text": "due"}]
    assert await notes.remove(None, {"text": "due"}) == [{"_id": second["_id"], "text": "due"}]


async def test_a_query_arrives_as_it_was_written(client: Client) -> None:
    query = {"$or": [{"a": "x y"}, {"b": {"$in": ["1", "&"]}}], "name": "é"}

    assert (await client.service("echo").find(query))["query"] == query


async def test_an_id_may_hold_any_character(client: Client) -> None:
    assert (await client.service("echo").get("a/b c?d", {"q": "1"})) == {"id": "a/b c?d", "query": {"q": "1"}}


async def test_a_custom_method_is_called_by_its_name(client: Client) -> None:
    assert await client.service("echo").call("wave", {"to": "ben"}, {"q": "1"}) == {
        "waved": {"to": "ben"},
        "query": {"q": "1"},
    }


async def test_an_error_comes_back_as_it_was_raised(client: Client) -> None:
    with pytest.raises(errors.Conflict, match="Taken") as raised:
        await client.service("echo").get("taken")

    assert (raised.value.errors, raised.value.data) == ({"name": "is taken"}, {"by": "ada"})


async def test_an_error_that_the_server_keeps_to_itself_is_general(client: Client) -> None:
    with pytest.raises(errors.GeneralError, match="Internal server error"):
        await client.service("echo").get("broken")


async def test_a_service_that_does_not_exist_is_not_found(client: Client) -> None:
    with pytest.raises(errors.NotFound):
        await client.service("no/where/at/all").find()


async def test_who_has_logged_in_may_log_in_again_by_token_only(client: Client, demo: Demo) -> None:
    with pytest.raises(errors.NotAuthenticated, match="Invalid login"):
        await client.log_in(email="ada@hill.example", password="wrong")

    user = await client.log_in(email="ada@hill.example", password="correct horse")

    assert user["name"] == "Ada"
    token = await demo.token("ben@hill.example")
    assert (await client.log_in("jwt", accessToken=token))["name"] == "Ben"
