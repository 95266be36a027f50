"""Sessions: what begins with a login and lasts, by refresh tokens, until the logout."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any, Final, Protocol
from uuid import uuid4

import structlog

from ..application import Application
from ..context import Connection, Params
from ..errors import NotAuthenticated
from .records import Record, Records, fingerprint
from .tokens import TokenOptions, Tokens

PAGE: Final = 1000
LONGEST_LOGIN: Final = 600.0  # seconds from the check of a password to the session
KEEPS_SESSIONS: Final = "keeps_sessions"
"""A key of params, by which own code tells that a password it stores is not another password."""

logger = structlog.stdlib.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class SessionOptions:
    """``service`` is the path of the service that keeps the sessions, registered with ``methods=()``.

    Its records: ``{sid, userId, tokenHash, createdAt, expiresAt, revokedAt}``, texts and times.
    ``expires_in``: the seconds within which a refresh token must be used; each use gives a new one.
    """

    service: str = "sessions"
    expires_in: int = 30 * 24 * 60 * 60


@dataclass(frozen=True, slots=True)
class Grant:
    """What a client gets for its session: the token for the next refresh."""

    session_id: str
    refresh_token: str


class OnEnd(Protocol):
    def __call__(self, user_id: str, session_id: str, *, sparing: Connection | None) -> None: ...


class Sessions:
    """Begins, renews and ends sessions. Access tokens name theirs by the claim ``sid``.

    A refresh token is used once. One that is used again has been stolen, or its thief was first: the
    session ends for both. There is no period of grace, so a client whose answer was lost logs in
    again, and one that has several windows must let one of them refresh at a time.

    Who has ended is kept in memory, for as long as access tokens hold, and read from the service at
    setup. Other nodes are told by the application events ``session-end`` and ``sessions-end``, which
    ``elsewhere`` hands on. A node that can not hear of it takes the access tokens of a session that has
    ended elsewhere up to their expiry, and no longer, because refreshing looks at the service.
    """

    def __init__(
        self,
        app: Application,
        options: SessionOptions,
        tokens: TokenOptions,
        *,
        on_end: OnEnd,
        now: Callable[[], float] = time.time,
    ) -> None:
        self.records = Records(app, options.service)
        self._app = app
        self._tokens = Tokens(replace(tokens, type="refresh", expires_in=options.expires_in))
        self._lifetime = tokens.expires_in + tokens.leeway
        self._expires_in = options.expires_in
        self._on_end = on_end
        self._now = now
        self._ended: dict[str, float] = {}  # session id → when its last access token runs out, in order
        self._ended_users: dict[str, float] = {}  # user id → monotonic time, in order

    async def setup(self) -> None:
        """Raises LookupError or ValueError where the service is missing or open to clients."""
        self.records.verify()
        await self.recall()

    async def recall(self) -> None:
        """Read who has ended lately, and do what is to be done for those that nobody has told of."""
        recent = {"revokedAt": {"$gt": self._moment(-self._lifetime)}, "$sort": {"revokedAt": 1}}
        page, skip = [Record()], 0
        while page:
            page = await self.records.find({**recent, "$limit": PAGE, "$skip": skip})
            for session in page:
                if session["sid"] not in self._ended:
                    self.note_end(session["userId"], session["sid"], since=session["revokedAt"].timestamp())
            skip += len(page)

    @property
    def ended(self) -> list[str]:
        """The ids of those that are remembered to have ended."""
        return list(self._ended)

    def check(self, payload: Mapping[str, Any]) -> None:
        """Raises NotAuthenticated for an access token whose session has ended."""
        if payload.get("sid") in self._ended:
            raise _ended()

    def verify(self, token: object) -> dict[str, Any]:
        """The claims of a refresh token. Raises NotAuthenticated."""
        return self._tokens.verify(token)

    async def begin(self, user_id: str, *, checked_at: float) -> Grant:
        """A session for who was let in at ``checked_at``, a monotonic time.

        Raises NotAuthenticated where all of the user's sessions have been ended since.
        """
        grant = self._grant(user_id, str(uuid4()))
        data = {"sid": grant.session_id, "userId": user_id, "createdAt": self._moment(), "revokedAt": None}
        session = await self.records.create({**data, **self._renewal(grant)})
        if self._ended_users.get(user_id, -1.0) >= checked_at:
            await self._end(session)
            raise _ended()
        await self._forget_expired(user_id)
        return grant

    async def renew(self, token: str, claims: Mapping[str, Any]) -> Grant:
        """The next refresh token for a verified one. Raises NotAuthenticated; see the class."""
        session_id: str = claims["sid"]
        session = await self._find(session_id)
        if session is None or session["revokedAt"] is not None:
            raise _ended()
        grant = self._grant(claims["sub"], session_id)
        unused = {"tokenHash": fingerprint(token), "revokedAt": None}
        if await self.records.patch(session, self._renewal(grant), unused) is None:
            logger.warning("refresh token used again", user=claims["sub"], session=session_id)
            await self._end(session)
            raise _ended()
        return grant

    async def end(self, session_id: str, *, sparing: Connection | None = None) -> None:
        """End one session, and close its sockets except ``sparing``."""
        session = await self._find(session_id)
        if session is not None:
            await self._end(session, sparing=sparing)

    async def end_all(
        self, user_id: str, *, but: str | None = None, sparing: Connection | None = None
    ) -> None:
        """End the user's sessions except the one with the id ``but``."""
        self.note_all_ended(user_id)
        self._app.emit("sessions-end", user_id)
        for session in await self.records.find({"userId": user_id, "revokedAt": None}):
            if session["sid"] != but:
                await self._end(session, sparing=sparing)

    def note_all_ended(self, user_id: str) -> None:
        """Refuse a session to who was let in before now."""
        self._ended_users.pop(user_id, None)
        self._ended_users[user_id] = moment = time.monotonic()
        _drop(self._ended_users, moment - LONGEST_LOGIN)

    def note_end(
        self,
        user_id: str,
        session_id: str,
        *,
        sparing: Connection | None = None,
        since: float | None = None,
    ) -> None:
        """Refuse the session's access tokens from now on and close its sockets of this process.

        ``since``: when it ended, a Unix time, for what is heard of late.
        """
        _drop(self._ended, self._now())
        self._ended.pop(session_id, None)
        self._ended[session_id] = (self._now() if since is None else since) + self._lifetime
        self._on_end(user_id, session_id, sparing=sparing)

    async def _end(self, session: Record, *, sparing: Connection | None = None) -> None:
        # The record is of use until its last access token runs out, should this process end before.
        ended = {"revokedAt": self._moment(), "expiresAt": self._moment(self._lifetime)}
        await self.records.patch(session, ended, {"revokedAt": None})
        self.note_end(session["userId"], session["sid"], sparing=sparing)
        self._app.emit("session-end", session["userId"], session["sid"])

    async def _find(self, session_id: str) -> Record | None:
        found = await self.records.find({"sid": session_id, "$limit": 1})
        return found[0] if found else None

    async def _forget_expired(self, user_id: str) -> None:
        for session in await self.records.find({"userId": user_id, "expiresAt": {"$lte": self._moment()}}):
            await self.records.remove(session)

    def _grant(self, user_id: str, session_id: str) -> Grant:
        return Grant(session_id, self._tokens.issue(user_id, {"sid": session_id}))

    def _renewal(self, grant: Grant) -> Record:
        expires_at = self._moment(self._expires_in)
        return {"tokenHash": fingerprint(grant.refresh_token), "expiresAt": expires_at}

    def _moment(self, seconds: float = 0.0) -> datetime:
        """To the millisecond, which is what MongoDB keeps."""
        return datetime.fromtimestamp(round(self._now() + seconds, 3), UTC)


def session_of(params: Params) -> str | None:
    """The id of the session that an authenticated call belongs to."""
    payload: Mapping[str, Any] = (params.authentication or {}).get("payload") or {}
    return payload.get("sid")


def _ended() -> NotAuthenticated:
    return NotAuthenticated("The session has ended", {"name": "SessionEndedError"})


def _drop(times: dict[str, float], until: float) -> None:
    while times and next(iter(times.values())) <= until:
        del times[next(iter(times))]
