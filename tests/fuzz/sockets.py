"""Socket calls of any shape: each is to be acknowledged with something better than a fault of the server."""

from __future__ import annotations

import asyncio
import itertools
import json
import random
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final

from stonechat import demo
from stonechat.core.shapes import is_list, is_mapping
from tests.fuzz.served import ID_FIELDS, ROLES, Json, Served
from tests.support.wire import ACK, EVENT, Wire

BATCH: Final = 25
MAX_DEPTH: Final = 5
MOST: Final = 20_000  # characters of a packet; the server hangs up on more than 65,536 bytes
METHODS: Final = ("find", "get", "create", "update", "patch", "remove", "acknowledge", "setup", "wave")
OPERATORS: Final = ("$ne", "$in", "$nin", "$lt", "$gte", "$or", "$and", "$regex", "$where", "$set", "$expr")
FILTERS: Final = ("$limit", "$skip", "$sort", "$select", "$or", "$and", "$populate", "$after")
FIELDS: Final = (
    "_id", "name", "email", "role", "password", "kind", "content", "conversationId", "userId", "classId",
    "memberIds", "mentions", "replyTo", "attachments", "idempotencyKey", "type", "seq", "readSeq",
    "deliveredSeq", "mutedUntil", "settings", "strategy", "accessToken", "userIds", "createdAt", "schoolId",
    "subject", "avatar", "timezone", "lastMessage.seq", "settings.maxGroupMembers", "__proto__", "",
)  # fmt: skip
VALUES: Final[tuple[Json, ...]] = (
    None, True, False, 0, -1, 1, 1.5, -0.0, 2**31, 2**53, 2**63, 2**64, -(2**63) - 1, 10**40, 1e308, "",
    " ", "text", "group", "direct", "class", "student", "admin", "member", "local", "jwt", "0", "1e999",
    "NaN", "null", "\x00", "a\x00b", "\u202e", "\U0001f426", "e\u0301", "\ufeff", "$where", "../..", "%00",
    "x" * 5000, "9" * 400, "2026-01-01T00:00:00Z", "0000-00-00", "9999-12-31T23:59:59+14:00",
    "0001-01-01T00:00:00-14:00", "Europe/Berlin", "https://example.org/a.png", "javascript:1",
    "a@b.example", "f" * 24, "F" * 24, "z" * 24, "f" * 23, [], {},
)  # fmt: skip
PLAIN: Final = {"integer": (0, 1, 2, 3, 50), "boolean": (True, False)}
# What is no call at all: it may be left unanswered, and must not end the socket.
NOISE: Final = (
    '42["find","users",NaN]', '4277771["find","users",{"a":Infinity}]', '4277772["find",', "42", "4277773",
    "42{}", "42null", "42[]", "4277774[]", "4277775[null]", "4277776[5]", '42-1["find"]',
    '42999999999999999999999["find","users"]', "43", "43[]", '439[null,"x"]', '42/other,7["find","users"]',
    "45", '451-["binary",{"_placeholder":true,"num":0}]', "4", "49", '42["find","users","\\ud800"]',
    '4277778["\\ud800"]', '42["' + "x" * 5000 + '"]', "42" + "[" * 3000,
    '42["find","users",' + '{"$or":[' * 400 + "{}" + "]}" * 400 + "]",
)  # fmt: skip


# Of acknowledgements; far from those that the wire counts by itself.
_numbers = itertools.count(1_000_000)


