"""The servers of Expo, Firebase and of a browser, as strict as the real ones, on this machine."""

from __future__ import annotations

import asyncio
import json
import time
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import cache
from typing import Any, Final, Self
from urllib.parse import parse_qsl, urlsplit

import jwt
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from stonechat.core.application import Application
from stonechat.core.push import Address, Push
from stonechat.core.testing import serving
from stonechat.core.transports.web import web

Json = Any

ACCESS_TOKEN: Final = "the project's"
LIMIT: Final = 4096
GRANT: Final = "urn:ietf:params:oauth:grant-type:jwt-bearer"
FCM_SCOPE: Final = "https://www.googleapis.com/auth/firebase.messaging"


@cache
def rsa_key() -> rsa.RSAPrivateKey:
    """That of the service account, made when it is first needed."""
    return rsa.generate_private_key(65537, 2048)


def push_to(to: Address, **more: Any) -> Push:
    shown: dict[str, Any] = {"title": "Lab", "body": "Hello", "badge": 3, **more}
    return Push(to=to, topic="t", **shown)


def pem_of(key: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey) -> str:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


def base64url(value: bytes) -> str:
    return urlsafe_b64encode(value).decode().rstrip("=")


def from_base64url(text: str) -> bytes:
    return urlsafe_b64decode(text + "=" * (-len(text) % 4))


@asynccontextmanager
async def routes(*served: Route) -> AsyncGenerator[str]:
    app = Application()
    web(app).routes += served
    async with serving(app) as url:
        yield url


@dataclass
class ExpoServer:
    """``tickets`` by token are answered for it instead of ``ok``; ``fails`` answers a whole request.

    ``foreign`` are tokens of another project: no request may have them and others.

    While it is ``held``, requests are ``waiting`` and nothing becomes of them.
    """

    url: str = ""
    pushes: list[Json] = field(default_factory=list[Json])
    batches: list[int] = field(default_factory=list[int])
    tickets: dict[str, Json] = field(default_factory=dict[str, Json])
    receipts: dict[str, Json] = field(default_factory=dict[str, Json])
    foreign: set[str] = field(default_factory=set[str])
    fails: Response | None = None
    held: asyncio.Event | None = None
    waiting: int = 0

    @classmethod
    @asynccontextmanager
    async def serving(cls) -> AsyncGenerator[Self]:
        server = cls()
        async with routes(
            Route("/--/api/v2/push/send", server.send, methods=["POST"]),
            Route("/--/api/v2/push/getReceipts", server.tell, methods=["POST"]),
        ) as server.url:
            yield server

    async def send(self, request: Request) -> Response:
        messages = await request.json()
        if request.headers.get("authorization") != f"Bearer {ACCESS_TOKEN}":
            return JSONResponse({"errors": [{"code": "UNAUTHORIZED"}]}, 401)
        if self.held is not None:
            self.waiting += 1
            await self.held.wait()
            return Response(status_code=503)
        if self.fails is not None:
            return self.fails
        if len(messages) > 100:
            return JSONResponse({"errors": [{"code": "PUSH_TOO_MANY_NOTIFICATIONS"}]}, 400)
        if len({message["to"] in self.foreign for message in messages}) > 1:
            return JSONResponse({"errors": [{"code": "PUSH_TOO_MANY_EXPERIENCE_IDS"}]}, 400)
        self.batches.append(len(messages))
        return JSONResponse({"data": [self._ticket(message) for message in messages]})

    def _ticket(self, message: Json) -> Json:
        token: str = message["to"]
        if len(json.dumps(message["data"]).encode()) > LIMIT:
            return {"status": "error", "message": "too big", "details": {"error": "MessageTooBig"}}
        if token in self.tickets:
            return self.tickets[token]
        self.pushes.append(message)
        return {"status": "ok", "id": f"receipt of {token}"}

    async def tell(self, request: Request) -> Response:
        if request.headers.get("authorization") != f"Bearer {ACCESS_TOKEN}":
            return JSONResponse({"errors": []}, 401)
        asked = (await request.json())["ids"]
        return JSONResponse({"data": {one: self.receipts[one] for one in asked if one in self.receipts}})


