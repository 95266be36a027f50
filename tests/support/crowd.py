"""People with a live socket each, and what they are told of one another."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from typing import Any, Final, Self

from stonechat import demo
from stonechat.core.encoding import decode
from tests.support.school import School
from tests.support.waiting import until
from tests.support.wire import EVENT, Wire

EVERYBODY: Final = tuple(email.partition("@")[0] for _, email, _ in demo.logins())

OtherSchool = Callable[..., AbstractAsyncContextManager[School]]
"""Serves the demo schools with other settings: tables of settings by name."""


class Crowd:
    """``wires`` by the first part of the e-mail."""

    def __init__(self, school: School, stack: AsyncExitStack) -> None:
        self.school = school
        self.wires: dict[str, Wire] = {}
        self.left = 0
        self._stack = stack

    @classmethod
    @asynccontextmanager
    async def of(cls, school: School) -> AsyncGenerator[Self]:
        async with AsyncExitStack() as stack:
            crowd = cls(school, stack)
            school.app.on("disconnect", crowd._count)
            yield crowd
            for name, wire in crowd.wires.items():
                # Logged out, nobody is in grace when the next test begins.
                await wire.call("remove", "authentication", None)
                school.forget(name)
            school.app.off("disconnect", crowd._count)

    async def join(self, *names: str) -> None:
        for name in names:
            self.wires[name] = await self._stack.enter_async_context(self.open(name))

    @asynccontextmanager
    async def open(self, name: str) -> AsyncGenerator[Wire]:
        person = await self.school.person(name)
        async with Wire.open(self.school.url, auth={"token": person.token}) as wire:
            yield wire

    async def leave(self, name: str) -> None:
        """Hang up, and wait until the server has noticed."""
        left = self.left
        self.wires.pop(name).websocket.transport.abort()
        await until(lambda: self.left > left)

    async def heard(self, event: str) -> dict[str, list[str]]:
        """Who has been told the event since this was asked last, and about whom."""
        ids = {(await self.school.person(name)).id: name for name in EVERYBODY}
        told: dict[str, list[str]] = {}
        for name, wire in self.wires.items():
            # Whatever was sent before the acknowledgement has arrived before it.
            await wire.call("presence:get", {})
            matching = [packet for packet in wire.packets if packet.startswith(f'{EVENT}["{event}",')]
            for packet in matching:
                wire.packets.remove(packet)
                told.setdefault(name, []).append(ids[decode(packet[2:])[1]["userId"]])
        return told

    async def has(self, event: str) -> set[str]:
        """Who has been sent the event and not asked for it yet."""
        names: set[str] = set()
        for name, wire in self.wires.items():
            await wire.call("presence:get", {})
            if any(packet.startswith(f'{EVENT}["{event}",') for packet in wire.packets):
                names.add(name)
        return names

    async def ids(self, *names: str) -> list[str]:
        return sorted([(await self.school.person(name)).id for name in names])

    async def forget(self) -> None:
        await self.heard("user:online")
        await self.heard("user:offline")

    def _count(self, _: Any) -> None:
        self.left += 1