@dataclass(slots=True)
class SocketFuzz:
    """Several people call at once. ``codes`` count the answers: 200, or the code of the error."""

    school: Served
    seed: int = 0
    failures: list[str] = field(default_factory=list[str])
    codes: Counter[int] = field(default_factory=Counter[int])

    async def run(self, enough: Callable[[int], bool]) -> None:
        """Go on until ``enough`` of the number of calls so far, asked now and then."""
        ids = await asyncio.to_thread(self.school.ids)
        document = await asyncio.to_thread(self.school.ask, "GET", "/asyncapi.json")
        async with asyncio.TaskGroup() as people:
            for at, role in enumerate(ROLES):
                caller = Caller(random.Random(self.seed + at), ids, document["components"])
                people.create_task(self._fuzz(role, caller, enough))

    async def _fuzz(self, role: str, caller: Caller, enough: Callable[[int], bool]) -> None:
        async with Wire.open(self.school.url) as wire:
            while not enough(self.codes.total()):
                await self._log_in(wire, role)
                calls = [caller.call() for _ in range(BATCH)]
                if caller.chance.random() < 0.3:
                    await wire.send(caller.chance.choice(NOISE))
                if caller.chance.random() < 0.3:
                    await wire.send(EVENT + json.dumps(caller.call()))  # nobody waits for this one
                for call, start in [(call, await _start(wire, call)) for call in calls]:
                    await self._answered(wire, call, start)
                wire.packets[:] = [packet for packet in wire.packets if packet.startswith(ACK)]

    async def _log_in(self, wire: Wire, role: str) -> None:
        """Again before each batch: calls of the last one may have logged out."""
        login = {"strategy": "local", "email": ROLES[role], "password": demo.PASSWORD}
        answer = await wire.call("create", "authentication", login)
        if answer[0] is not None:
            self.failures.append(f"{role} cannot log in: {answer}")

    async def _answered(self, wire: Wire, call: list[Json], start: str) -> None:
        try:
            packet = await wire.packet(start)
        except (TimeoutError, ConnectionResetError) as unanswered:
            self.failures.append(f"{type(unanswered).__name__}: {_short(call)}")
            raise
        first = json.loads(packet[packet.index("[") :])[0]
        error: dict[str, Json] = first.get("error", first) if is_mapping(first) else {}
        code: int = error.get("code", 200)
        self.codes[code] += 1
        if code >= 500:
            self.failures.append(f"{error}: {_short(call)}")


