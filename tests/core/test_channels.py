from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, cast

import pytest
from structlog.testing import capture_logs

from stonechat.core.application import Application
from stonechat.core.channels import Channel
from stonechat.core.context import Connection, HookContext, Params
from stonechat.core.publications import Publication, Publisher
from stonechat.core.service import Service

Delivery = tuple[str, Any, list[str]]


class Notes:
    async def create(self, data: Any, params: Params) -> Any:
        return data

    async def patch(self, id: Any, data: Any, params: Params) -> Any:
        return data

    async def remove(self, id: Any, params: Params) -> Any:
        return {"_id": id}


class Stage:
    """An application with a service, three connections and what is delivered to them."""

    def __init__(self) -> None:
        self.app = Application().use("notes", Notes(), events=["log"]).use("others", Notes())
        self.notes = self.app.service("notes")
        self.a, self.b, self.c = (Connection(id=name) for name in "abc")
        self.delivered: list[Delivery] = []
        self.app.on("publish", self.deliver)

    def deliver(self, service: Service, event: str, payload: Any, connections: list[Connection]) -> None:
        self.delivered.append((f"{service.path} {event}", payload, [one.id for one in connections]))


@pytest.fixture
def stage() -> Stage:
    return Stage()


def to(*channels: Channel) -> Publisher:
    def publisher(item: Any, context: HookContext) -> Publication:
        return list(channels)

    return publisher


def returning(answer: object) -> Publisher:
    def publisher(item: Any, context: HookContext) -> Publication:
        return cast("Publication", answer)

    return publisher


def dispatching(dispatch: Any) -> Callable[[HookContext], None]:
    def hook(context: HookContext) -> None:
        context.dispatch = dispatch

    return hook


def test_joining_and_leaving_are_idempotent(stage: Stage) -> None:
    channel = Channel()
    channel.join(stage.a, stage.b).join(stage.a)
    assert channel.connections == [stage.a, stage.b]
    assert len(channel) == 2
    channel.leave(stage.a).leave(stage.a, stage.c)
    assert channel.connections == [stage.b]
    assert stage.b in channel
    assert stage.a not in channel


def test_who_leaves_can_be_chosen_by_a_function(stage: Stage) -> None:
    def is_a(connection: Connection) -> bool:
        return connection.id == "a"

    assert Channel([stage.a, stage.b]).leave(is_a).connections == [stage.b]


def test_a_filtered_channel_is_another_one_with_the_same_payload(stage: Stage) -> None:
    def is_a(connection: Connection) -> bool:
        return connection.id == "a"

    channel = Channel([stage.a, stage.b]).send("own")
    filtered = channel.filter(is_a)
    assert (filtered.connections, filtered.data) == ([stage.a], "own")
    filtered.join(stage.c)
    assert channel.connections == [stage.a, stage.b]


def test_send_leaves_the_channel_itself_alone(stage: Stage) -> None:
    channel = Channel([stage.a])
    channel.send("own").leave(stage.a)
    assert channel.connections == [stage.a]
    assert channel.data != "own"


def test_a_channel_needs_a_name(stage: Stage) -> None:
    none: list[tuple[list[str], ...]] = [(), ([],)]
    for names in none:
        with pytest.raises(ValueError, match=r"^app.channel needs at least one channel name$"):
            stage.app.channel(*names)


def test_a_name_is_always_the_same_channel(stage: Stage) -> None:
    early, late = stage.app.channel("x"), stage.app.channel("x")
    late.join(stage.a)
    assert early.connections == [stage.a]
    early.leave(stage.a)
    assert len(late) == 0
    early.join(stage.b)
    assert stage.app.channel("x").connections == late.connections == [stage.b]


def test_channels_are_listed_while_somebody_is_in_them(stage: Stage) -> None:
    stage.app.channel("x").join(stage.a)
    stage.app.channel("y", "z").join(stage.a, stage.b)
    stage.app.channel("empty")
    assert stage.app.channels == ["x", "y", "z"]
    stage.app.channel("x", "y").leave(stage.a)
    assert stage.app.channels == ["y", "z"]


def test_a_channel_that_was_empty_for_a_while_is_still_the_same(stage: Stage) -> None:
    held = stage.app.channel("x")
    held.join(stage.a).leave(stage.a)
    stage.app.channel("x").join(stage.b)
    held.join(stage.c)
    assert stage.app.channel("x").connections == [stage.b, stage.c]
    assert stage.app.channels == ["x"]


