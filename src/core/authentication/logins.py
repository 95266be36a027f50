"""Who is logged in on which live connection of this process, and until when."""

from __future__ import annotations

import math
import time
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from ..context import Connection
from ..timers import CallLater, Timer, call_later

LONGEST_DELAY: Final = 24 * 24 * 60 * 60.0  # seconds; a timer for later is armed anew


@dataclass(slots=True)
class Login:
    user_id: str
    expires_at: float
    session_id: str | None = None
    timer: Timer | None = None
    loaded_at: float | None = None
    verified: tuple[str, Mapping[str, Any]] | None = None
    """A token, and what it says."""


class Logins:
    """The logged-in connections by user; ``on_expiry`` is told of each whose token has run out.

    It knows the connections of this process only. ``now`` is the time of day in Unix seconds,
    which is what tokens expire by.
    """

    def __init__(
        self,
        on_expiry: Callable[[Connection], object],
        *,
        call_later: CallLater = call_later,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._on_expiry = on_expiry
        self._call_later = call_later
        self._now = now
        self._open: dict[Connection, Login] = {}
        # _connections[user id] = {connection: None, …}, in the order of login
        self._connections: dict[str, dict[Connection, None]] = {}
        self._under_way: Counter[Connection] = Counter()

    def __len__(self) -> int:
        return len(self._open)

    @property
    def users(self) -> list[str]:
        """The ids of those who have a connection."""
        return list(self._connections)

    def of_user(self, user_id: str) -> list[Connection]:
        return list(self._connections.get(user_id, ()))

    def of_session(self, user_id: str, session_id: str) -> list[Connection]:
        """The user's connections whose token belongs to the session."""
        return [one for one in self.of_user(user_id) if self._open[one].session_id == session_id]

    def user_of(self, connection: Connection) -> str | None:
        login = self._open.get(connection)
        return None if login is None else login.user_id

    def verified(self, connection: Connection, token: str, payload: Mapping[str, Any]) -> None:
        """The connection is logged in with this token."""
        if (login := self._open.get(connection)) is not None:
            login.verified = (token, payload)

    def payload_of(self, connection: Connection, token: object) -> dict[str, Any] | None:
        """What the token says, if it is the one of the login and has not run out."""
        login = self._open.get(connection)
        if login is None or login.verified is None or self._now() >= login.expires_at:
            return None
        known, payload = login.verified
        return dict(payload) if known == token else None

    def loaded(self, connection: Connection) -> None:
        """The user of the connection was just now what the connection says."""
        if (login := self._open.get(connection)) is not None:
            login.loaded_at = self._now()

    def outdated(self, user_id: str) -> None:
        """What the user's connections say of the user may not be so any more."""
        for connection in self._connections.get(user_id, ()):
            self._open[connection].loaded_at = None

    def age_of(self, connection: Connection) -> float:
        """Seconds since then."""
        login = self._open.get(connection)
        at = None if login is None else login.loaded_at
        return math.inf if at is None else self._now() - at

    def begin_login(self, connection: Connection) -> None:
        """A login is under way; it ends with ``end_login``."""
        self._under_way[connection] += 1

    def end_login(self, connection: Connection) -> bool:
        """Whether the connection is still there: a login kept after its end would never close."""
        present = connection in self._under_way
        if self._under_way[connection] > 1:
            self._under_way[connection] -= 1
        else:
            del self._under_way[connection]
        return present

    def open(
        self, connection: Connection, user_id: str, expires_at: float, session_id: str | None = None
    ) -> None:
        """Remember the connection as the user's, instead of what it was before."""
        self.close(connection)
        login = self._open[connection] = Login(user_id, expires_at, session_id)
        self._connections.setdefault(user_id, {})[connection] = None
        self._arm(connection, login)

    def close(self, connection: Connection) -> None:
        login = self._open.pop(connection, None)
        if login is None:
            return
        if login.timer is not None:
            login.timer.cancel()
        connections = self._connections[login.user_id]
        del connections[connection]
        if not connections:
            del self._connections[login.user_id]

    def disconnect(self, connection: Connection) -> None:
        """The connection is gone, and so are its login and those that are under way on it."""
        del self._under_way[connection]
        self.close(connection)

    def _arm(self, connection: Connection, login: Login) -> None:
        def due() -> None:
            if self._now() < login.expires_at:
                self._arm(connection, login)
                return
            self.close(connection)
            self._on_expiry(connection)

        delay = max(0.0, login.expires_at - self._now())
        login.timer = self._call_later(min(delay, LONGEST_DELAY), due)
