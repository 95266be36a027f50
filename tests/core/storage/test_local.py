"""The addresses of a local store: what they refuse and why, uploads piece by piece, and ranges."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from yarl import URL

from stonechat.core.storage import LocalStore
from tests.core.storage.conftest import Shelf
from tests.support.waiting import until_so

DATA = bytes(range(256)) * 4
TYPE = {"Content-Type": "text/plain"}


class Uploading:
    """One upload, at its address."""

    def __init__(self, shelf: Shelf, url: str) -> None:
        self.shelf = shelf
        self.url = URL(url, encoded=True)

    async def send(
        self, data: bytes, first: int | None = None, content_range: str | None = None
    ) -> tuple[int, Any]:
        said = dict(TYPE)
        if content_range is not None:
            said["Content-Range"] = content_range
        elif first is not None:
            said["Content-Range"] = f"bytes {first}-{first + len(data) - 1}/{len(DATA)}"
        async with self.shelf.http.put(self.url, data=data, headers=said) as got:
            if got.status < 400:
                return got.status, int(got.headers["Upload-Offset"])
            body: Any = await got.json()
            return got.status, body

    async def offset(self) -> int:
        async with self.shelf.http.head(self.url) as got:
            assert got.status == 200
            return int(got.headers["Upload-Offset"])


async def begun(shelf: Shelf, key: str) -> Uploading:
    return Uploading(shelf, (await shelf.sign(key, DATA)).url)


async def refused(shelf: Shelf, url: str, verb: str = "GET", **more: Any) -> tuple[int, str]:
    """The status and the code of the refusal."""
    async with shelf.http.request(verb, URL(url, encoded=True), **more) as got:
        body: Any = await got.json()
        data: dict[str, Any] = body.get("data", {})
        return got.status, str(data.get("code", body["message"]))


async def test_an_upload_goes_on_where_it_ended(local: Shelf) -> None:
    upload = await begun(local, "pieces/a")
    assert await upload.offset() == 0
    assert await upload.send(DATA[:300], 0) == (202, 300)
    assert await upload.offset() == 300
    assert await local.store.head("pieces/a") is None
    status, error = await upload.send(DATA[400:500], 400)
    assert (status, error["data"]) == (409, {"offset": 300})
    assert await upload.send(DATA[300:700], 300) == (202, 700)
    assert await upload.send(DATA[700:], 700) == (201, len(DATA))
    assert await local.store.read("pieces/a", 0, 2000) == DATA
    assert await upload.offset() == len(DATA)


async def test_a_broken_upload_keeps_what_has_arrived(local: Shelf) -> None:
    data = DATA * 512
    upload = Uploading(local, (await local.sign("broken/a", data)).url)
    assert upload.url.host is not None
    _, writer = await asyncio.open_connection(upload.url.host, upload.url.port)
    head = f"PUT {upload.url.raw_path_qs} HTTP/1.1\r\nHost: x\r\nContent-Type: text/plain\r\n"
    writer.write(f"{head}Content-Length: {len(data)}\r\n\r\n".encode() + data[:300_000])

    async def has_arrived() -> bool:
        return await upload.offset() > 0

    await until_so(has_arrived)
    writer.close()
    await writer.wait_closed()

    async def goes_on() -> bool:
        arrived = await upload.offset()
        rest = f"bytes {arrived}-{len(data) - 1}/{len(data)}"
        return await upload.send(data[arrived:], content_range=rest) == (201, len(data))

    await until_so(goes_on)
    assert await local.store.read("broken/a", 0, len(data)) == data


async def test_an_upload_without_a_range_begins_anew(local: Shelf) -> None:
    upload = await begun(local, "anew/a")
    assert await upload.send(b"x" * 300, 0) == (202, 300)
    assert await upload.send(DATA) == (201, len(DATA))
    assert await local.store.read("anew/a", 0, 2000) == DATA


@pytest.mark.parametrize(
    ("header", "status"),
    [
        ("bytes 0-9/1025", 413),
        ("bytes 0-9/9", 400),
        ("bytes 1020-1029/1024", 413),
        ("bytes 0-10/1024", 400),
        ("bytes 9-0/1024", 400),
        ("bytes */1024", 400),
        ("bytes 0-9/*", 400),
        ("lines 0-9/1024", 400),
        (f"bytes 0-9/{'9' * 30}", 400),
    ],
)
async def test_a_range_that_does_not_fit_is_refused(local: Shelf, header: str, status: int) -> None:
    upload = await begun(local, "ranges/a")
    assert (await upload.send(DATA[:10], content_range=header))[0] == status
    assert await upload.offset() == 0


async def test_what_nobody_waits_for_any_more_is_refused(local: Shelf) -> None:
    async def wanted(key: str) -> bool:
        return key == "wanted/a"

    assert isinstance(local.store, LocalStore)
    local.store.wanted = wanted
    try:
        upload = (await local.sign("wanted/b", DATA)).url
        assert await refused(local, upload, "PUT", data=DATA, headers=TYPE) == (403, "URL_REVOKED")
        await local.store_file("wanted/a", DATA)
    finally:
        local.store.wanted = None
    assert [one.key async for one in local.store.below("wanted/")] == ["wanted/a"]


async def test_the_length_is_to_be_told(local: Shelf) -> None:
    upload = await begun(local, "length/a")

    async def chunks() -> Any:
        yield DATA

    assert (await refused(local, str(upload.url), "PUT", data=chunks(), headers=TYPE))[0] == 411


async def test_one_request_at_a_time_uploads_a_file(local: Shelf) -> None:
    upload = await begun(local, "busy/a")
    writing, release = asyncio.Event(), asyncio.Event()

    async def slowly() -> Any:
        yield DATA[:500]
        writing.set()
        await release.wait()
        yield DATA[500:]

    said = {**TYPE, "Content-Length": str(len(DATA))}
    first = asyncio.create_task(refused_or_stored(local, upload.url, slowly(), said))
    await writing.wait()

    async def is_busy() -> bool:
        # Of the wrong place, so that it is refused in any case: it may come before the first.
        status, error = await upload.send(DATA[:10], 1)
        return status == 409 and error["data"].get("code") == "UPLOAD_AT_WORK"

    await until_so(is_busy)
    release.set()
    assert await first == 201


async def refused_or_stored(shelf: Shelf, url: URL, data: Any, headers: dict[str, str]) -> int:
    async with shelf.http.put(url, data=data, headers=headers) as got:
        return got.status


async def test_an_altered_address_is_refused_with_the_reason(local: Shelf) -> None:
    upload = (await local.sign("signed/a", DATA)).url
    for old, new in (
        ("/signed/a", "/signed/b"),
        ("size=1024", "size=9999"),
        ("text/plain", "text/html"),
        ("text%2Fplain", "text%2Fhtml"),
        ("verb=PUT", "verb=GET"),
        ("expires=1", "expires=9"),
        ("signature=", "signature=0"),
        ("&signature", "&other"),
    ):
        if old in upload:
            altered = upload.replace(old, new)
            assert await refused(local, altered, "PUT", data=DATA, headers=TYPE) == (403, "URL_ALTERED"), new
    assert await local.store.head("signed/a") is None
    assert await refused(local, upload) == (403, "URL_FOR_ANOTHER_METHOD")


@pytest.mark.parametrize(
    "path",
    ["../secret", "a/../../secret", "..%2f..%2fsecret", "a%2f..%2f..%2fsecret", "%2e%2e/secret", "a%5cb"],
)
async def test_a_path_with_dots_is_the_address_of_no_file(local: Shelf, path: str) -> None:
    upload = (await local.sign("a", DATA)).url
    head, _, query = upload.partition("?")
    url = f"{head.rpartition('/')[0]}/{path}?{query}"
    for verb in ("GET", "PUT"):
        assert await refused(local, url, verb, headers=TYPE) in {
            (400, "NO_KEY"),
            (404, "Path /secret not found"),
        }


async def test_ranges_hold_as_long_as_the_file_is_the_same(local: Shelf) -> None:
    await local.store_file("same/a", DATA)
    _, _, headers = await local.get("same/a")
    tag = headers["ETag"]
    status, body, _ = await local.get("same/a", **{"Range": "bytes=-10", "If-Range": tag})
    assert (status, body) == (206, DATA[-10:])
    status, body, _ = await local.get("same/a", **{"Range": "bytes=-10", "If-Range": '"another"'})
    assert (status, body) == (200, DATA)
    assert (await local.get("same/a", Range="bytes=5000-"))[0] == 416
    assert headers["Content-Security-Policy"] == "default-src 'none'; sandbox"
