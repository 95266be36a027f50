from collections.abc import Callable
from typing import Any

import pytest

from stonechat.core.adapters.memory import MemoryService
from stonechat.core.application import Application
from stonechat.core.channels import Channel
from stonechat.core.context import Connection, HookContext, Params
from stonechat.core.hooks import HookMap
from stonechat.core.protect import protect
from stonechat.core.publications import Publication
from stonechat.core.service import Service

FORMS: dict[str, Callable[[], HookMap]] = {
    "after": lambda: {"after": {"all": [protect("password", "pin")]}},
    "around": lambda: [protect("password", "pin")],
}
ADA = {"_id": 1, "name": "Ada", "password": "secret", "pin": 1234}
SAFE = {"_id": 1, "name": "Ada"}


@pytest.fixture(params=["after", "around"])
def users(request: pytest.FixtureRequest) -> Service:
    app = Application()
    app.use("users", MemoryService(store={1: ADA}, multi=True))
    return app.service("users").hooks(FORMS[request.param]())


async def outcome(users: Service, method: str, **call: Any) -> HookContext:
    return await users.run(HookContext(users, method, **call))


async def test_clients_do_not_get_the_fields_and_own_code_does(users: Service) -> None:
    context = await outcome(users, "get", id=1)
    assert context.outcome == SAFE
    assert context.result == ADA
    assert await users.get(1) == ADA


@pytest.mark.parametrize("method", ["patch", "remove"])
async def test_lists_are_stripped_item_by_item(users: Service, method: str) -> None:
    context = await outcome(users, method, data={})
    assert context.outcome == [SAFE]


async def test_pages_are_stripped_inside(users: Service) -> None:
    params = Params(paginate={"default": 5})
    context = await outcome(users, "find", params=params)
    assert context.outcome == {"total": 1, "limit": 5, "skip": 0, "data": [SAFE]}
    assert context.result["data"] == [ADA]


async def test_a_record_whose_own_data_is_a_list_is_no_page(users: Service) -> None:
    await users.create({"_id": 2, "password": "x", "data": [{"password": "kept"}]})
    assert (await outcome(users, "get", id=2)).outcome == {"_id": 2, "data": [{"password": "kept"}]}


async def test_what_another_hook_dispatches_is_stripped_and_not_replaced(users: Service) -> None:
    def greet(context: HookContext) -> None:
        context.dispatch = {**context.result, "greeting": "hello"}

    users.hooks({"after": {"get": [greet, protect("password", "pin")]}})
    assert (await outcome(users, "get", id=1)).outcome == {**SAFE, "greeting": "hello"}


@pytest.mark.parametrize("value", [None, "text", 5])
async def test_what_has_no_fields_is_left_alone(users: Service, value: object) -> None:
    def answer(context: HookContext) -> None:
        context.result = value

    users.hooks({"before": {"get": [answer]}})
    assert (await outcome(users, "get", id=1)).outcome == value


async def test_events_do_not_carry_the_fields_either(users: Service) -> None:
    payloads: list[Any] = []
    everyone = Channel([Connection(id="a")])

    def publish(item: Any, context: HookContext) -> Publication:
        return everyone

    users.publish(publish)

    def record(service: Service, event: str, payload: Any, connections: list[Connection]) -> None:
        payloads.append(payload)

    users.app.on("publish", record)
    await users.patch(1, {"password": "changed"})
    await users.create([{"_id": 2, "password": "x"}, {"_id": 3, "password": "y"}])
    assert payloads == [SAFE, {"_id": 2}, {"_id": 3}]
