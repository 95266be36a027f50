from __future__ import annotations

import asyncio
from datetime import UTC, datetime

import pytest

from stonechat import Application, HookContext, authenticate, rest, serving
from stonechat.testing import RestClient, query_string
from tests.support.live import Demo


async def test_a_request_is_answered_with_status_headers_and_body(demo: Demo) -> None:
    answer = await RestClient(demo.url).request("POST", "/notes", {"text": "Hello"})

    assert answer.status == 201
    assert answer.headers["content-type"].startswith("application/json")
    assert answer.body["text"] == "Hello"


async def test_a_refusal_is_an_answer_too(demo: Demo) -> None:
    answer = await RestClient(demo.url).request("PUT", "notes", query={"$nonsense": "1"})

    assert (answer.status, answer.body["name"]) == (400, "BadRequest")


async def test_the_answer_to_head_has_no_body(demo: Demo) -> None:
    answer = await RestClient(demo.url).request("HEAD", "notes")

    assert (answer.status, answer.body) == (200, None)


async def test_headers_go_along(demo: Demo) -> None:
    headers = {"X-Service-Method": "wave"}

    answer = await RestClient(demo.url).request("POST", "echo", {"to": "ben"}, headers=headers)

    assert answer.body["waved"] == {"to": "ben"}


async def test_a_repeated_header_has_all_its_values() -> None:
    def repeat(context: HookContext) -> None:
        context.result = None
        context.http.headers["X-Colour"] = ["red", "green"]

    app = Application().configure(rest())
    app.use("things", _Nothing())
    app.service("things").hooks({"before": {"find": [repeat]}})
    async with serving(app) as url:
        answer = await RestClient(url).request("GET", "things")

    assert (answer.status, answer.body, answer.headers["x-colour"]) == (204, None, "red, green")


async def test_the_token_goes_along_once_there_is_one(demo: Demo) -> None:
    demo.app.service("alarms").hooks({"before": {"all": [authenticate("jwt")]}})
    anonymous, ada = RestClient(demo.url), RestClient(demo.url, token=await demo.token())
    ben = RestClient(f"{demo.url}/")
    await ben.log_in(email="ben@hill.example", password="battery staple")

    statuses = [(await client.request("GET", "alarms")).status for client in (anonymous, ada, ben)]

    assert statuses == [401, 200, 200]


async def test_an_answer_that_breaks_off_is_no_answer() -> None:
    async def hang_up(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf")
        writer.close()

    server = await asyncio.start_server(hang_up, "127.0.0.1", 0)
    host, port = server.sockets[0].getsockname()
    async with server:
        with pytest.raises(ConnectionResetError, match="breaks off"):
            await RestClient(f"http://{host}:{port}").request("GET", "notes")


def test_a_query_is_written_as_feathers_clients_write_it() -> None:
    query = {
        "age": {"$in": [1, 2]},
        "at": datetime(2026, 1, 2, tzinfo=UTC),
        "gone": None,
        "open": True,
        "name": "A & B",
    }

    assert query_string(query).replace("%5B", "[").replace("%5D", "]") == (
        "age[%24in][0]=1&age[%24in][1]=2&at=2026-01-02T00%3A00%3A00.000Z&gone=&open=true&name=A+%26+B"
    )


class _Nothing:
    async def find(self, params: object) -> None:
        raise AssertionError