def test_a_combined_channel_is_the_union(stage: Stage) -> None:
    stage.app.channel("x").join(stage.a, stage.b)
    stage.app.channel("y").join(stage.b, stage.c)
    for combined in (
        stage.app.channel("x", "y"),
        stage.app.channel(["x", "y"]),
        stage.app.channel("x", ["y"]),
    ):
        assert combined.connections == [stage.a, stage.b, stage.c]
    combined.leave(stage.b)
    assert stage.app.channel("x").connections == [stage.a]
    assert stage.app.channel("y").connections == [stage.c]


def test_leaving_all_channels(stage: Stage) -> None:
    stage.app.channel("x", "y").join(stage.a)
    stage.app.channel("y").join(stage.b)
    stage.app.leave_channels(stage.a)
    assert stage.app.channels == ["y"]
    assert stage.app.channel("y").connections == [stage.b]


async def test_without_a_publisher_nothing_is_sent(stage: Stage) -> None:
    await stage.notes.create({"a": 1})
    assert stage.delivered == []


async def test_the_most_specific_publisher_decides(stage: Stage) -> None:
    """1. service and event, 2. service, 3. application and event, 4. application."""
    registrations: list[Callable[[Publisher], object]] = [
        stage.app.publish,
        lambda publisher: stage.app.publish("created", publisher),
        stage.notes.publish,
        lambda publisher: stage.notes.publish("created", publisher),
    ]
    chosen: list[str] = []
    for at, register in enumerate(registrations):
        register(to(Channel([stage.a]).send(f"publisher {at}")))
        await stage.notes.create({})
        chosen.append(stage.delivered[-1][1])
    assert chosen == ["publisher 0", "publisher 1", "publisher 2", "publisher 3"]
    await stage.notes.remove(1)
    await stage.app.service("others").create({})
    await stage.app.service("others").remove(1)
    assert [(name, payload) for name, payload, _ in stage.delivered[-3:]] == [
        ("notes removed", "publisher 2"),
        ("others created", "publisher 1"),
        ("others removed", "publisher 0"),
    ]


async def test_a_publisher_that_sends_to_nobody_does_not_leave_it_to_the_next(stage: Stage) -> None:
    stage.app.publish(to(Channel([stage.a])))
    stage.notes.publish(returning(None))
    await stage.notes.create({})
    assert stage.delivered == []


async def test_a_later_publisher_takes_the_place_of_an_earlier_one(stage: Stage) -> None:
    stage.app.publish(to(Channel([stage.a]))).publish(to(Channel([stage.b])))
    await stage.notes.create({})
    assert stage.delivered == [("notes created", {}, ["b"])]


@pytest.mark.parametrize("on", ["app", "service"])
def test_an_unknown_event_has_no_publisher(stage: Stage, on: str) -> None:
    target = stage.app if on == "app" else stage.notes
    assert target.publish("log", to()) is target
    with pytest.raises(ValueError, match=r"^'bla' is not a valid service event$"):
        target.publish("bla", to())


@pytest.mark.parametrize("on", ["app", "service"])
async def test_publishers_can_be_registered_by_either_name(stage: Stage, on: str) -> None:
    target = stage.app if on == "app" else stage.notes
    assert target.register_publisher(to(Channel([stage.a]))) is target
    assert target.register_publisher("patched", to(Channel([stage.b]))) is target
    await stage.notes.create(1)
    await stage.notes.patch(1, 2)
    assert stage.delivered == [("notes created", 1, ["a"]), ("notes patched", 2, ["b"])]


@pytest.mark.parametrize("on", ["app", "service"])
def test_an_event_without_a_publisher_is_a_mistake(stage: Stage, on: str) -> None:
    target = stage.app if on == "app" else stage.notes
    with pytest.raises(TypeError, match="a publisher is a function of the item and the context"):
        target.publish("created")


async def test_publishers_get_the_item_and_the_context(stage: Stage) -> None:
    seen: list[tuple[Any, str, Any]] = []

    def publisher(item: Any, context: HookContext) -> None:
        seen.append((item, context.method, context.result))

    stage.app.publish(publisher)
    result = [{"_id": 1}, {"_id": 2}]
    await stage.notes.create(result)
    assert seen == [({"_id": 1}, "create", result), ({"_id": 2}, "create", result)]


