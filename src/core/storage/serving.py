"""The signed addresses of a local store, over HTTP."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Mapping
from typing import Final

from starlette.requests import ClientDisconnect, Request
from starlette.responses import FileResponse, Response
from starlette.routing import Route

from ..application import Application
from ..errors import BadRequest, FeathersError, Forbidden, LengthRequired, NotFound, PayloadTooLarge
from ..transports.responses import error_response
from ..transports.web import web
from .local import PREFIX, LocalStore
from .parts import Part
from .signing import Grant
from .store import check_key, disposition

PIECE: Final = 256 * 1024
"""Bytes that are written at once, on a thread."""

OFFSET: Final = "Upload-Offset"
RANGE: Final = re.compile(r"bytes (\d{1,19})-(\d{1,19})/(\d{1,19})")
OF_FILES: Final[Mapping[str, str]] = {
    # A file is nobody's page: it runs no script, and reaches nothing of the site.
    "Content-Security-Policy": "default-src 'none'; sandbox",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "private, max-age=300",
}


def serve_files(app: Application, store: LocalStore) -> None:
    """Serve the addresses that the store signs.

    A PUT stores a file, whole, or a piece of it with ``Content-Range: bytes first-last/size``: pieces come in
    their order, and HEAD of the same address tells by ``Upload-Offset`` how much has arrived, also after a
    connection broke. The answer is 201 when the file is there, and 202 while something is missing.
    """

    async def answer(request: Request) -> Response:
        try:
            return await _answer(store, request)
        except FeathersError as error:
            status, _, body = error_response(error)
            return Response(body, status, media_type="application/json")

    web(app).routes.append(Route(f"{PREFIX}/{{key:path}}", answer, methods=["GET", "HEAD", "PUT"]))


async def _answer(store: LocalStore, request: Request) -> Response:
    try:
        key = check_key(request.path_params["key"])
    except ValueError as error:
        raise BadRequest(f"This is the address of no file: {error}", {"code": "NO_KEY"}) from None
    query = request.query_params
    match request.method:
        case "PUT":
            return await _receive(store, store.signer.check(key, query, ("PUT",)), request)
        case "HEAD" if query.get("verb") == "PUT":
            grant = store.signer.check(key, query, ("PUT",))
            return _progress(200, await _arrived(store, grant))
        case _:
            return await _send(store, store.signer.check(key, query, ("GET",)))


async def _send(store: LocalStore, grant: Grant) -> Response:
    if await store.head(grant.key) is None:
        raise NotFound("The file is gone")
    headers = {**OF_FILES, "Content-Disposition": disposition(grant.name, grant.type)}
    return FileResponse(store.path(grant.key), headers=headers, media_type=grant.type)


async def _receive(store: LocalStore, grant: Grant, request: Request) -> Response:
    if store.wanted is not None and not await store.wanted(grant.key):
        raise Forbidden("Nobody waits for the file", {"code": "URL_REVOKED"})
    if request.headers.get("content-type", "") != grant.type:
        raise BadRequest(f"The file is to be {grant.type}", {"errors": {"mediaType": "is another"}})
    offset, length = _announced(grant, request)
    part = await asyncio.to_thread(store.parts.open, grant.key, offset)
    try:
        await _take(part, length, request)
        arrived = await asyncio.to_thread(lambda: part.size)
        if arrived < grant.size:
            return _progress(202, arrived)
        await asyncio.to_thread(part.place, store.path(grant.key))
        return _progress(201, arrived)
    except ClientDisconnect:
        # Nobody hears it. What has arrived stays, for whoever goes on.
        return Response(status_code=400)
    finally:
        await asyncio.to_thread(part.close)


def _announced(grant: Grant, request: Request) -> tuple[int | None, int]:
    """Where the body belongs, None for the beginning of a new upload, and its length in bytes.

    Raises LengthRequired, PayloadTooLarge, BadRequest.
    """
    try:
        length = int(request.headers["content-length"])
    except (KeyError, ValueError):
        raise LengthRequired("The length of the body is missing") from None
    header = request.headers.get("content-range")
    if header is None:
        if length != grant.size:
            raise _wrong_size(grant, length)
        return None, length
    match = RANGE.fullmatch(header)
    if match is None:
        raise BadRequest("Content-Range is to be: bytes first-last/size", {"code": "BAD_RANGE"})
    first, last, size = (int(number) for number in match.groups())
    if size != grant.size or last >= size:
        raise _wrong_size(grant, max(size, last + 1))
    if last - first + 1 != length:
        raise BadRequest(f"The range has {last - first + 1} bytes, the body {length}", {"code": "BAD_RANGE"})
    return first, length


def _wrong_size(grant: Grant, size: int) -> FeathersError:
    kind = PayloadTooLarge if size > grant.size else BadRequest
    return kind(f"The file is to have {grant.size} bytes, not {size}", {"errors": {"size": "is another"}})


async def _take(part: Part, length: int, request: Request) -> None:
    """Write the body, never more of it than was announced. Raises BadRequest, ClientDisconnect."""
    waiting = bytearray()
    left = length
    try:
        async for chunk in request.stream():
            left -= len(chunk)
            if left < 0:
                raise BadRequest(f"The body has more than the {length} bytes that were announced")
            waiting += chunk
            if len(waiting) >= PIECE:
                await asyncio.to_thread(part.write, bytes(waiting))
                waiting.clear()
    finally:
        if waiting and left >= 0:
            await asyncio.to_thread(part.write, bytes(waiting))


async def _arrived(store: LocalStore, grant: Grant) -> int:
    stored = await store.head(grant.key)
    return await asyncio.to_thread(store.parts.size, grant.key) if stored is None else stored.size


def _progress(status: int, arrived: int) -> Response:
    return Response(status_code=status, headers={OFFSET: str(arrived), "Cache-Control": "no-store"})