@dataclass(slots=True)
class Caller:
    """Makes calls up: mostly half right, since what is all wrong never gets far."""

    chance: random.Random
    ids: dict[str, list[str]]
    components: dict[str, Json]
    calls: list[Json] = field(init=False)
    events: list[tuple[str, Json]] = field(init=False)

    def __post_init__(self) -> None:
        messages: dict[str, Json] = self.components["messages"]
        self.calls = [one["payload"]["items"] for name, one in messages.items() if name.endswith(".call")]
        self.events = [
            (one["name"], one["payload"]) for key, one in messages.items() if key.endswith(".client")
        ]

    def call(self) -> list[Json]:
        call = self._call()
        return call if len(json.dumps(call)) < MOST else ["find", "schools"]

    def _call(self) -> list[Json]:
        chance = self.chance
        if chance.random() < 0.2:
            event, payload = chance.choice(self.events)
            return [event, *([self.like(payload)] if chance.random() < 0.9 else self.some(self.value))]
        if chance.random() < 0.7:
            method, path, *schemas = chance.choice(self.calls)
            told = [self.like(one) for one in schemas]
            if method["const"] in {"get", "update", "patch", "remove"} and chance.random() < 0.8:
                told[0] = self.id(path["examples"][0])
            return [method["const"], path["examples"][0], *told]
        method = chance.choice(METHODS[:7] if chance.random() < 0.9 else METHODS)
        if chance.random() < 0.05:
            return [chance.choice([method, "", "x" * 300, "\x00", "connect"]), *self.some(self.value)]
        path = chance.choice([*self.ids, "authentication"]) if chance.random() < 0.9 else self.value()
        arguments: list[Json] = []
        if method in {"get", "update", "patch", "remove"}:
            arguments.append(self.id())
        if method not in {"find", "get", "remove"}:
            arguments.append(self.object() if chance.random() < 0.9 else self.value())
        if chance.random() < 0.8:
            arguments.append(self.query() if chance.random() < 0.9 else self.value())
        if chance.random() < 0.1:
            arguments = self.some(self.value)
        return [method, path, *arguments]

    def like(self, schema: Json, name: str = "", depth: int = 0) -> Json:
        """Something that is mostly as the schema says."""
        if self.chance.random() < 0.03:
            return self.value()
        if "$ref" in schema:
            schema = self._referred(schema["$ref"])
        if ways := schema.get("anyOf") or schema.get("enum") or schema.get("const"):
            one: Json = self.chance.choice(ways) if is_list(ways) else ways
            return self.like(one, name, depth) if "anyOf" in schema else one
        kinds = schema.get("type", "null")
        kind = kinds if isinstance(kinds, str) else self.chance.choice(kinds)
        made = {"object": self._object_like, "array": self._list_like, "string": self._text_like}.get(kind)
        return self.chance.choice(PLAIN.get(kind, (None,))) if made is None else made(schema, name, depth)

    def _referred(self, pointer: str) -> Json:
        found: Json = self.components
        for part in pointer.split("/")[2:]:
            found = found[part]
        return found

    def _object_like(self, schema: Json, _: str, depth: int) -> Json:
        required, properties = schema.get("required", ()), schema.get("properties", {})
        share = 3 / max(len(properties), 1) if depth < MAX_DEPTH else 0
        chosen = [key for key in properties if key in required or self.chance.random() < share]
        return {key: self.like(properties[key], key, depth + 1) for key in chosen}

    def _list_like(self, schema: Json, name: str, depth: int) -> Json:
        return [self.like(schema["items"], name, depth) for _ in range(self.chance.randrange(1, 3))]

    def _text_like(self, schema: Json, name: str, _: int) -> Json:
        if "24" in schema.get("pattern", ""):
            return self.id(ID_FIELDS.get(name))
        return self.chance.choice(("text", "Ada", "a@b.example", "2026-01-01T00:00:00Z", "a" * 60))

    def id(self, path: str | None = None) -> Json:
        if self.chance.random() < 0.1:
            return self.value()
        some = self.ids.get(path or "") or [one for some in self.ids.values() for one in some]
        return self.chance.choice(some)

    def query(self, depth: int = 0) -> dict[str, Json]:
        query: dict[str, Json] = {}
        for _ in range(self.chance.randrange(4)):
            if self.chance.random() < 0.6:
                query[self.name()] = self.condition() if self.chance.random() < 0.6 else self.value()
            else:
                name = self.chance.choice(FILTERS)
                nested = name in {"$or", "$and"} and depth < 12
                query[name] = [self.query(depth + 1)] * 2 if nested else self.filter(name)
        return query

    def filter(self, name: str) -> Json:
        if self.chance.random() < 0.3:
            return self.value()
        if name == "$sort":
            return {self.name(): self.chance.choice([1, -1, "1", "-1", 0, "up", None, 1e30])}
        if name == "$select":
            return [self.name() for _ in range(self.chance.randrange(4))]
        return self.chance.choice([0, 1, 2, "3", -1, 10**30, 1e300, "x", 2**63])

    def condition(self) -> Json:
        operator = self.chance.choice(OPERATORS)
        value = [self.value(), self.id()] if operator in {"$in", "$nin"} else self.value()
        return {operator: value}

    def object(self) -> dict[str, Json]:
        names = [self.name() for _ in range(self.chance.randrange(6))]
        return {name: self.field(name) for name in names}

    def field(self, name: str) -> Json:
        if self.chance.random() < 0.6:
            if name in {"memberIds", "mentions", "userIds"}:
                return [self.id() for _ in range(self.chance.randrange(3))]
            if name.endswith("Id") or name == "replyTo":
                return self.id()
        return self.value()

    def name(self) -> str:
        return self.chance.choice(FIELDS) if self.chance.random() < 0.95 else str(self.value())

    def value(self, depth: int = 0) -> Json:
        kind = self.chance.random()
        if depth > 3 or kind < 0.75:
            return self.chance.choice(VALUES)
        if kind < 0.8:
            return self._deep()
        if kind < 0.9:
            return [self.value(depth + 1) for _ in range(self.chance.randrange(4))]
        names = (*FIELDS, *OPERATORS)
        return {self.chance.choice(names): self.value(depth + 1) for _ in range(self.chance.randrange(3))}

    def some(self, make: Callable[[], Json]) -> list[Json]:
        return [make() for _ in range(self.chance.randrange(6))]

    def _deep(self) -> Json:
        value: Json = 1
        for _ in range(self.chance.choice([5, 50, 150])):
            value = (
                [value] if self.chance.random() < 0.5 else {self.chance.choice(("a", "$or", "$ne")): value}
            )
        return value


async def _start(wire: Wire, call: list[Json]) -> str:
    """As text of our own making: numbers of any size get onto the wire so."""
    number = next(_numbers)
    await wire.send(f"{EVENT}{number}{json.dumps(call, ensure_ascii=False)}")
    return f"{ACK}{number}["


def until(seconds: float) -> Callable[[int], bool]:
    end = time.monotonic() + seconds
    return lambda _: time.monotonic() > end


def after(calls: int) -> Callable[[int], bool]:
    return lambda made: made >= calls


def _short(call: Any) -> str:
    return json.dumps(call)[:600]