async def test_a_custom_event_is_published_with_a_context_of_its_own(stage: Stage) -> None:
    seen: list[HookContext] = []

    def publisher(item: Any, context: HookContext) -> Channel:
        seen.append(context)
        return Channel([stage.a])

    stage.app.publish(publisher)
    stage.notes.emit("log", {"line": 1})
    stage.notes.emit("unknown", {"line": 2})
    stage.notes.emit("log", {"line": 3}, "no context")
    stage.notes.emit("log")
    assert stage.delivered == [("notes log", line, ["a"]) for line in ({"line": 1}, {"line": 3}, None)]
    context = seen[0]
    assert (context.path, context.service, context.app) == ("notes", stage.notes, stage.app)
    assert context.result == {"line": 1}


async def test_answers_may_be_nested_and_have_gaps(stage: Stage) -> None:
    one, other = Channel([stage.a, stage.b]), Channel([stage.b, stage.c])
    empty: list[Channel] = []
    stage.app.publish(returning([one, None, False, empty, (other, [None, one])]))
    await stage.notes.create({})
    assert [ids for _, _, ids in stage.delivered] == [["a", "b"], ["c"]]


@pytest.mark.parametrize("answer", [None, False, [], [None], Channel()])
async def test_nobody_is_told_where_a_publisher_names_nobody(stage: Stage, answer: object) -> None:
    stage.app.publish(returning(answer))
    await stage.notes.create({})
    assert stage.delivered == []


@pytest.mark.parametrize("answer", ["channel", 5, {"a": 1}, ["channel"]])
@pytest.mark.parametrize("slow", [True, False])
async def test_an_answer_without_channels_is_logged_and_fails_nobody(
    stage: Stage, answer: object, slow: bool
) -> None:
    async def later(item: Any, context: HookContext) -> Publication:
        return cast("Publication", answer)

    stage.app.publish(later if slow else returning(answer))
    with capture_logs() as logs:
        assert await stage.notes.create({"a": 1}) == {"a": 1}
        await stage.app.tasks.close()
    assert stage.delivered == []
    assert [entry["event"] for entry in logs] == ["publisher failed"]


@pytest.mark.parametrize("slow", [True, False])
async def test_a_failing_publisher_is_logged_and_fails_nobody(stage: Stage, slow: bool) -> None:
    def fail(item: Any, context: HookContext) -> Channel:
        raise ValueError("broken")

    async def fail_later(item: Any, context: HookContext) -> Channel:
        raise ValueError("broken")

    stage.app.publish(fail_later if slow else fail)
    with capture_logs() as logs:
        assert await stage.notes.create({"a": 1}) == {"a": 1}
        await stage.app.tasks.close()
    assert [entry["event"] for entry in logs] == ["publisher failed"]
    stage.app.publish(to(Channel([stage.a])))
    await stage.notes.create({"a": 2})
    assert stage.delivered == [("notes created", {"a": 2}, ["a"])]


async def test_each_connection_is_told_once_with_the_payload_of_its_first_channel(stage: Stage) -> None:
    first, second = Channel([stage.a]).send("first"), Channel([stage.a, stage.b]).send("second")
    stage.app.publish(to(first, second, Channel([stage.b, stage.c])))
    await stage.notes.create({"a": 1})
    assert stage.delivered == [
        ("notes created", "first", ["a"]),
        ("notes created", "second", ["b"]),
        ("notes created", {"a": 1}, ["c"]),
    ]


async def test_a_combined_channel_can_be_published_to(stage: Stage) -> None:
    stage.app.channel("x").join(stage.a)
    stage.app.channel("y").join(stage.a, stage.b)

    def publisher(item: Any, context: HookContext) -> Channel:
        return stage.app.channel("x", "y")

    stage.app.publish(publisher)
    await stage.notes.create({})
    assert [ids for _, _, ids in stage.delivered] == [["a"], ["b"]]


@pytest.mark.parametrize(
    ("dispatch", "payload"), [({"safe": True}, {"safe": True}), (None, {"secret": True}), ((), ())]
)
async def test_clients_get_the_dispatch_instead_of_the_result(
    stage: Stage, dispatch: Any, payload: Any
) -> None:
    stage.app.publish(to(Channel([stage.a])))
    stage.notes.hooks({"after": [dispatching(dispatch)]})
    await stage.notes.create({"secret": True})
    assert stage.delivered == [("notes created", payload, ["a"])]


async def test_of_a_list_each_item_has_its_counterpart_in_the_dispatch(stage: Stage) -> None:
    stage.app.publish(to(Channel([stage.a])))
    stage.notes.hooks({"after": [dispatching(["first", "second"])]})
    await stage.notes.create([{"_id": 1}, {"_id": 1}])
    assert [payload for _, payload, _ in stage.delivered] == ["first", "second"]


