from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from typing import Any, Final, NamedTuple

import aiohttp
import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus

from stonechat.core.encoding import decode
from stonechat.core.errors import Forbidden
from stonechat.core.transports.origins import Origins, parse_origin
from tests.support.live import Demo, serve_demo

ALLOWED: Final = [
    "https://chat.example",
    "http://LocalHost:8080",
    "https://[0:0::1]:8443",
    "https://x.example:443",
]


class Case(NamedTuple):
    origin: str | None
    host: str = "school.example"
    scheme: str = "https"


OWN: Final = [
    Case(None),
    Case(None, scheme="wss"),
    Case("https://school.example"),
    Case("https://school.example", scheme="wss"),
    Case("HTTPS://School.Example"),
    Case("https://school.example", host="SCHOOL.example"),
    Case("https://school.example:443"),
    Case("https://school.example", host="school.example:443"),
    Case("https://school.example:3030", host="school.example:3030"),
    Case("https://school.example.", host="school.example."),
    Case("http://school.example", scheme="http"),
    Case("http://school.example", scheme="ws"),
    Case("http://school.example:80", scheme="http"),
    # A proxy that is not named as trusted has ended the TLS.
    Case("https://school.example", scheme="http"),
    Case("https://school.example", scheme="ws"),
    Case("http://[::1]:3030", host="[::1]:3030", scheme="ws"),
    Case("http://[::1]:3030", host="[0:0:0:0:0:0:0:1]:3030", scheme="ws"),
    Case("http://192.0.2.1:3030", host="192.0.2.1:3030", scheme="ws"),
]
CONFIGURED: Final = [
    Case("https://chat.example"),
    Case("https://CHAT.example:443"),
    Case("https://chat.example", scheme="ws"),
    Case("http://localhost:8080"),
    Case("https://[::1]:8443"),
    Case("https://x.example"),
]
STRANGE: Final = [
    Case(""),
    Case(" "),
    Case("null"),
    Case("NULL"),
    Case("*"),
    Case("school.example"),
    Case("//school.example"),
    Case("file://"),
    Case("https://"),
    Case("https://evil.example"),
    # The scheme
    Case("http://school.example"),
    Case("http://school.example", scheme="wss"),
    Case("http://school.example:443", host="school.example:443"),
    Case("http://chat.example"),
    Case("wss://school.example"),
    Case("ftp://school.example"),
    Case("chrome-extension://school.example"),
    Case("httpss://school.example"),
    # The port
    Case("https://school.example:8443"),
    Case("https://school.example:80"),
    Case("http://school.example:443", scheme="http"),
    Case("https://school.example", host="school.example:3030"),
    Case("https://chat.example:8443"),
    Case("http://localhost"),
    Case("https://school.example:"),
    Case("https://school.example:0"),
    Case("https://school.example:65979"),
    Case("https://school.example:+443"),
    Case("https://school.example:443:443"),
    # The host
    Case("https://school.example."),
    Case("https://chat.example."),
    Case("https://school.example", host="school.example."),
    Case("https://school.example.evil.com"),
    Case("https://chat.example.evil.com"),
    Case("https://evil.com.school.example"),
    Case("https://www.school.example"),
    Case("https://evilschool.example"),
    Case("https://example"),
    Case("https://school.example@evil.com"),
    Case("https://evil.com@school.example"),
    Case("https://evil.com#school.example"),
    Case("https://evil.com?school.example"),
    Case("https://evil.com/school.example"),
    Case("https://school.example/"),
    Case("https://school.example\\"),
    Case("https://school.example\t"),
    Case("https://school.example, https://evil.com"),
    Case("https://school.example https://evil.com"),
    Case("https://sch\xf6ol.example"),
    Case("https://school%2eexample"),
    Case("http://[::2]:3030", host="[::1]:3030", scheme="ws"),
    Case("http://::1:3030", host="[::1]:3030", scheme="ws"),
    Case("http://[::1%25eth0]:3030", host="[::1%25eth0]:3030", scheme="ws"),
    Case("http://[", host="[", scheme="ws"),
    Case("http://[::1", host="[::1", scheme="ws"),
    Case("http://[::ffff:192.0.2.1]", host="192.0.2.1", scheme="ws"),
    Case("https://", host=""),
    Case("https://evil.com", host="school.example, evil.com"),
]


def scope(headers: Mapping[str, str], scheme: str = "https") -> dict[str, Any]:
    return {"scheme": scheme, "headers": [(k.encode(), v.encode("latin-1")) for k, v in headers.items()]}


def of_case(case: Case) -> dict[str, Any]:
    origin = {} if case.origin is None else {"origin": case.origin}
    return scope({"host": case.host, **origin}, case.scheme)


@pytest.mark.parametrize("case", [*OWN, *CONFIGURED], ids=str)
def test_pages_of_the_server_and_of_known_origins_may(case: Case) -> None:
    Origins(ALLOWED).check(of_case(case))


@pytest.mark.parametrize("case", CONFIGURED, ids=str)
def test_what_is_not_configured_is_not_known(case: Case) -> None:
    with pytest.raises(Forbidden):
        Origins().check(of_case(case))


@pytest.mark.parametrize("case", STRANGE, ids=str)
def test_nobody_else_may(case: Case) -> None:
    with pytest.raises(Forbidden) as refused:
        Origins(ALLOWED).check(of_case(case))
    assert refused.value.data == {"origin": case.origin}
    Origins(["*"]).check(of_case(case))


def test_two_origins_are_none_that_is_known() -> None:
    twice = of_case(Case("https://school.example"))
    twice["headers"].append((b"origin", b"https://school.example"))
    with pytest.raises(Forbidden):
        Origins().check(twice)


