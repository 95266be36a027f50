from collections.abc import Callable, Hashable, Iterable
from dataclasses import dataclass
from typing import Any, Final, Generic, TypeAlias, TypeVar

from ..core.timers import CallLater, Timer, call_later
from .changes import Change, together
from .events import ServerEvent
from .status import Status

C = TypeVar("C", bound=Hashable)
SendEvent: TypeAlias = Callable[[Iterable[C], str, dict[str, Any]], None]
"""(connections, event, payload): each connection stands in it once."""

STORM: Final = 100
"""So many changes told within one window are a storm."""
LONGEST: Final = 6
"""In a storm what waits is sent after so many windows at the latest."""


@dataclass(frozen=True, slots=True)
class _Pending:
    before: Status | None
    change: Change


class Collector(Generic[C]):
    """Tells each connection of the first change at once, and of those that follow together.

    A connection to which nothing was sent during the last whole window is sent a change at once, as
    `user:online` or `user:offline`. What comes later waits for the end of the window, which is the same for
    all connections, so that equal lists are encoded once: one change goes out in that form too, several as
    `presence:changes {changes: [{userId, online, …}]}`. Of a user whose changes cancel each other out
    meanwhile nothing is sent.

    In a storm nothing goes out at once, and what waits does when the storm is over, or after `LONGEST`
    windows. A window is `seconds` long.

    Without `seconds` nothing waits.
    """

    def __init__(
        self, send: SendEvent[C], *, seconds: float = 0.5, call_later: CallLater = call_later
    ) -> None:
        self._send = send
        self._seconds = seconds
        self._call_later = call_later
        self._timer: Timer | None = None
        # _waiting[connection][userId] = what the viewer knew, and the newest change; a connection that has
        # nothing waiting stands here while its changes have to wait.
        self._waiting: dict[C, dict[str, _Pending]] = {}
        self._sent_at_once: set[C] = set()
        self._changes = 0  # told within the current window
        self._is_storm = False
        self._windows = 0  # since the last time that what waited was sent

    def tell(self, connections: Iterable[C], change: Change) -> None:
        if self._seconds <= 0:
            self._send(connections, change.event, change.payload)
            return
        self._changes += 1
        self._is_storm = self._is_storm or self._changes >= STORM
        at_once: list[C] = []
        for connection in connections:
            is_first = connection not in self._waiting
            waiting = self._waiting.setdefault(connection, {})
            if is_first and not self._is_storm:
                at_once.append(connection)
            else:
                _add(waiting, change)
        if at_once:
            self._sent_at_once.update(at_once)
            self._send(at_once, change.event, change.payload)
        if self._timer is None and self._waiting:
            self._timer = self._call_later(self._seconds, self._end_window)

    def forget(self, connection: C) -> None:
        """Send the connection nothing of what waits: it is gone, or is about to learn how things are."""
        self._waiting.pop(connection, None)
        self._sent_at_once.discard(connection)

    def hasten(self, connection: C) -> None:
        """Send what waits for the connection now: it asks how things are, and must not learn of it later."""
        if waiting := self._waiting.get(connection):
            self._waiting[connection] = {}
            self._deliver([connection], tuple(pending.change for pending in waiting.values()))

    def close(self) -> None:
        """Cancel the timer; nobody is told of what waits."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._waiting.clear()
        self._sent_at_once.clear()

    def _end_window(self) -> None:
        self._timer = None
        self._is_storm, self._changes = self._changes >= STORM, 0
        self._windows += 1
        due = self._flushed() if not self._is_storm or self._windows >= LONGEST else {}
        if self._waiting:
            self._timer = self._call_later(self._seconds, self._end_window)
        for changes, connections in due.items():
            self._deliver(connections, changes)

    def _flushed(self) -> dict[tuple[Change, ...], list[C]]:
        """Take out what waits, by what is the same for several connections."""
        groups: dict[tuple[Change, ...], list[C]] = {}
        for connection, waiting in list(self._waiting.items()):
            if waiting:
                changes = tuple(pending.change for pending in waiting.values())
                groups.setdefault(changes, []).append(connection)
                self._waiting[connection] = {}
            elif connection not in self._sent_at_once:
                del self._waiting[connection]
        self._sent_at_once.clear()
        self._windows = 0
        return groups

    def _deliver(self, connections: list[C], changes: tuple[Change, ...]) -> None:
        if len(changes) == 1:
            self._send(connections, changes[0].event, changes[0].payload)
        else:
            self._send(connections, ServerEvent.PRESENCE_CHANGES, together(changes))


def _add(waiting: dict[str, _Pending], change: Change) -> None:
    earlier = waiting.pop(change.user_id, None)
    before = change.before if earlier is None else earlier.before
    if before != change.after:
        waiting[change.user_id] = _Pending(before, change)
