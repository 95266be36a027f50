from __future__ import annotations

import asyncio

from bson import ObjectId

from stonechat.core.context import HookContext, Params
from stonechat.hooks.turns import in_turn
from tests.support.people import newcomer, talk_of, write
from tests.support.school import School
from tests.support.waiting import until


def call(school: School, tenant: ObjectId, **more: object) -> HookContext:
    params = Params({"provider": "rest", "tenant": tenant, **more})
    return HookContext(school.app.service("members"), "patch", params=params)


class Calls:
    """Calls that wait to be let go; ``entered`` are the names of those that have begun."""

    def __init__(self) -> None:
        self.entered: list[str] = []
        self.go = asyncio.Event()

    async def make(self, name: str, context: HookContext) -> None:
        async def proceed() -> None:
            self.entered.append(name)
            await self.go.wait()

        await in_turn(context, proceed)


async def test_calls_of_a_school_follow_one_another_and_other_schools_do_not_wait(school: School) -> None:
    calls, here, there = Calls(), ObjectId(), ObjectId()
    async with asyncio.TaskGroup() as group:
        for name, tenant in (("first", here), ("second", here), ("elsewhere", there)):
            _ = group.create_task(calls.make(name, call(school, tenant)))
        _ = group.create_task(calls.make("own code", call(school, here, provider=None)))
        _ = group.create_task(calls.make("nested", call(school, here, session=object())))
        await until(lambda: len(calls.entered) == 4)
        assert calls.entered == ["first", "elsewhere", "own code", "nested"]
        calls.go.set()
    assert calls.entered[-1] == "second"


async def test_a_call_that_fails_gives_its_turn_away(school: School) -> None:
    here = ObjectId()

    async def fail() -> None:
        raise ValueError("no")

    results = await asyncio.gather(
        *(in_turn(call(school, here), fail) for _ in range(3)), return_exceptions=True
    )
    assert [str(result) for result in results] == ["no"] * 3


async def test_managers_get_their_turn_where_many_write(school: School) -> None:
    ada, ben = await newcomer(school), await newcomer(school)
    talk = await talk_of(ada, ben)
    place = await school.one("members", conversationId=talk, userId=ben.id)
    async with asyncio.TaskGroup() as group:
        writing = [group.create_task(write(ada, talk)) for _ in range(20)]
        removed = await ada.rest("remove", "members", id=str(place["_id"]))
    assert removed.code == 200
    seqs = sorted(task.result()["seq"] for task in writing)
    assert seqs == list(range(1, 21))
