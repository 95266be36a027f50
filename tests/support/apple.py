"""Apple's push server, as strict as the real one: it speaks HTTP/2 only."""

from __future__ import annotations

import asyncio
import json
import re
import time
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple, Self

import h2.config
import h2.connection
import h2.events
import jwt
from cryptography.hazmat.primitives.asymmetric import ec

LIMIT: Final = 4096
OLDEST_TOKEN: Final = 3600
TEAM: Final = "TEAM000001"
KEY_ID: Final = "KEY0000001"
TOPIC: Final = "org.example.chat"
APPLE_KEY: Final = ec.generate_private_key(ec.SECP256R1())

Headers = dict[str, str]


class Pushed(NamedTuple):
    token: str
    headers: Headers
    payload: Any


@dataclass
class AppleServer:
    """``answers`` by device token: a status, a reason, headers; ``expired`` provider tokens are refused."""

    url: str = ""
    pushes: list[Pushed] = field(default_factory=list[Pushed])
    answers: dict[str, tuple[int, str, Headers]] = field(default_factory=dict[str, tuple[int, str, Headers]])
    tokens: set[str] = field(default_factory=set[str])
    expired: set[str] = field(default_factory=set[str])
    connections: int = 0

    @classmethod
    @asynccontextmanager
    async def serving(cls) -> AsyncGenerator[Self]:
        apple = cls()
        server = await asyncio.start_server(apple._serve, "127.0.0.1", 0)
        apple.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        async with server:
            yield apple

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        config = h2.config.H2Configuration(client_side=False, header_encoding="utf-8")
        connection = h2.connection.H2Connection(config)
        connection.initiate_connection()
        asked: dict[int, tuple[Headers, bytearray]] = {}
        writer.write(connection.data_to_send())
        try:
            while data := await reader.read(65536):
                for event in connection.receive_data(data):
                    if isinstance(event, h2.events.RequestReceived):
                        asked[event.stream_id] = (dict(_texts(event.headers)), bytearray())
                    elif isinstance(event, h2.events.DataReceived):
                        asked[event.stream_id][1].extend(event.data)
                        connection.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
                    elif isinstance(event, h2.events.StreamEnded):
                        headers, body = asked.pop(event.stream_id)
                        self._answer(connection, event.stream_id, headers, bytes(body))
                writer.write(connection.data_to_send())
                await writer.drain()
        finally:
            writer.close()

    def _answer(
        self, connection: h2.connection.H2Connection, stream: int, headers: Headers, body: bytes
    ) -> None:
        status, reason, more = self._judge(headers, body)
        sent = json.dumps({"reason": reason}).encode() if reason else b""
        fields = [(":status", str(status)), ("apns-id", "0"), *more.items()]
        connection.send_headers(stream, fields, end_stream=not sent)
        if sent:
            connection.send_data(stream, sent, end_stream=True)

    def _judge(self, headers: Headers, body: bytes) -> tuple[int, str, Headers]:
        token = headers[":path"].removeprefix("/3/device/")
        if (refusal := self._refusal(headers, body)) is not None:
            return *refusal, {}
        if not re.fullmatch(r"[0-9a-f]{64,200}", token):
            return 400, "BadDeviceToken", {}
        if token in self.answers:
            return self.answers[token]
        self.pushes.append(Pushed(token, headers, json.loads(body)))
        return 200, "", {}

    def _refusal(self, headers: Headers, body: bytes) -> tuple[int, str] | None:
        scheme, _, token = headers.get("authorization", "").partition(" ")
        if scheme != "bearer" or headers[":method"] != "POST":
            return 403, "MissingProviderToken"
        if not _is_signed(token):
            return 403, "InvalidProviderToken"
        self.tokens.add(token)
        if token in self.expired or _issued_at(token) < time.time() - OLDEST_TOKEN:
            return 403, "ExpiredProviderToken"
        silent = "alert" not in json.loads(body)["aps"]
        wrong = {
            "MissingTopic": "apns-topic" not in headers,
            "BadTopic": headers.get("apns-topic") != TOPIC,
            "InvalidPushType": headers.get("apns-push-type") != ("background" if silent else "alert"),
            "BadPriority": silent and headers.get("apns-priority") != "5",
            "BadCollapseId": len(headers.get("apns-collapse-id", "").encode()) > 64,
        }
        reasons = [reason for reason, is_so in wrong.items() if is_so]
        if reasons:
            return 400, reasons[0]
        return (413, "PayloadTooLarge") if len(body) > LIMIT else None


def _is_signed(token: str) -> bool:
    try:
        options: Any = {"verify_iat": False, "require": ["iat"]}
        claims = jwt.decode(token, APPLE_KEY.public_key(), ["ES256"], options=options)
    except jwt.PyJWTError:
        return False
    return bool(claims["iss"] == TEAM and jwt.get_unverified_header(token)["kid"] == KEY_ID)


def _issued_at(token: str) -> int:
    options: Any = {"verify_signature": False}
    return int(jwt.decode(token, options=options)["iat"])


def _texts(headers: Any) -> list[tuple[str, str]]:
    return [(str(name), str(value)) for name, value in headers]
