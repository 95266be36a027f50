"""A server that speaks as S3 does and, unlike the one behind it, checks signatures as Amazon's does."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import socket
import sys
from asyncio.subprocess import DEVNULL
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from urllib.parse import quote

import aiohttp
from aiohttp import web
from yarl import URL

from tests.support.waiting import until_so

ACCESS_KEY = "stonechat-tests"
SECRET_KEY = "a-secret-of-the-tests"
REGION = "us-east-1"
HOPS = frozenset({"connection", "keep-alive", "transfer-encoding", "content-length", "date", "server"})


@asynccontextmanager
async def serve_s3() -> AsyncGenerator[str]:
    """The address of the server."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)]
    process = await asyncio.create_subprocess_exec(*command, stdout=DEVNULL, stderr=DEVNULL)
    try:
        async with aiohttp.ClientSession(auto_decompress=False) as http:
            behind = URL(f"http://127.0.0.1:{port}")

            async def answers() -> bool:
                try:
                    async with http.get(behind / "moto-api/"):
                        return True
                except aiohttp.ClientError:
                    return False

            await until_so(answers, within=60)
            front = web.Application(client_max_size=64 * 1024 * 1024)
            front.router.add_route("*", "/{path:.*}", _Front(http, behind).answer)
            runner = web.AppRunner(front, access_log=None)
            await runner.setup()
            site = web.TCPSite(runner, "127.0.0.1", 0)
            await site.start()
            try:
                yield f"http://127.0.0.1:{runner.addresses[0][1]}"
            finally:
                await runner.cleanup()
    finally:
        process.terminate()
        await process.wait()


class _Front:
    def __init__(self, http: aiohttp.ClientSession, behind: URL) -> None:
        self._http = http
        self._behind = behind

    async def answer(self, request: web.Request) -> web.Response:
        if "X-Amz-Signature" in request.query and (reason := _refusal(request)):
            return web.Response(status=403, text=f"<Error><Code>AccessDenied</Code>{reason}</Error>")
        target = URL(f"{self._behind}".rstrip("/") + request.raw_path, encoded=True)
        headers = {name: value for name, value in request.headers.items() if name.lower() not in HOPS}
        body = await request.read()
        async with self._http.request(request.method, target, headers=headers, data=body) as got:
            kept = [(name, value) for name, value in got.headers.items() if name.lower() not in HOPS]
            answer = web.Response(status=got.status, body=await got.read())
            for name, value in kept:
                if name.lower() != "content-type" or got.content_type:
                    answer.headers[name] = value
            if request.method == "HEAD" and "Content-Length" in got.headers:
                answer.headers["Content-Length"] = got.headers["Content-Length"]
            return answer


def _refusal(request: web.Request) -> str:
    """By the rules of Amazon's Signature Version 4 for query strings."""
    query = {name: value for name, value in request.query.items() if name != "X-Amz-Signature"}
    moment = query["X-Amz-Date"]
    begun = datetime.strptime(moment, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
    if datetime.now(UTC) >= begun + timedelta(seconds=int(query["X-Amz-Expires"])):
        return "Request has expired"
    signed = query["X-Amz-SignedHeaders"].split(";")
    pairs = sorted((quote(name, safe="-_.~"), quote(value, safe="-_.~")) for name, value in query.items())
    canonical = "\n".join(
        (
            request.method,
            request.raw_path.partition("?")[0],
            "&".join(f"{name}={value}" for name, value in pairs),
            *(f"{name}:{request.headers.get(name, '').strip()}" for name in signed),
            "",
            ";".join(signed),
            "UNSIGNED-PAYLOAD",
        )
    )
    scope = f"{moment[:8]}/{REGION}/s3/aws4_request"
    digest = hashlib.sha256(canonical.encode()).hexdigest()
    key = f"AWS4{SECRET_KEY}".encode()
    for part in scope.split("/"):
        key = hmac.digest(key, part.encode(), "sha256")
    text = f"AWS4-HMAC-SHA256\n{moment}\n{scope}\n{digest}"
    expected = hmac.new(key, text.encode(), "sha256").hexdigest()
    return "" if hmac.compare_digest(expected, request.query["X-Amz-Signature"]) else "SignatureDoesNotMatch"