@dataclass
class FcmServer:
    """``answers`` by device token: a status, FCM's code and headers."""

    url: str = ""
    project: str = "a-school"
    pushes: list[Json] = field(default_factory=list[Json])
    answers: dict[str, tuple[int, str, dict[str, str]]] = field(
        default_factory=dict[str, tuple[int, str, dict[str, str]]]
    )
    granted: list[str] = field(default_factory=list[str])
    refuses: bool = False

    @classmethod
    @asynccontextmanager
    async def serving(cls) -> AsyncGenerator[Self]:
        server = cls()
        send = f"/v1/projects/{server.project}/messages:send"
        async with routes(
            Route("/token", server.grant, methods=["POST"]), Route(send, server.send, methods=["POST"])
        ) as server.url:
            yield server

    @property
    def account(self) -> str:
        return json.dumps(
            {
                "type": "service_account",
                "project_id": self.project,
                "private_key_id": "the only one",
                "private_key": pem_of(rsa_key()),
                "client_email": "push@a-school.example",
                "token_uri": f"{self.url}/token",
            }
        )

    async def grant(self, request: Request) -> Response:
        form = dict(parse_qsl((await request.body()).decode()))
        grant, assertion = form["grant_type"], form["assertion"]
        try:
            claims = jwt.decode(
                assertion,
                rsa_key().public_key(),
                ["RS256"],
                audience=f"{self.url}/token",
                issuer="push@a-school.example",
                options={"require": ["iat", "exp"]},
            )
        except jwt.PyJWTError as error:
            return JSONResponse({"error": "invalid_grant", "error_description": str(error)}, 400)
        named = jwt.get_unverified_header(assertion)["kid"] == "the only one"
        lasts = claims["exp"] - claims["iat"] <= 3600
        if self.refuses or grant != GRANT or claims["scope"] != FCM_SCOPE or not (named and lasts):
            return JSONResponse({"error": "invalid_grant"}, 400)
        self.granted.append(f"access {len(self.granted)}")
        return JSONResponse({"access_token": self.granted[-1], "expires_in": 3599, "token_type": "Bearer"})

    async def send(self, request: Request) -> Response:
        if not self.granted or request.headers.get("authorization") != f"Bearer {self.granted[-1]}":
            return _google_error(401, "UNAUTHENTICATED", "")
        body = await request.body()
        message = json.loads(body)["message"]
        if len(body) > LIMIT or not all(isinstance(value, str) for value in message["data"].values()):
            return _google_error(400, "INVALID_ARGUMENT", "INVALID_ARGUMENT")
        if message["token"] in self.answers:
            status, code, headers = self.answers[message["token"]]
            return _google_error(status, "NOT_FOUND", code, headers)
        self.pushes.append(message)
        return JSONResponse({"name": f"projects/{self.project}/messages/1"})


def _google_error(status: int, name: str, code: str, headers: dict[str, str] | None = None) -> JSONResponse:
    kind = "type.googleapis.com/google.firebase.fcm.v1.FcmError"
    details = [{"@type": kind, "errorCode": code}] if code else []
    error = {"code": status, "status": name, "details": details}
    return JSONResponse({"error": error}, status, headers)


class Browser:
    """A subscription: what a page hands on, and what only the browser can read."""

    def __init__(self, endpoint: str) -> None:
        self.endpoint = endpoint
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._auth = b"sixteen bytes of"

    @property
    def keys(self) -> dict[str, str]:
        return {"p256dh": base64url(_point(self._key.public_key())), "auth": base64url(self._auth)}

    def read(self, body: bytes) -> Json:
        """As RFC 8291 has it; raises where the body was not meant for this browser."""
        salt, record, length = body[:16], int.from_bytes(body[16:20]), body[20]
        sender, sealed = body[21 : 21 + length], body[21 + length :]
        assert len(body) <= record <= LIMIT
        public = ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), sender)
        shared = self._key.exchange(ec.ECDH(), public)
        info = b"WebPush: info\0" + _point(self._key.public_key()) + sender
        material = HKDF(SHA256(), 32, self._auth, info).derive(shared)
        key = HKDF(SHA256(), 16, salt, b"Content-Encoding: aes128gcm\0").derive(material)
        nonce = HKDF(SHA256(), 12, salt, b"Content-Encoding: nonce\0").derive(material)
        padded = AESGCM(key).decrypt(nonce, sealed, None)
        return json.loads(padded.rstrip(b"\0").removesuffix(b"\x02"))


def _point(key: ec.EllipticCurvePublicKey) -> bytes:
    return key.public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)


@dataclass
class BrowserPushServer:
    """A push service of RFC 8030. ``key`` is that which subscriptions were made for."""

    url: str = ""
    key: str = ""
    pushes: list[tuple[Browser, dict[str, str], Json]] = field(
        default_factory=list[tuple[Browser, dict[str, str], Json]]
    )
    answers: dict[str, Response] = field(default_factory=dict[str, Response])
    browsers: dict[str, Browser] = field(default_factory=dict[str, Browser])

    @classmethod
    @asynccontextmanager
    async def serving(cls) -> AsyncGenerator[Self]:
        server = cls()
        async with routes(Route("/{name}", server.push, methods=["POST"])) as server.url:
            yield server

    def subscribe(self, name: str) -> Browser:
        browser = self.browsers[name] = Browser(f"{self.url}/{name}")
        return browser

    async def push(self, request: Request) -> Response:
        name = request.path_params["name"]
        if name in self.answers:
            return self.answers[name]
        if name not in self.browsers:
            return Response(status_code=404)
        try:
            self._check_signature(request.headers.get("authorization", ""))
        except (jwt.PyJWTError, ValueError) as error:
            return JSONResponse({"reason": repr(error)}, 403)
        headers, body = dict(request.headers), await request.body()
        topic = headers.get("topic", "")
        if "ttl" not in headers or len(topic) > 32 or headers.get("content-encoding") != "aes128gcm":
            return Response(status_code=400)
        if len(body) > LIMIT:
            return Response(status_code=413)
        browser = self.browsers[name]
        self.pushes.append((browser, headers, browser.read(body)))
        return Response(status_code=201, headers={"Location": f"{self.url}/receipt"})

    def _check_signature(self, authorization: str) -> None:
        """RFC 8292."""
        scheme, _, rest = authorization.partition(" ")
        parts = dict(part.strip().split("=", 1) for part in rest.split(","))
        if scheme != "vapid" or parts["k"] != self.key:
            raise ValueError("the key of another application")
        public = ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), from_base64url(parts["k"]))
        host = urlsplit(self.url)
        claims = jwt.decode(parts["t"], public, ["ES256"], audience=f"{host.scheme}://{host.netloc}")
        if claims["exp"] > time.time() + 24 * 60 * 60 or not claims["sub"].startswith("mailto:"):
            raise ValueError("a signature for too long, or of nobody")
