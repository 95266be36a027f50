import asyncio
from functools import partial

import pytest

from stonechat.core.turns import TimeOfTurn, Turns, TurnsOfLoops


async def test_so_much_is_done_in_each_turn_and_in_order() -> None:
    turns = Turns(at_once=2)
    done: list[int] = []
    for number in range(5):
        turns.add(partial(done.append, number))
    assert done == []
    for expected in ([0, 1], [0, 1, 2, 3], [0, 1, 2, 3, 4]):
        await asyncio.sleep(0)
        assert done == expected


async def test_work_may_bring_more_work() -> None:
    turns = Turns(at_once=2)
    done: list[str] = []

    def first() -> None:
        done.append("first")
        turns.add(partial(done.append, "second"))

    turns.add(first)
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert done == ["first", "second"]


async def test_work_that_fails_holds_up_nothing() -> None:
    loop = asyncio.get_running_loop()
    turns = Turns(at_once=3)
    done: list[int] = []
    failures: list[BaseException] = []

    def fail() -> None:
        raise ZeroDivisionError

    usual = loop.get_exception_handler()
    loop.set_exception_handler(lambda _, context: failures.append(context["exception"]))
    try:
        for work in (partial(done.append, 1), fail, partial(done.append, 2)):
            turns.add(work)
        await asyncio.sleep(0)
        await asyncio.sleep(0)
    finally:
        loop.set_exception_handler(usual)
    assert done == [1, 2]
    assert [type(failure) for failure in failures] == [ZeroDivisionError]


def test_each_loop_has_its_own() -> None:
    kind = TurnsOfLoops(at_once=1)
    with asyncio.Runner() as one, asyncio.Runner() as other:
        first = kind.of(one.get_loop())
        assert kind.of(one.get_loop()) is first
        assert kind.of(other.get_loop()) is not first


@pytest.mark.parametrize("count", [1, 4])
async def test_nothing_is_left_scheduled_when_nothing_waits(count: int) -> None:
    turns = Turns(at_once=2)
    done: list[int] = []
    for _ in range(3):
        for number in range(count):
            turns.add(partial(done.append, number))
        for _ in range(count):
            await asyncio.sleep(0)
    assert done == list(range(count)) * 3


async def test_once_the_time_of_a_turn_is_used_up_the_rest_waits_for_the_next() -> None:
    time = TimeOfTurn(0.0)
    begun: list[int] = []

    async def work(number: int) -> None:
        await time.wait()
        begun.append(number)

    workers = [asyncio.create_task(work(number)) for number in range(3)]
    for expected in ([0], [0, 1], [0, 1, 2]):
        await asyncio.sleep(0)
        assert begun == expected
    await asyncio.gather(*workers)


async def test_what_the_time_of_a_turn_is_enough_for_is_done_at_once() -> None:
    time = TimeOfTurn(60.0)
    for _ in range(3):
        with pytest.raises(StopIteration):  # it has waited for nothing
            time.wait().send(None)


def test_the_time_of_a_turn_is_that_of_each_loop() -> None:
    time = TimeOfTurn(0.0)
    asyncio.run(asyncio.wait_for(time.wait(), 5))
    asyncio.run(asyncio.wait_for(time.wait(), 5))