async def test_of_a_list_each_item_has_its_counterpart_in_what_a_channel_sends(stage: Stage) -> None:
    stage.app.publish(to(Channel([stage.a]).send(["first", "second"]), Channel([stage.b]).send("same")))
    await stage.notes.create([{"_id": 1}, {"_id": 2}])
    assert [payload for _, payload, _ in stage.delivered] == ["first", "same", "second", "same"]


async def test_a_channels_own_payload_goes_before_the_dispatch_even_if_it_is_none(stage: Stage) -> None:
    stage.app.publish(to(Channel([stage.a]).send(None)))
    stage.notes.hooks({"after": [dispatching("dispatch")]})
    await stage.notes.create({})
    assert stage.delivered == [("notes created", None, ["a"])]


async def test_a_filtered_channel_keeps_its_payload_and_its_place_in_the_order(stage: Stage) -> None:
    def is_a(connection: Connection) -> bool:
        return connection.id == "a"

    everybody = stage.app.channel("everybody").join(stage.a, stage.b)
    stage.app.publish(to(everybody.send("short").filter(is_a), everybody))
    await stage.notes.create("long")
    assert stage.delivered == [("notes created", "short", ["a"]), ("notes created", "long", ["b"])]


async def test_a_combined_channel_sends_one_payload_to_all_or_each_its_own(stage: Stage) -> None:
    stage.app.channel("x").join(stage.a)
    stage.app.channel("y").join(stage.a, stage.b)
    stage.app.publish("created", to(stage.app.channel("x", "y").send("both")))
    stage.app.publish("patched", to(stage.app.channel("x").send("first"), stage.app.channel("x", "y")))
    await stage.notes.create("item")
    await stage.notes.patch(1, "item")
    assert stage.delivered == [
        ("notes created", "both", ["a", "b"]),
        ("notes patched", "first", ["a"]),
        ("notes patched", "item", ["b"]),
    ]


async def test_an_event_of_another_name_is_published_under_it(stage: Stage) -> None:
    def rename(context: HookContext) -> None:
        context.event = "log"

    stage.app.use("quiet", Notes(), service_events=["log"]).publish(to(Channel([stage.a])))
    quiet = stage.app.service("quiet")
    await quiet.create(1)
    quiet.hooks({"after": [rename]})
    await quiet.create(2)
    assert stage.delivered == [("quiet log", 2, ["a"])]


async def test_events_reach_clients_in_the_order_in_which_they_happened(stage: Stage) -> None:
    gates = {"slow": asyncio.Event(), "slower": asyncio.Event()}

    def publisher(item: Any, context: HookContext) -> Channel | Awaitable[Channel]:
        channel = Channel([stage.a])
        if item not in gates:
            return channel

        async def answer() -> Channel:
            await gates[item].wait()
            return channel

        return answer()

    stage.app.publish(publisher)
    for item in ("first", "slower", "slow", "last"):
        await stage.notes.create(item)
    assert [payload for _, payload, _ in stage.delivered] == ["first"]
    gates["slow"].set()
    await asyncio.sleep(0)
    assert [payload for _, payload, _ in stage.delivered] == ["first"]
    gates["slower"].set()
    await stage.app.tasks.close()
    assert [payload for _, payload, _ in stage.delivered] == ["first", "slower", "slow", "last"]
    await stage.notes.create("at once")
    assert stage.delivered[-1][1] == "at once"


async def test_a_call_does_not_wait_for_its_publisher(stage: Stage) -> None:
    gate = asyncio.Event()

    async def publisher(item: Any, context: HookContext) -> Channel:
        await gate.wait()
        return Channel([stage.a])

    stage.app.publish(publisher)
    assert await stage.notes.create({"a": 1}) == {"a": 1}
    assert stage.delivered == []
    gate.set()
    await stage.app.tasks.close()
    assert stage.delivered == [("notes created", {"a": 1}, ["a"])]


def test_a_connection_leaves_all_its_channels_and_no_other_does() -> None:
    app = Application()
    one, other = Connection(id="1", provider="test"), Connection(id="2", provider="test")
    app.channel("a", "b", "c").join(one)
    app.channel("b").join(other)
    app.channel("c").leave(one)
    app.leave_channels(one)
    app.leave_channels(one)
    assert app.channels == ["b"]
    assert app.channel("b").connections == [other]
