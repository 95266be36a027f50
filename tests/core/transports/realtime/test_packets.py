import logging

import pytest

from stonechat.core.encoding import decode
from tests.support.live import Demo
from tests.support.wire import Polling, Wire


@pytest.mark.parametrize(
    "packet",
    [
        "",
        "x",
        "9",
        "²",
        "bAAAA",
        "0{}",
        "2probe",
        "6",
        "4",
        "4x",
        "49",
        "47[]",
        "4{",
        '4{"a":1}',
        "4[1,2]",
        "4null",
        "4true",
        "42",
        "42{}",
        '42{"a":1}',
        '42"find"',
        "42[]",
        "42[5]",
        "42[null]",
        '42[["find"]]',
        "42[",
        "42" + "[" * 5000 + "]" * 5000,
        "42" + "1" * 200 + '["find"]',
        "42" + "1" * 5000 + '["find"]',
        '42/other,["find"]',
        "43",
        "431[]",
        "439999[null]",
        '44{"message":"no"}',
        '451-["find",{"_placeholder":true,"num":0}]',
        '4599-["find"]',
        "461-1[null]",
        b"",
        b"\x00\x01",
        b"42",
    ],
    ids=lambda packet: repr(packet[:40]),
)
async def test_a_malformed_packet_is_ignored_and_the_socket_lives(
    demo: Demo, packet: str | bytes, caplog: pytest.LogCaptureFixture
) -> None:
    async with Wire.open(demo.url) as wire:
        await wire.send(packet)
        await wire.send(packet)
        assert (await wire.call("create", "notes", {"text": "a"}))[0] is None
        assert await wire.event("notes created") == [{"text": "a", "_id": 0}]
        assert demo.gone == []
    assert [record for record in caplog.records if record.levelno >= logging.ERROR] == []


@pytest.mark.parametrize("packet", ["", "x", '42["create","notes",{}]', "41", "4[1]", b"\x00"], ids=repr)
async def test_a_packet_before_the_login_does_nothing(demo: Demo, packet: str | bytes) -> None:
    async with Wire.open(demo.url, login=False) as wire:
        await wire.send(packet)
        await wire.connect()
        assert (await wire.call("find", "notes"))[1]["total"] == 0


@pytest.mark.parametrize("arguments", ["{}", '"find"', "[]", "[5]", "[null,1]"])
async def test_an_event_without_a_name_is_a_bad_request(demo: Demo, arguments: str) -> None:
    async with Wire.open(demo.url) as wire:
        await wire.send(f"427{arguments}")
        (error,) = decode((await wire.packet("437["))[3:])
        assert error["className"] == "bad-request"
        assert (await wire.call("find", "notes"))[0] is None


@pytest.mark.parametrize(
    ("packet", "message"),
    [
        ('427["find","notes",{"text":"\\ud83d"}]', "The packet is not valid JSON"),
        ('427["find","notes",{"rank":NaN}]', "The packet is not valid JSON"),
        ('427["find",', "The packet is not valid JSON"),
        ('451-7["create","notes",{"text":{"_placeholder":true,"num":0}}]', "Binary data is not accepted"),
    ],
)
async def test_a_call_that_cannot_be_read_is_answered_all_the_same(
    demo: Demo, packet: str, message: str
) -> None:
    async with Wire.open(demo.url) as wire:
        await wire.send(packet)
        (error,) = decode((await wire.packet("437["))[3:])
        assert (error["className"], error["message"]) == ("bad-request", message)
        await wire.send(b"\x00")
        assert (await wire.call("find", "notes"))[0] is None


async def test_a_message_as_long_as_allowed_is_taken(demo: Demo) -> None:
    async with Wire.open(demo.url) as wire:
        frame = '421["create","echo",{"text":""}]'
        text = "a" * (65_536 - len(frame))
        await wire.send(frame.replace('""', f'"{text}"'))
        assert decode((await wire.packet("431["))[3:])[1]["data"] == {"text": text}


async def test_a_longer_message_closes_the_socket_and_no_other(demo: Demo) -> None:
    async with Wire.open(demo.url) as other:
        async with Wire.open(demo.url) as wire:
            await wire.send('421["create","notes",{"text":"' + "a" * 65_536 + '"}]')
            await wire.wait_closed()
            assert wire.websocket.close_code == 1009
        (error, page) = await other.call("find", "notes")
        assert (error, page["total"]) == (None, 0)
        assert len(demo.gone) == 1


async def test_a_longer_request_of_a_polling_client_is_refused(demo: Demo) -> None:
    async with Polling.open(demo.url) as client:
        await client.connect()
        assert await client.post('421["create","notes",{"text":"' + "a" * 65_536 + '"}]') == 400
    assert demo.gone == demo.connections


async def test_text_that_is_not_utf_8_closes_the_socket(demo: Demo) -> None:
    async with Wire.open(demo.url) as wire:
        await wire.websocket.send(b'42["find","notes"\xff]', text=True)
        await wire.wait_closed()
    async with Wire.open(demo.url) as wire:
        assert (await wire.call("find", "notes"))[0] is None
