"""How sockets end: told to go, cut off for not reading, gone by themselves, or all together."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from functools import partial
from random import SystemRandom
from typing import Final

import structlog

from ...application import Application
from ...context import Connection
from ...encoding import encode
from ...turns import TurnsOfLoops
from ...websocket import GOODBYE_SECONDS
from .client import Client, Frame, prefix_of
from .deliveries import Deliveries
from .engine import Engine
from .roster import Roster
from .session import Session

logger = structlog.stdlib.get_logger(__name__)

DISCONNECT: Final = b"1"  # of Socket.IO
EVENT: Final = b"2"  # of Socket.IO
RESYNC: Final = "resync"
"""The last event of a client that has missed events: it is to fetch what it lacks."""
SECONDS_PER_SOCKET: Final = 0.001

# A school that is closed tells thousands to go.
farewells: Final = TurnsOfLoops(at_once=64)


class Departures:
    def __init__(self, app: Application, engine: Engine, roster: Roster, deliveries: Deliveries) -> None:
        self._app = app
        self._engine = engine
        self._roster = roster
        self._deliveries = deliveries
        self._idle: set[str] = set()  # sessions that had no client at the last sweep

    def forget(self, connection: Connection) -> None:
        """Close the socket of ``connection`` if it has one; its client sees ``io server disconnect``.

        Who reads too slowly sees ``transport close`` instead, upon which the official client comes back.
        """
        client = self._roster.remove(connection)
        if client is None:
            return
        client.forget()
        session = client.session
        if self._engine.has(session):
            if client.is_slow:
                client.cut(Frame(EVENT + prefix_of(client.namespace) + encode([RESYNC, {"reason": "slow"}])))
            elif client.is_open and not client.has_left:
                self._deliveries.send(client, Frame(DISCONNECT + prefix_of(client.namespace)))
            if self._roster.of_session(session.sid):
                return  # it goes on in another namespace
            turns = farewells.of(asyncio.get_running_loop())
            self._deliveries.afterwards(lambda: turns.add(partial(self.hang_up, session)))

    def cut_off(self, client: Client) -> None:
        """Send away who reads too slowly, from whatever namespaces: they have one queue."""
        if not self._roster.has(client):
            return
        logger.info("socket reads too slowly", socket=client.sid)
        for each in self._roster.of_session(client.session.sid):
            each.is_slow = True
            self._app.emit("disconnect", each.connection)

    def stalled(self, session: Session) -> None:
        """Its client does not read at all: there is nothing to wait for."""
        for client in self._roster.of_session(session.sid)[:1]:
            self.cut_off(client)
            session.hang_up()

    def left(self, session_id: str, reason: str) -> None:
        """The session is at its end. A client that is being logged in is told of when it is."""
        for client in self._roster.of_session(session_id):
            client.outlet.close()
            if client.is_open:
                logger.debug("socket closed", socket=client.sid, reason=reason)
                self._app.emit("disconnect", client.connection)

    def said_goodbye(self, session_id: str, namespace: str) -> None:
        client = self._roster.find(session_id, namespace)
        if client is not None:
            client.has_left = True
            if client.is_open:
                self._app.emit("disconnect", client.connection)
            elif self._roster.of_session(session_id) == [client]:
                self.hang_up(client.session)

    def hang_up(self, session: Session) -> None:
        if session.is_live:
            session.finish("server disconnect")
        else:
            _ = self._app.tasks.start(self._hang_up(session), name="close socket")

    async def drain(self, seconds: float) -> None:
        """Close all sockets, spread over the time so that their clients do not come back all at once.

        A socket is closed when its calls are answered. The official client sees ``transport close``.
        """
        leaving: list[Session] = list(self._engine.sockets.values())
        SystemRandom().shuffle(leaving)
        pause = min(SECONDS_PER_SOCKET, seconds / max(1, len(leaving)))
        loop = asyncio.get_running_loop()
        due = loop.time()
        async with asyncio.TaskGroup() as group:
            for session in leaving:
                _ = group.create_task(self._dismiss(session))
                due += pause
                await asyncio.sleep(max(0.0, due - loop.time()))

    def sweep(self) -> None:
        """Forget clients whose session is gone, close sessions that have not become a client's."""
        sessions: dict[str, Session] = self._engine.sockets
        for client in list(self._roster.by_connection.values()):
            if client.session.sid not in sessions and client.is_open:
                self._app.emit("disconnect", client.connection)
        # A polling client that does not ask again leaves its closed session behind.
        for session_id in [session_id for session_id, session in sessions.items() if session.closed]:
            del sessions[session_id]
        idle = sessions.keys() - self._roster.sessions
        for session_id in idle & self._idle:
            self.hang_up(sessions[session_id])
        self._idle = idle

    async def _dismiss(self, session: Session) -> None:
        working = [client.work for client in self._roster.of_session(session.sid) if client.work is not None]
        if working:
            await asyncio.wait(working, timeout=GOODBYE_SECONDS)
        await self._deliveries.settled()
        if self._engine.has(session):
            await session.close(wait=False, abort=session.upgraded, reason="server shutdown")

    async def _hang_up(self, session: Session) -> None:
        if not session.upgraded and not session.closed:
            # A polling client fetches what it is told last; a closed session has nothing to fetch from.
            with suppress(TimeoutError):
                async with asyncio.timeout(GOODBYE_SECONDS):
                    await session.queue.join()
        await session.close(wait=False, reason="server disconnect")
        session.queue.end()