def test_two_hosts_are_nobodys_own() -> None:
    twice = of_case(Case("https://evil.example"))
    twice["headers"].append((b"host", b"evil.example"))
    with pytest.raises(Forbidden):
        Origins().check(twice)


@pytest.mark.parametrize(
    ("site", "may"), [("same-origin", True), ("none", True), ("cross-site", False), ("same-site", False)]
)
def test_what_a_page_includes_has_no_origin_and_is_told_by_where_it_is_from(site: str, may: bool) -> None:
    included = scope({"host": "school.example", "sec-fetch-site": site})
    if may:
        Origins().check(included)
    else:
        with pytest.raises(Forbidden):
            Origins().check(included)
    Origins(["*"]).check(included)


@pytest.mark.parametrize("text", ["https://chat.example/", "null", "chat.example", "https://*.example"])
def test_what_is_no_origin_cannot_be_allowed(text: str) -> None:
    with pytest.raises(ValueError, match="is not an origin"):
        Origins([text])


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("HTTPS://Chat.Example:443", "https://chat.example"),
        ("http://[0:0::1]:80", "http://[::1]"),
        ("http://localhost:8080", "http://localhost:8080"),
    ],
)
def test_an_origin_is_written_as_browsers_do(text: str, written: str) -> None:
    assert str(parse_origin(text)) == written


@pytest.fixture(scope="module")
async def demo() -> AsyncIterator[Demo]:
    async with serve_demo(origins=["https://chat.example"]) as demo:
        yield demo


EVIL: Final = [
    {"Origin": "https://evil.example"},
    {"Origin": "https://evil.example", "X-Forwarded-Host": "evil.example"},
    {"Origin": "https://evil.example", "X-Forwarded-Host": "evil.example", "X-Forwarded-Proto": "https"},
    {"Origin": "https://chat.example.evil.example"},
    {"Origin": "https://chat.example:8443"},
    {"Origin": "http://chat.example"},
    {"Origin": "null"},
    {"Origin": "http://["},
    {"Origin": ""},
    {"Sec-Fetch-Site": "cross-site"},
]
GOOD: Final = [{}, {"Origin": "https://chat.example"}, {"Sec-Fetch-Site": "same-origin"}]


def socket_url(demo: Demo, transport: str) -> str:
    return f"{demo.url}/socket.io/?EIO=4&transport={transport}"


async def polling_session(http: aiohttp.ClientSession, demo: Demo) -> str:
    async with http.get(socket_url(demo, "polling")) as answer:
        return str(decode((await answer.text())[1:])["sid"])


@pytest.mark.parametrize("headers", EVIL, ids=str)
async def test_a_page_of_another_origin_is_refused_whichever_way_it_comes(
    demo: Demo, headers: dict[str, str]
) -> None:
    async with aiohttp.ClientSession() as http:
        sid = await polling_session(http, demo)
        sessions = set(demo.server.eio.sockets)
        for query in ("", f"&sid={sid}"):
            location = socket_url(demo, "websocket").replace("http", "ws", 1) + query
            with pytest.raises(InvalidStatus) as refused:
                await connect(location, additional_headers=headers, proxy=None)
            answer = refused.value.response
            assert (answer.status_code, decode(bytes(answer.body or b""))["className"]) == (403, "forbidden")
            async with http.get(socket_url(demo, "polling") + query, headers=headers) as polled:
                assert (polled.status, (await polled.json())["className"]) == (403, "forbidden")
                assert "Access-Control-Allow-Origin" not in polled.headers
        async with http.post(
            socket_url(demo, "polling") + f"&sid={sid}", data="40", headers=headers
        ) as posted:
            assert posted.status == 403
        stream = {"Accept": "text/event-stream", "Authorization": f"Bearer {await demo.token()}", **headers}
        async with http.get(f"{demo.url}/notes", headers=stream) as streamed:
            assert (streamed.status, (await streamed.json())["className"]) == (403, "forbidden")
        assert set(demo.server.eio.sockets) == sessions
        assert demo.connections == []


@pytest.mark.parametrize("headers", GOOD, ids=str)
async def test_a_page_of_a_known_origin_may_come_each_way(demo: Demo, headers: dict[str, str]) -> None:
    async with aiohttp.ClientSession() as http:
        async with http.get(socket_url(demo, "polling"), headers=headers) as polled:
            assert polled.status == 200
            allowed = polled.headers.getall("Access-Control-Allow-Origin", [])
            assert allowed == ([headers["Origin"]] if "Origin" in headers else [])
        sid = await polling_session(http, demo)
        for query, said in (("", None), (f"&sid={sid}", "3probe")):
            location = socket_url(demo, "websocket").replace("http", "ws", 1) + query
            async with (
                asyncio.timeout(10),
                connect(location, additional_headers=headers, proxy=None) as opened,
            ):
                if said is not None:
                    await opened.send("2probe")
                assert str(await opened.recv()).startswith(said or "0")
        stream = {"Accept": "text/event-stream", "Authorization": f"Bearer {await demo.token()}", **headers}
        async with http.get(f"{demo.url}/notes", headers=stream) as streamed:
            assert streamed.status == 200
    demo.connections.clear()


async def test_a_script_of_another_page_reads_nothing(demo: Demo) -> None:
    async with (
        aiohttp.ClientSession() as http,
        http.get(socket_url(demo, "polling") + "&j=0") as answer,
    ):
        assert (answer.status, (await answer.json())["message"]) == (400, "JSONP is not spoken here")
