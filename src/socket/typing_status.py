import time
from collections.abc import Callable, Hashable
from dataclasses import dataclass, field
from functools import partial
from typing import Generic, TypeAlias, TypeVar

from ..core.timers import CallLater, Timer, call_later
from .events import ServerEvent

C = TypeVar("C", bound=Hashable)
Forward: TypeAlias = Callable[[str, str, str], None]
"""(event, conversationId, userId): the receiver decides who is a member by then, and sends."""


@dataclass(slots=True)
class _Typing(Generic[C]):
    forwarded_at: float
    seconds: float
    timers: dict[C, Timer] = field(default_factory=dict[C, Timer])


class TypingStatus(Generic[C]):
    """Who types where: per user and conversation, whatever the number of devices.

    A start lasts `expires` seconds from its last repeat; repeats are forwarded at most every `every` seconds.
    A stop is forwarded once, when the last device has stopped, expired or gone, or the message is sent; a
    start after it is a new one. A connection types in at most `limit` conversations at once.
    """

    def __init__(
        self,
        forward: Forward,
        *,
        expires: float = 8.0,
        every: float = 3.0,
        limit: int = 20,
        call_later: CallLater = call_later,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._forward = forward
        self._expires = expires
        self._every = every
        self._limit = limit
        self._call_later = call_later
        self._monotonic = monotonic
        # _typing[userId, conversationId].timers[connection] = the timer of its expiry
        # _places[connection] = {(userId, conversationId), …}
        self._typing: dict[tuple[str, str], _Typing[C]] = {}
        self._places: dict[C, set[tuple[str, str]]] = {}

    def start(
        self, connection: C, user_id: str, conversation_id: str, *, seconds: float | None = None
    ) -> bool:
        """Return False, forwarding nothing, where the connection types in as many places as it may.

        It lasts ``seconds``, where these are given.
        """
        seconds = self._expires if seconds is None else seconds
        place = user_id, conversation_id
        places = self._places.get(connection, set())
        if place not in places and len(places) >= self._limit:
            return False
        now = self._monotonic()
        typing = self._typing.get(place)
        due = typing is None or now - typing.forwarded_at >= self._every
        if typing is None:
            typing = self._typing[place] = _Typing(now, seconds)
        elif connection in typing.timers:
            typing.timers[connection].cancel()
        typing.seconds = seconds
        expire = partial(self.stop, connection, user_id, conversation_id)
        typing.timers[connection] = self._call_later(seconds, expire)
        self._places.setdefault(connection, set()).add(place)
        if due:
            typing.forwarded_at = now
            self._forward(ServerEvent.TYPING_START, conversation_id, user_id)
        return True

    def lasts(self, user_id: str, conversation_id: str) -> float:
        """For how many seconds the newest start does."""
        typing = self._typing.get((user_id, conversation_id))
        return self._expires if typing is None else typing.seconds

    def stop(self, connection: C, user_id: str, conversation_id: str) -> None:
        place = user_id, conversation_id
        typing = self._typing.get(place)
        if typing is None or connection not in typing.timers:
            return
        typing.timers.pop(connection).cancel()
        places = self._places[connection]
        places.discard(place)
        if not places:
            del self._places[connection]
        if not typing.timers:
            del self._typing[place]
            self._forward(ServerEvent.TYPING_STOP, conversation_id, user_id)

    def sent(self, user_id: str, conversation_id: str) -> None:
        """End the user's typing in a conversation on all devices, as the message is there."""
        typing = self._typing.get((user_id, conversation_id))
        for connection in [] if typing is None else list(typing.timers):
            self.stop(connection, user_id, conversation_id)

    def disconnect(self, connection: C) -> None:
        for user_id, conversation_id in sorted(self._places.get(connection, ())):
            self.stop(connection, user_id, conversation_id)

    def close(self) -> None:
        """Cancel all timers; nobody is told."""
        for typing in self._typing.values():
            for timer in typing.timers.values():
                timer.cancel()
        self._typing.clear()
        self._places.clear()

    def __len__(self) -> int:
        """How many (user, conversation) pairs are being typed in."""
        return len(self._typing)
