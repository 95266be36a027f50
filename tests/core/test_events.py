from __future__ import annotations

import asyncio

import pytest
from structlog.testing import capture_logs

from stonechat.core.events import EventEmitter, Tasks


@pytest.fixture
def tasks() -> Tasks:
    return Tasks()


@pytest.fixture
def emitter(tasks: Tasks) -> EventEmitter:
    return EventEmitter(tasks)


def test_listening_can_be_chained(emitter: EventEmitter) -> None:
    heard: list[int] = []
    assert emitter.on("x", heard.append).once("x", heard.append).off("x", print) is emitter
    emitter.emit("x", 1)
    emitter.emit("x", 2)
    assert heard == [1, 1, 2]


def test_listeners_are_called_in_their_order_with_all_arguments(emitter: EventEmitter) -> None:
    heard: list[tuple[str, int, int]] = []

    def first(a: int, b: int) -> None:
        heard.append(("first", a, b))

    def second(a: int, b: int) -> None:
        heard.append(("second", a, b))

    emitter.on("x", first)
    emitter.on("x", second)
    assert emitter.emit("x", 1, 2)
    assert heard == [("first", 1, 2), ("second", 1, 2)]


def test_an_event_nobody_listens_to_says_so(emitter: EventEmitter) -> None:
    heard: list[int] = []
    emitter.on("y", heard.append)
    assert not emitter.emit("x", 1)
    assert heard == []


def test_once_hears_once(emitter: EventEmitter) -> None:
    heard: list[int] = []
    emitter.once("x", heard.append)
    emitter.emit("x", 1)
    assert not emitter.emit("x", 2)
    assert heard == [1]


def test_off_stops_a_listener(emitter: EventEmitter) -> None:
    heard: list[int] = []
    emitter.on("x", heard.append)
    assert emitter.has_listeners("x")
    emitter.off("x", heard.append)
    assert not emitter.has_listeners("x")
    assert not emitter.emit("x", 1)


def test_off_stops_a_listener_of_one_event_before_it(emitter: EventEmitter) -> None:
    heard: list[int] = []
    emitter.once("x", heard.append)
    emitter.off("x", heard.append)
    emitter.emit("x", 1)
    assert heard == []


def test_off_stops_one_of_two_equal_listeners(emitter: EventEmitter) -> None:
    heard: list[int] = []
    emitter.on("x", heard.append)
    emitter.on("x", heard.append)
    emitter.off("x", heard.append)
    emitter.emit("x", 1)
    assert heard == [1]


def test_off_for_a_stranger_changes_nothing(emitter: EventEmitter) -> None:
    heard: list[int] = []
    emitter.on("x", heard.append)
    emitter.off("x", print)
    emitter.off("y", heard.append)
    emitter.emit("x", 1)
    assert heard == [1]


def test_a_listener_added_while_an_event_is_told_waits_for_the_next(emitter: EventEmitter) -> None:
    heard: list[int] = []

    def add(_: int) -> None:
        emitter.on("x", heard.append)

    emitter.once("x", add)
    emitter.emit("x", 1)
    emitter.emit("x", 2)
    assert heard == [2]


def test_a_failing_listener_is_logged_and_the_others_are_told(emitter: EventEmitter) -> None:
    heard: list[int] = []

    def fail(_: int) -> None:
        raise ValueError("broken")

    emitter.on("x", fail)
    emitter.on("x", heard.append)
    with capture_logs() as logs:
        assert emitter.emit("x", 1)
    assert heard == [1]
    assert [(entry["event"], entry["event_name"]) for entry in logs] == [("event listener failed", "x")]


async def test_coroutine_listeners_go_on_in_the_background_and_are_waited_for_at_the_end(
    emitter: EventEmitter, tasks: Tasks
) -> None:
    heard: list[int] = []
    release = asyncio.Event()

    async def listener(item: int) -> None:
        await release.wait()
        heard.append(item)

    emitter.on("x", listener)
    emitter.emit("x", 1)
    assert heard == []
    release.set()
    await tasks.close()
    assert heard == [1]


async def test_a_failing_coroutine_listener_is_logged(emitter: EventEmitter, tasks: Tasks) -> None:
    async def fail() -> None:
        raise ValueError("broken")

    emitter.on("x", fail)
    with capture_logs() as logs:
        emitter.emit("x")
        await tasks.close()
    assert [(entry["event"], entry["task"]) for entry in logs] == [("background task failed", "on x")]


async def test_emit_async_waits_for_coroutines_one_after_the_other(emitter: EventEmitter) -> None:
    heard: list[str] = []

    async def first(item: str) -> None:
        await asyncio.sleep(0)
        heard.append(f"first {item}")

    def second(item: str) -> None:
        heard.append(f"second {item}")

    emitter.on("x", first)
    emitter.on("x", second)
    await emitter.emit_async("x", "a")
    assert heard == ["first a", "second a"]


async def test_emit_async_logs_what_fails_and_goes_on(emitter: EventEmitter) -> None:
    heard: list[int] = []

    async def fail(_: int) -> None:
        raise ValueError("broken")

    emitter.on("x", fail)
    emitter.on("x", heard.append)
    with capture_logs() as logs:
        await emitter.emit_async("x", 1)
    assert heard == [1]
    assert [entry["event"] for entry in logs] == ["event listener failed"]


async def test_closing_cancels_what_takes_longer_than_the_grace(tasks: Tasks) -> None:
    cancelled = asyncio.Event()

    async def endless() -> None:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            cancelled.set()
            raise

    task = tasks.start(endless())
    await tasks.close(grace=0.01)
    assert task.cancelled()
    assert cancelled.is_set()


async def test_closing_waits_for_tasks_that_running_tasks_start(tasks: Tasks) -> None:
    done: list[str] = []

    async def second() -> None:
        await asyncio.sleep(0)
        done.append("second")

    async def first() -> None:
        await asyncio.sleep(0)
        _ = tasks.start(second())

    _ = tasks.start(first())
    await tasks.close()
    assert done == ["second"]


async def test_a_task_may_close_the_tasks_it_belongs_to(tasks: Tasks) -> None:
    await tasks.start(tasks.close())
