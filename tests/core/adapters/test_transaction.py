from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any

import pytest
from pymongo import AsyncMongoClient
from pymongo.asynchronous.database import AsyncDatabase
from pymongo.errors import PyMongoError

from stonechat.core.adapters.mongo import MongoService
from stonechat.core.adapters.transaction import transaction
from stonechat.core.application import Application
from stonechat.core.context import HookContext, Params
from stonechat.core.errors import BadRequest, Conflict, GeneralError, NotFound

Record = dict[str, Any]
Client = AsyncMongoClient[Record]


class School:
    """Orders that take from a stock, in one transaction; who hears of what is written down."""

    def __init__(self, database: AsyncDatabase[Record], client: Client) -> None:
        self.app = Application()
        self.heard: list[tuple[str, str]] = []
        self.running = False
        self.app.use("orders", MongoService(database["orders"]))
        self.app.use("stock", MongoService(database["stock"]))
        for path in ("orders", "stock"):
            for event in ("created", "patched"):
                self.app.service(path).on(event, partial(self._hear, f"{path} {event}"))
        self.orders = self.app.service("orders")
        self.stock = self.app.service("stock")
        self.orders.hooks({"around": {"create": [transaction(client)]}})
        self.orders.hooks({"after": {"create": [self.take]}})
        self.seen_before_commit: list[Record] = []

    def _hear(self, event: str, *_: object) -> None:
        self.heard.append((event, "running" if self.running else "done"))

    async def take(self, context: HookContext) -> None:
        inside = context.params.internal()
        item = context.data["item"]
        await self.stock.patch(item, {"$inc": {"left": -1}}, inside)
        self.seen_before_commit = [await self.stock.get(item), *await self.orders.find()]
        if (await self.stock.get(item, inside))["left"] < 0:
            raise BadRequest("sold out")


@pytest.fixture
async def school(database: AsyncDatabase[Record], mongodb: Client) -> School:
    school = School(database, mongodb)
    await school.stock.create({"_id": "pen", "left": 1})
    school.heard.clear()
    return school


async def test_all_is_committed_together_and_seen_by_nobody_before(school: School) -> None:
    order = await school.orders.create({"item": "pen"})
    assert school.seen_before_commit == [{"_id": "pen", "left": 1}]
    assert await school.orders.get(order["_id"]) == order
    assert await school.stock.get("pen") == {"_id": "pen", "left": 0}


async def test_an_error_in_an_after_hook_takes_everything_back(school: School) -> None:
    await school.orders.create({"item": "pen"})
    school.heard.clear()
    with pytest.raises(BadRequest, match="sold out"):
        await school.orders.create({"item": "pen"})
    assert len(await school.orders.find()) == 1
    assert await school.stock.get("pen") == {"_id": "pen", "left": 0}
    assert school.heard == []


async def test_an_error_of_the_method_takes_everything_back(school: School) -> None:
    order = await school.orders.create({"item": "pen"})
    school.orders.hooks({"before": {"create": [school.take]}})
    await school.stock.patch("pen", {"left": 5})
    with pytest.raises(Conflict):
        await school.orders.create({"_id": str(order["_id"]), "item": "pen"})
    assert await school.stock.get("pen") == {"_id": "pen", "left": 5}


async def test_events_are_told_after_the_commit_only(school: School) -> None:
    async def mark(_: HookContext, proceed: Callable[[], Awaitable[None]]) -> None:
        school.running = True
        await proceed()
        school.running = False

    school.orders.hooks({"around": {"create": [mark]}})
    await school.orders.create({"item": "pen"})
    assert school.heard == [("stock patched", "done"), ("orders created", "done")]


async def test_the_session_does_not_outlive_the_hook(school: School) -> None:
    context = HookContext(school.orders, "create", data={"item": "pen"}, params=Params(note=1))
    await school.orders.run(context)
    assert context.params == {"note": 1}
    with pytest.raises(NotFound):
        await school.orders.create({"item": "unknown"})


async def test_own_code_can_wait_for_the_commit(school: School) -> None:
    told: list[str] = []

    def tell(context: HookContext) -> None:
        context.params["after_commit"](lambda: 1 / 0)
        context.params["after_commit"](lambda: told.append(context.data["item"]))

    school.orders.hooks({"before": {"create": [tell]}})
    await school.orders.create({"item": "pen"})
    assert told == ["pen"]
    with pytest.raises(BadRequest):
        await school.orders.create({"item": "pen"})
    assert told == ["pen"]


async def test_a_call_inside_a_transaction_joins_it(school: School, mongodb: Client) -> None:
    school.stock.hooks({"around": {"patch": [transaction(mongodb)]}})
    await school.orders.create({"item": "pen"})
    with pytest.raises(BadRequest):
        await school.orders.create({"item": "pen"})
    assert (await school.stock.get("pen"))["left"] == 0


async def test_the_client_may_be_found_when_it_is_needed(
    database: AsyncDatabase[Record], mongodb: Client
) -> None:
    app = Application({"client": mongodb})
    app.use("things", MongoService(database["things"]))
    app.hooks({"around": {"all": [transaction(lambda context: context.app.get("client"))]}})
    thing = await app.service("things").create({"name": "A"})
    assert await app.service("things").get(thing["_id"]) == thing


async def test_what_the_driver_raises_inside_is_translated(school: School) -> None:
    async def fail(context: HookContext) -> None:
        raise PyMongoError("secret")

    school.orders.hooks({"before": {"create": [fail]}})
    with pytest.raises(GeneralError, match=r"^The database failed$"):
        await school.orders.create({"item": "pen"})


async def test_a_clash_of_transactions_is_tried_again(school: School, mongodb: Client) -> None:
    """The hook by itself, with another writer in its way for the first attempt."""
    context = HookContext(school.stock, "patch", id="pen", params=Params())
    clashed, attempts = asyncio.Event(), 0
    async with mongodb.start_session() as other:
        await other.start_transaction()
        await school.stock.patch("pen", {"left": 7}, Params(session=other))

        async def proceed() -> None:
            nonlocal attempts
            attempts += 1
            context.params["after_commit"](lambda: told.append(attempts))
            context.data = {"$inc": {"left": 1}}
            try:
                context.result = await school.stock.patch("pen", context.data, context.params)
            except PyMongoError:
                clashed.set()
                raise

        told: list[int] = []

        async def step_aside() -> None:
            await clashed.wait()
            await other.commit_transaction()

        aside = asyncio.create_task(step_aside())
        await transaction(mongodb)(context, proceed)
        await aside
    assert attempts > 1
    assert told == [attempts]
    assert context.result == {"_id": "pen", "left": 8}
    assert await school.stock.get("pen") == {"_id": "pen", "left": 8}


async def test_orders_that_clash_go_through_their_hooks_again_and_sell_what_there_is(school: School) -> None:
    await school.stock.patch("pen", {"left": 4})
    school.heard.clear()
    answers = await asyncio.gather(
        *(school.orders.create({"item": "pen"}) for _ in range(10)), return_exceptions=True
    )
    failed = [type(answer) for answer in answers if isinstance(answer, BaseException)]
    assert failed == [BadRequest] * 6
    assert await school.stock.get("pen") == {"_id": "pen", "left": 0}
    assert len(await school.orders.find()) == 4
    assert [event for event, _ in school.heard].count("orders created") == 4
    assert [event for event, _ in school.heard].count("stock patched") == 4
