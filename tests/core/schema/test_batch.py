import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, cast

import pytest
from bson import ObjectId
from pymongo.asynchronous.database import AsyncDatabase

from stonechat.core.adapters.base import AdapterBase
from stonechat.core.adapters.memory import MemoryService
from stonechat.core.adapters.mongo import MongoService
from stonechat.core.application import Application
from stonechat.core.context import HookContext, Params
from stonechat.core.errors import Unavailable
from stonechat.core.schema import batched, resolve, resolve_external, resolve_result, virtual

Json = dict[str, Any]
Ask = Callable[..., Awaitable[Any]]


class Counted(MemoryService):
    """Remembers the params of every query."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.asked: list[Params] = []

    async def find(self, params: Params | None = None) -> Any:
        self.asked.append(Params(params or {}))
        return await super().find(params)


@pytest.fixture
def users() -> Counted:
    store = {at: {"name": f"user {at}"} for at in range(1, 2001)}
    return Counted(store=store, paginate={"default": 10, "max": 10})


@pytest.fixture
def app(users: Counted) -> Application:
    app = Application()
    app.use("users", users)
    app.use("messages", MemoryService())
    return app


def call(app: Application, **params: Any) -> HookContext:
    return HookContext(app.service("messages"), "find", params=Params(params))


def ids(params: Params) -> list[Any]:
    return cast("list[Any]", params.query["_id"]["$in"])


def with_senders(app: Application, **fields: str) -> None:
    """Every message has the users in ``fields`` that it names in the fields these give."""
    load = batched("users")

    def of(field: str) -> Any:
        async def look_up(message: Any, context: HookContext, status: Any) -> Any:
            return await load(message.get(field), context, status)

        return virtual(look_up)

    resolver = resolve({name: of(field) for name, field in fields.items()})
    app.service("messages").hooks([resolve_result(resolver)])


async def test_fifty_senders_of_fifty_messages_are_one_query(app: Application, users: Counted) -> None:
    with_senders(app, sender="senderId")
    for at in range(1, 51):
        await app.service("messages").create({"senderId": at})
    users.asked.clear()
    found = await app.service("messages").find()
    assert [message["sender"]["name"] for message in found] == [f"user {at}" for at in range(1, 51)]
    assert [sorted(ids(params)) for params in users.asked] == [list(range(1, 51))]


async def test_the_fields_of_a_message_share_the_query_and_nobody_is_asked_for_twice(
    app: Application, users: Counted
) -> None:
    with_senders(app, sender="senderId", editor="editorId")
    await app.service("messages").create({"senderId": 1, "editorId": 2})
    await app.service("messages").create({"senderId": 2, "editorId": 1})
    users.asked.clear()
    first, second = await app.service("messages").find()
    assert first["sender"] == second["editor"] == {"_id": 1, "name": "user 1"}
    assert [sorted(ids(params)) for params in users.asked] == [[1, 2]]


async def test_who_is_missing_is_none(app: Application) -> None:
    load, context = batched("users"), call(app)
    found = await asyncio.gather(load(1, context), load(0, context))
    assert list(found) == [{"_id": 1, "name": "user 1"}, None]


@pytest.mark.parametrize("id", [None, {"$gt": 0}, [1]])
async def test_what_is_no_id_is_nobodys_and_no_query(app: Application, users: Counted, id: Any) -> None:
    assert await batched("users")(id, call(app)) is None
    assert users.asked == []


async def test_a_query_asks_for_a_thousand_at_most(app: Application, users: Counted) -> None:
    load, context = batched("users"), call(app)
    found = await asyncio.gather(*(load(at, context) for at in range(1, 2001)))
    assert [one["_id"] for one in found if one] == list(range(1, 2001))
    assert [len(ids(params)) for params in users.asked] == [1000, 1000]


async def test_a_query_may_be_made_to_ask_for_less(app: Application, users: Counted) -> None:
    load, context = batched("users", size=2), call(app)
    await asyncio.gather(*(load(at, context) for at in range(1, 4)))
    assert [len(ids(params)) for params in users.asked] == [2, 1]


async def test_a_call_remembers_and_the_next_call_asks_again(app: Application, users: Counted) -> None:
    load, context = batched("users"), call(app)
    first = await load(1, context)
    assert await load("1", context) is first
    assert len(users.asked) == 1
    await app.service("users").patch(1, {"name": "new"})
    assert await load(1, call(app)) == {"_id": 1, "name": "new"}
    assert len(users.asked) == 2


async def test_the_query_is_own_codes_for_the_same_tenant_and_user(app: Application, users: Counted) -> None:
    user = {"_id": 1}
    params = {"tenant": 5, "user": user, "provider": "rest", "restrict": {"a": 1}, "query": {"b": 1}}
    await batched("users")(1, call(app, **params))
    (asked,) = users.asked
    assert asked.query == {"_id": {"$in": [1]}}
    assert (asked["tenant"], asked.user, asked.provider, "restrict" in asked) == (5, user, None, False)


async def test_a_restriction_holds_for_look_ups_in_the_same_service(app: Application) -> None:
    messages = app.service("messages")
    for room in ("mine", "theirs"):
        await messages.create({"room": room})
    load, context = batched("messages"), call(app, restrict={"room": "mine"})
    found = await asyncio.gather(load(0, context), load(1, context))
    assert list(found) == [{"_id": 0, "room": "mine"}, None]


async def test_records_are_found_by_any_field_with_unique_values(app: Application) -> None:
    load, context = batched("users", "name"), call(app)
    assert await load("user 7", context) == {"_id": 7, "name": "user 7"}


async def test_a_failure_reaches_everybody_who_waits(app: Application) -> None:
    def fail(context: HookContext) -> None:
        raise Unavailable("The database is not available")

    app.service("users").hooks({"before": {"find": [fail]}})
    load, context = batched("users"), call(app)
    outcomes = await asyncio.gather(load(1, context), load(2, context), return_exceptions=True)
    assert [type(one) for one in outcomes] == [Unavailable, Unavailable]


async def test_who_gives_up_leaves_the_record_to_the_others(app: Application) -> None:
    asked, go = asyncio.Event(), asyncio.Event()

    async def wait(context: HookContext) -> None:
        asked.set()
        await go.wait()

    app.service("users").hooks({"before": {"find": [wait]}})
    load, context = batched("users"), call(app)
    impatient = asyncio.create_task(load(1, context))
    patient = asyncio.create_task(load(1, context))
    await asked.wait()
    impatient.cancel()
    with pytest.raises(asyncio.CancelledError):
        await impatient
    go.set()
    assert await patient == {"_id": 1, "name": "user 1"}


async def test_services_that_populate_each_other_do_not_go_round(app: Application) -> None:
    with_senders(app, sender="senderId")
    message = batched("messages")
    newest = virtual(lambda user, context, status: message(0, context, status))
    app.service("users").hooks([resolve_result(resolve({"newest": newest}))])
    await app.service("messages").create({"senderId": 1})
    async with asyncio.timeout(5):
        (found,) = await app.service("messages").find()
    assert found["sender"]["newest"] == {"_id": 0, "senderId": 1}


async def test_with_the_database_a_page_of_messages_has_its_safe_senders_by_one_query(
    database: AsyncDatabase[Json],
) -> None:
    app = Application()
    finds: list[Any] = []
    types: dict[str, Any] = {"senderId": ObjectId}
    adapters: dict[str, AdapterBase] = {
        "users": MongoService(database["users"], paginate={"default": 10, "max": 20}, multi=True),
        "messages": MongoService(database["messages"], paginate={"default": 50}, fields=types, multi=True),
    }
    for path, adapter in adapters.items():
        app.use(path, adapter)
    app.service("users").hooks(
        [resolve_external(resolve({"password": lambda value, obj, context, status: None}))]
    )

    def note(context: HookContext) -> None:
        finds.append(context.params.query)

    app.service("users").hooks({"before": {"find": [note]}})
    app.service("messages").hooks([resolve_external()])
    with_senders(app, sender="senderId")
    users = await app.service("users").create([{"name": f"user {at}", "password": "x"} for at in range(50)])
    await app.service("messages").create([{"senderId": user["_id"]} for user in users])
    finds.clear()
    context = HookContext(app.service("messages"), "find", params=Params(provider="rest"))
    page = (await context.service.run(context)).outcome
    assert [message["sender"] for message in page["data"]] == [{**user, "password": None} for user in users]
    assert len(finds) == 1
