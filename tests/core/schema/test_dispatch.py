import copy
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest

from stonechat.core.adapters.memory import MemoryService
from stonechat.core.application import Application
from stonechat.core.context import UNSET, HookContext, Params
from stonechat.core.encoding import decode, encode
from stonechat.core.schema import (
    resolve,
    resolve_dispatch,
    resolve_external,
    resolve_result,
    virtual,
)
from stonechat.core.service import Service
from tests.support.live import Demo, serve_demo
from tests.support.wire import Wire

ADA = {"_id": 1, "name": "Ada", "password": "secret"}
SAFE = {"_id": 1, "name": "Ada"}
EXTERNAL = resolve({"password": lambda value, obj, context, status: UNSET})


async def sender(message: Any, context: HookContext, status: Any) -> Any:
    return await context.app.service("users").get(message["senderId"])


@pytest.fixture
def app() -> Application:
    """Users with a password, and messages with their sender in them."""
    app = Application()
    app.use("users", MemoryService(store={1: ADA}, multi=True))
    app.use("messages", MemoryService(store={1: {"senderId": 1}}, multi=True))
    app.service("users").hooks([resolve_external(EXTERNAL)])
    populate = resolve({"sender": virtual(sender)})
    app.service("messages").hooks([resolve_external(), resolve_result(populate)])
    return app


@pytest.fixture
def users(app: Application) -> Service:
    return app.service("users")


async def outcome(service: Service, method: str, **call: Any) -> HookContext:
    return await service.run(HookContext(service, method, **call))


def test_dispatch_is_another_name_for_external() -> None:
    assert resolve_dispatch is resolve_external


async def test_what_goes_out_is_resolved_and_the_result_stays_whole(users: Service) -> None:
    context = await outcome(users, "get", id=1)
    assert context.dispatch == context.outcome == SAFE
    assert context.result == ADA
    assert await users.get(1) == ADA


async def test_lists_and_pages_are_resolved_record_by_record(users: Service) -> None:
    assert (await outcome(users, "find")).outcome == [SAFE]
    context = await outcome(users, "find", params=Params(paginate={"default": 5}))
    assert context.outcome == {"total": 1, "limit": 5, "skip": 0, "data": [SAFE]}
    assert context.result["data"] == [ADA]


async def test_a_populated_user_is_safe_inside_a_message(app: Application) -> None:
    messages = app.service("messages")
    for method, call in (("get", {"id": 1}), ("patch", {"id": 1, "data": {"text": "b"}})):
        context = await outcome(messages, method, **call)
        assert context.result["sender"] == ADA
        assert context.outcome["sender"] == SAFE
    assert (await outcome(messages, "find")).outcome[0]["sender"] == SAFE


@pytest.mark.parametrize("select", [["sender"], ["sender.password"], ["sender", "sender.password"]])
async def test_no_selection_of_it_shows_more(app: Application, select: list[str]) -> None:
    context = await outcome(app.service("messages"), "get", id=1, params=Params(query={"$select": select}))
    assert context.outcome == {"sender": SAFE}


async def test_it_is_safe_wherever_it_is_put(app: Application) -> None:
    async def deep(obj: Any, context: HookContext, status: Any) -> Any:
        users = context.app.service("users")
        page = await users.find(Params(paginate={"default": 5}))
        return {"list": [await users.find()], "page": page, "copy": copy.deepcopy(await users.get(1))}

    app.service("messages").hooks([resolve_result(resolve({"deep": virtual(deep)}))])
    context = await outcome(app.service("messages"), "get", id=1)
    assert context.result["deep"]["list"] == [[ADA]]
    assert context.outcome["deep"] == {
        "list": [[SAFE]],
        "page": {"total": 1, "limit": 5, "skip": 0, "data": [SAFE]},
        "copy": SAFE,
    }


async def test_a_record_dispatched_in_a_nested_call_is_not_resolved_again(app: Application) -> None:
    class Heads:
        async def get(self, id: Any, params: Params) -> Any:
            return await app.service("users").get(id)

    app.use("heads", Heads())
    app.service("heads").hooks(
        [resolve_external(resolve({"name": lambda value, obj, context, status: "again"}))]
    )
    assert (await outcome(app.service("heads"), "get", id=1)).outcome == SAFE


async def test_the_fields_that_a_call_selects_are_those_that_go_out(users: Service) -> None:
    initial = resolve({"initial": virtual(lambda obj, context, status: obj["name"][0])})
    users.app.use("members", MemoryService(store={1: ADA}))
    members = users.app.service("members").hooks([resolve_external(EXTERNAL, initial)])
    members.hooks([resolve_result(resolve({}))])
    context = await outcome(members, "get", id=1, params=Params(query={"$select": ["name", "password"]}))
    assert (context.result, context.outcome) == ({"name": "Ada", "password": "secret"}, {"name": "Ada"})
    assert (await outcome(members, "get", id=1)).outcome == {**SAFE, "initial": "A"}


async def test_the_selection_of_an_outer_call_is_not_that_of_a_nested_one(app: Application) -> None:
    async def with_params(message: Any, context: HookContext, status: Any) -> Any:
        return await context.app.service("users").get(1, context.params.internal())

    app.use("letters", MemoryService(store={1: {}}))
    resolver = resolve({"sender": virtual(with_params)})
    app.service("letters").hooks([resolve_external(), resolve_result(resolver)])
    params = Params(query={"$select": ["sender"]})
    assert (await outcome(app.service("letters"), "get", id=1, params=params)).outcome == {"sender": SAFE}


@pytest.mark.parametrize("value", [None, "text", 5])
async def test_what_has_no_fields_is_left_alone(users: Service, value: object) -> None:
    def answer(context: HookContext) -> None:
        context.result = value

    users.hooks({"before": {"get": [answer]}})
    assert (await outcome(users, "get", id=1)).outcome == value


async def test_what_is_stored_from_a_dispatched_record_is_a_plain_one(users: Service) -> None:
    ada = await users.get(1)
    assert type({**ada}) is dict
    assert type(await users.wrapped.create({**ada, "_id": 2})) is dict
    assert decode(encode(ada)) == ADA


@pytest.fixture
async def demo() -> AsyncIterator[Demo]:
    async with serve_demo() as demo:
        app = demo.app
        app.use("members", MemoryService(store={1: ADA}))
        app.use("letters", MemoryService(start_id=1))
        app.service("members").hooks([resolve_external(EXTERNAL)])

        async def member(letter: Any, context: HookContext, status: Any) -> Any:
            return await context.app.service("members").get(1)

        app.service("letters").hooks([resolve_external(), resolve_result(resolve({"from": virtual(member)}))])
        yield demo


async def test_rest_acknowledgements_and_events_carry_the_same(demo: Demo) -> None:
    letter = {"text": "hello", "_id": 1, "from": SAFE}
    async with Wire.open(demo.url) as wire, aiohttp.ClientSession() as http:
        assert await wire.call("create", "letters", {"text": "hello"}, {}) == [None, letter]
        assert await wire.event("letters created") == [letter]
        async with http.get(f"{demo.url}/letters/1") as answer:
            assert await answer.json() == letter
        async with http.get(f"{demo.url}/members") as answer:
            assert await answer.json() == [SAFE]
        async with http.patch(f"{demo.url}/members/1", json={"name": "Countess"}) as answer:
            assert await answer.json() == {**SAFE, "name": "Countess"}
        assert await wire.event("members patched") == [{**SAFE, "name": "Countess"}]
