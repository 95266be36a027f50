"""Files of every kind, and uploading them as clients do."""

from __future__ import annotations

import io
import struct
import zipfile
import zlib
from typing import Any

from PIL import Image
from yarl import URL

from tests.support.school import Answer, Json, Person

PNG = "image/png"
JPEG = "image/jpeg"


def picture(size: tuple[int, int] = (40, 30), kind: str = "PNG", **options: Any) -> bytes:
    made = io.BytesIO()
    Image.new("RGB", size, "teal").save(made, kind, **options)
    return made.getvalue()


def huge_picture(width: int, height: int) -> bytes:
    """A PNG that says it is so large, in a few hundred bytes."""
    head = struct.pack(">IIBBBBB", width, height, 1, 0, 0, 0, 0)
    rows = zlib.compress(b"\0" * 1000, 9)
    return b"\x89PNG\r\n\x1a\n" + _chunk(b"IHDR", head) + _chunk(b"IDAT", rows) + _chunk(b"IEND", b"")


def zip_bomb(unpacked: int = 40 * 1024 * 1024) -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        archive.writestr("zeros", b"\0" * unpacked)
    return made.getvalue()


def archive(**files: bytes) -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as opened:
        for name, data in files.items():
            opened.writestr(name, data)
    return made.getvalue()


def understated_archive(entries: int = 20_000) -> bytes:
    """Its end tells of one entry; the end of 64 bits before that one, of all."""
    single = archive(a=b"1")
    length, start = struct.unpack("<2L", single[-10:-2])
    directory = single[start : start + length] * entries
    ends = start + len(directory)
    end = struct.pack("<4sQ2H2L4Q", b"PK\x06\x06", 44, 45, 45, 0, 0, entries, entries, len(directory), start)
    locator = struct.pack("<4sLQL", b"PK\x06\x07", 0, ends, 1)
    return single[:start] + directory + end + locator + single[-22:]


async def begin(person: Person, conversation: str, data: bytes, name: str, media_type: str) -> Answer:
    said = {"conversationId": conversation, "name": name, "mediaType": media_type, "size": len(data)}
    return await person.rest("create", "attachments", data=said)


async def put(person: Person, upload: Json, data: bytes, **headers: str) -> Answer:
    """Upload as the instruction says; nobody is logged in at the store."""
    url = address(person, upload["url"])
    said = {**upload["headers"], **headers}
    async with person.school.http.request(upload["method"], url, data=data, headers=said) as got:
        return Answer(got.status, await got.read())


async def fetch(person: Person, url: str, **headers: str) -> tuple[int, bytes, Any]:
    async with person.school.http.get(address(person, url), headers=headers) as got:
        return got.status, await got.read(), got.headers


def address(person: Person, url: str) -> URL:
    whole = url if url.startswith("http") else f"{person.school.url}{url}"
    return URL(whole, encoded=True)


async def complete(person: Person, attachment_id: str) -> Answer:
    return await person.rest("complete", "attachments", data={"attachmentId": attachment_id})


async def uploaded(
    person: Person, conversation: str, data: bytes, name: str = "a.png", media_type: str = PNG
) -> Json:
    """The record of a file that was uploaded and completed."""
    begun = await begin(person, conversation, data, name, media_type)
    assert begun.code == 201, begun
    assert (await put(person, begun.body["upload"], data)).code == 201
    done = await complete(person, begun.body["_id"])
    assert done.code in {200, 201}, done
    return done.body


def _chunk(name: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
