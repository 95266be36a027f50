"""What every store does, and what its addresses refuse."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from stonechat.core.storage import NotStoredError, S3Store, delete_below
from tests.core.storage.conftest import MINUTE, Shelf
from tests.support.files import PNG, begin, complete, fetch, huge_picture, picture, put
from tests.support.people import new_school, newcomer, talk_of, write
from tests.support.s3 import ACCESS_KEY, SECRET_KEY
from tests.support.school import serve_school, test_settings
from tests.support.waiting import until_so

DATA = b"Jackdaws love my big sphinx of quartz."
REFUSED = {400, 403, 413}


async def test_what_was_uploaded_is_there_and_can_be_fetched(shelf: Shelf) -> None:
    await shelf.store_file("here/a b ü.txt", DATA)
    stored = await shelf.store.head("here/a b ü.txt")
    assert stored is not None
    assert (stored.key, stored.size) == ("here/a b ü.txt", len(DATA))
    status, body, headers = await shelf.get("here/a b ü.txt")
    assert (status, body) == (200, DATA)
    assert headers["Content-Type"].startswith("text/plain")
    assert headers["Content-Disposition"] == 'attachment; filename="a.txt"'


@pytest.mark.parametrize("data", [DATA[:-1], DATA + b"!", b""])
async def test_an_upload_of_another_size_is_refused_and_leaves_nothing(shelf: Shelf, data: bytes) -> None:
    upload = await shelf.sign("size/a.txt", DATA)
    assert await shelf.put(upload, data) in REFUSED
    assert await shelf.store.head("size/a.txt") is None


async def test_an_upload_of_another_type_is_refused(shelf: Shelf) -> None:
    upload = await shelf.sign("type/a.txt", DATA)
    assert await shelf.put(upload, DATA, **{"Content-Type": "text/html"}) in REFUSED
    assert await shelf.store.head("type/a.txt") is None


async def test_an_address_is_for_its_key_alone(shelf: Shelf) -> None:
    upload = await shelf.sign("mine/a.txt", DATA)
    others = type(upload)(
        method=upload.method,
        url=upload.url.replace("/mine/", "/yours/"),
        headers=upload.headers,
        expires_at=upload.expires_at,
    )
    assert await shelf.put(others, DATA) == 403
    assert await shelf.store.head("yours/a.txt") is None


async def test_an_address_for_reading_does_not_write(shelf: Shelf) -> None:
    await shelf.store_file("read/a.txt", DATA)
    url = await shelf.store.sign_download("read/a.txt", name="a", media_type="text/plain", lasting=MINUTE)
    headers = {"Content-Type": "text/plain"}
    async with shelf.http.put(shelf.url(url), data=b"x" * len(DATA), headers=headers) as got:
        assert got.status == 403
    assert await shelf.store.read("read/a.txt", 0, 100) == DATA


async def test_an_expired_address_is_refused(shelf: Shelf) -> None:
    await shelf.store_file("old/a.txt", DATA)
    past = timedelta(seconds=-1) if hasattr(shelf.store, "folder") else timedelta(0)
    url = await shelf.store.sign_download("old/a.txt", name="a", media_type="text/plain", lasting=past)
    async with shelf.http.get(shelf.url(url)) as got:
        assert got.status == 403
        assert "expired" in await got.text()


async def test_parts_of_a_file_are_served_and_read(shelf: Shelf) -> None:
    await shelf.store_file("part/a.txt", DATA)
    status, body, headers = await shelf.get("part/a.txt", Range="bytes=9-12")
    assert (status, body) == (206, DATA[9:13])
    assert headers["Content-Range"] == f"bytes 9-12/{len(DATA)}"
    assert await shelf.store.read("part/a.txt", 9, 4) == DATA[9:13]
    assert await shelf.store.read("part/a.txt", len(DATA), 4) == b""


async def test_a_file_can_be_had_written_and_copied(shelf: Shelf, tmp_path: Path) -> None:
    source = tmp_path / "source"
    source.write_bytes(DATA)
    await shelf.store.write("made/a.txt", source, "text/plain")
    await shelf.store.copy("made/a.txt", "copied/b.txt")
    await shelf.store.copy("made/a.txt", "copied/b.txt")
    async with shelf.store.file("copied/b.txt") as path:
        assert path.read_bytes() == DATA
    await shelf.store.delete("made/a.txt")
    assert await shelf.store.head("copied/b.txt") is not None


async def test_what_is_not_there_is_said_not_to_be(shelf: Shelf) -> None:
    assert await shelf.store.head("nothing/here") is None
    with pytest.raises(NotStoredError):
        await shelf.store.read("nothing/here", 0, 1)
    with pytest.raises(NotStoredError):
        await shelf.store.copy("nothing/here", "nothing/there")
    with pytest.raises(NotStoredError):
        async with shelf.store.file("nothing/here"):
            pass
    await shelf.store.delete("nothing/here")
    # Amazon tells nobody who may not list a bucket what is in it.
    assert (await shelf.get("nothing/here"))[0] in {403, 404}


async def test_what_is_below_a_prefix_is_listed_and_deleted_alone(shelf: Shelf) -> None:
    for key in ("below/a/1", "below/a/2/3", "below/ab"):
        await shelf.store_file(key, DATA)
    assert sorted([one.key async for one in shelf.store.below("below/a/")]) == ["below/a/1", "below/a/2/3"]
    await delete_below(shelf.store, "below/a/")
    assert [one.key async for one in shelf.store.below("below/")] == ["below/ab"]


@pytest.mark.parametrize(
    "key", ["", "a//b", "../a", "a/../b", "a/.", "/a", "a\\b", "a\nb", "x" * 256, "é" * 600]
)
async def test_what_is_no_key_is_refused(shelf: Shelf, key: str) -> None:
    with pytest.raises(ValueError, match="key"):
        await shelf.store.sign_upload(key, size=1, media_type="text/plain", lasting=MINUTE)
    with pytest.raises(ValueError, match="key"):
        await shelf.store.head(key)


async def test_a_store_knows_its_own_addresses(shelf: Shelf) -> None:
    url = await shelf.store.sign_download("a/b", name="a", media_type="text/plain", lasting=MINUTE)
    assert shelf.store.owns(url)
    assert not shelf.store.owns("https://example.org/stored/a.png")
    assert not shelf.store.owns("https://example.org/stonechat/a.png")


async def test_the_files_of_a_school_are_kept_in_a_bucket(s3: Shelf, mongodb_url: str) -> None:
    assert isinstance(s3.store, S3Store)
    endpoint = s3.store.bucket.endpoint
    bucket = {"bucket": "stonechat", "endpoint": endpoint, "access_key": ACCESS_KEY, "secret_key": SECRET_KEY}
    async with serve_school(test_settings(mongodb_url, "test_s3", storage={"s3": bucket})) as school:
        slug = await new_school(school)
        ada, ben = [await newcomer(school, at=slug) for _ in range(2)]
        talk, data = await talk_of(ada, ben), picture((60, 40))
        begun = (await begin(ada, talk, data, "a.png", PNG)).body
        assert (await put(ada, begun["upload"], data)).code == 200
        assert (await complete(ada, begun["_id"])).body["state"] == "READY"
        message = await write(ada, talk, attachments=[{"attachmentId": begun["_id"]}])
        url = message["attachments"][0]["url"]
        status, _, headers = await fetch(ben, url)
        assert (status, headers["Content-Type"]) == (200, PNG)
        assert (await ada.rest("remove", "messages", id=message["_id"])).code == 200

        async def is_revoked() -> bool:
            return (await fetch(ben, url))[0] in {403, 404}

        await until_so(is_revoked)
        bad = (await begin(ada, talk, huge := huge_picture(20_000, 20_000), "b.png", PNG)).body
        assert (await put(ada, bad["upload"], huge)).code == 200
        assert "pixels" in (await complete(ada, bad["_id"])).body["errors"]["content"]
    assert [one.key async for one in s3.store.below("uploads/")] == []
