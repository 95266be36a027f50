import asyncio
from typing import Any

from stonechat.core.channels import Channel
from stonechat.core.context import HookContext
from tests.support.live import Demo
from tests.support.wire import Wire


async def test_an_event_has_the_path_in_its_name_and_one_argument(demo: Demo) -> None:
    async with Wire.open(demo.url) as wire:
        notes = demo.app.service("notes")
        await notes.create({"text": "a"})
        await notes.update(0, {"text": "b"})
        await notes.patch(0, {"text": "c"})
        await notes.remove(0)
        for event, text in (("created", "a"), ("updated", "b"), ("patched", "c"), ("removed", "c")):
            assert await wire.event(f"notes {event}") == [{"text": text, "_id": 0}]


async def test_an_event_of_many_records_is_one_event_each(demo: Demo) -> None:
    async with Wire.open(demo.url) as wire:
        await demo.app.service("notes").create([{"text": "a"}, {"text": "b"}])
        assert await wire.event("notes created") == [{"text": "a", "_id": 0}]
        assert await wire.event("notes created") == [{"text": "b", "_id": 1}]


async def test_the_event_of_the_root_service_has_a_slash_for_its_path(demo: Demo) -> None:
    async with Wire.open(demo.url) as wire:
        await demo.app.service("/").create({"a": 1})
        assert await wire.event("/ created") == [{"a": 1, "_id": 0}]


async def test_own_events_are_published_and_may_have_a_name_of_their_own(demo: Demo) -> None:
    async with Wire.open(demo.url) as wire:
        alarms = demo.app.service("alarms")
        alarms.emit("rang", {"bell": 1})
        alarms.emit("rung", {"bell": 2})
        alarms.emit("heard", {"bell": 3})
        await alarms.create({"bell": 4})
        await alarms.patch(0, {"bell": 5})
        assert await wire.event("alarm:rang") == [{"bell": 1}]
        assert await wire.event("alarms rung") == [{"bell": 2}]
        assert await wire.event("new") == [{"bell": 4, "_id": 0}]
        assert await wire.event("alarms patched") == [{"bell": 5, "_id": 0}]
        assert [packet for packet in wire.packets if packet.startswith("42")] == []


async def test_only_the_channels_of_the_publisher_get_an_event(demo: Demo) -> None:
    app = demo.app

    def by_name(item: dict[str, Any], context: HookContext) -> Channel:
        return app.channel(item["to"])

    app.service("notes").publish(by_name)
    async with Wire.open(demo.url) as first, Wire.open(demo.url) as second:
        for name, connection in zip(("first", "second"), demo.connections, strict=True):
            app.channel(name).join(connection)
        await app.service("notes").create({"to": "first"})
        await app.service("notes").create({"to": "nobody"})
        await app.service("notes").create({"to": "second"})
        assert await second.event("notes created") == [{"to": "second", "_id": 2}]
        assert await first.event("notes created") == [{"to": "first", "_id": 0}]
        await app.service("echo").create({})
        for wire in (first, second):
            await wire.event("echo created")
            assert [packet for packet in wire.packets if packet.startswith("42")] == []


async def test_a_channel_may_get_a_payload_of_its_own(demo: Demo) -> None:
    app = demo.app
    app.service("notes").publish(lambda item, context: app.channel("everybody").send({"id": item["_id"]}))
    async with Wire.open(demo.url) as wire:
        await app.service("notes").create({"text": "secret"})
        assert await wire.event("notes created") == [{"id": 0}]


async def test_clients_get_the_dispatch_of_an_event(demo: Demo) -> None:
    async with Wire.open(demo.url) as wire:
        await demo.app.service("users").create({"email": "c@hill.example", "password": "staple battery"})
        (user,) = await wire.event("users created")
        assert user == {"email": "c@hill.example", "_id": 3}


async def test_who_has_left_gets_nothing_and_is_in_no_channel(demo: Demo) -> None:
    async with Wire.open(demo.url) as stays:
        async with Wire.open(demo.url) as leaves:
            await leaves.send("41")
            await leaves.wait_closed()
        await demo.app.service("notes").create({"text": "a"})
        await stays.event("notes created")
        assert len(demo.app.channel("everybody")) == 1


async def test_events_arrive_in_the_order_in_which_they_happened(demo: Demo) -> None:
    app = demo.app
    waits = iter((3, 0, 2, 0, 1))

    async def hesitate(item: Any, context: HookContext) -> Channel:
        for _ in range(next(waits)):
            await asyncio.sleep(0)
        return app.channel("everybody")

    app.service("notes").publish(hesitate)
    async with Wire.open(demo.url) as wire:
        for number in range(5):
            await app.service("notes").create({"n": number})
        numbers = [(await wire.event("notes created"))[0]["n"] for _ in range(5)]
        assert numbers == [0, 1, 2, 3, 4]


async def test_a_value_without_a_json_form_does_not_stop_later_events(demo: Demo) -> None:
    async with Wire.open(demo.url) as wire:
        demo.app.service("alarms").emit("rang", {"bell": object()})
        demo.app.service("alarms").emit("rang", {"bell": 2})
        assert await wire.event("alarm:rang") == [{"bell": 2}]


async def test_a_broadcast_reaches_each_connection_once_and_nobody_else(demo: Demo) -> None:
    async with Wire.open(demo.url) as first, Wire.open(demo.url) as second, Wire.open(demo.url) as third:
        assert demo.app.realtime is not None
        demo.app.realtime.send([], "hello", {"n": 0})
        demo.app.realtime.send(demo.connections[:2], "hello", {"n": 1})
        demo.app.realtime.send(demo.connections, "bye", {})
        for wire in (first, second, third):
            await wire.event("bye")
        assert [wire.packets.count('42["hello",{"n":1}]') for wire in (first, second, third)] == [1, 1, 0]
