"""What an application says to its other nodes, and what it says where there are none."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol
from uuid import uuid4

Body = dict[str, Any]
Handler = Callable[[str, str, Body], object]
"""(topic, node, body)"""
OnHeld = Callable[[str, str, str, Body], object]
"""(topic, node, key, value)"""
OnReleased = Callable[[str, str, str, Body, bool], object]
"""(topic, node, key, value, died)"""
OnReaped = Callable[[str, str, Body], object]
"""(topic, key, value)"""
OnGap = Callable[[str], object]
Taken = Callable[[bool], object]

EVERYWHERE = ""
"""The topic that every node hears, always."""


class Backplane(Protocol):
    """What nodes tell each other, by topics; bodies and values hold what BSON can.

    ``node`` is this node's name, new at every start. ``lag``: seconds that the newest entry which was read
    had waited; ``queued`` entries wait to be sent; ``gaps``: how often entries were lost. Handlers are plain
    functions that never wait.
    """

    node: str

    @property
    def lag(self) -> float: ...
    @property
    def queued(self) -> int: ...
    @property
    def gaps(self) -> int: ...
    @property
    def is_connected(self) -> bool: ...

    def join(self, topic: str) -> None:
        """Hear the topic until it was left as often as it was joined."""
        ...

    def leave(self, topic: str) -> None:
        """The last leaving releases what others hold there, for the handlers of this node."""
        ...

    async def joined(self, topic: str) -> bool:
        """Wait until nothing said in a joined topic can be missed; False if that takes too long.

        It is a gap then, once the topic is heard.
        """
        ...

    def send(self, topic: str, kind: str, body: Body, *, taken: Taken | None = None) -> None:
        """Tell every other node that hears the topic, in the order of sending; never waits.

        ``taken`` hears once whether the entry is safe with the others, or was dropped. Raises TypeError or
        ValueError for a body that BSON can not hold.
        """
        ...

    def on(self, kind: str, handler: Handler) -> None: ...

    def hold(self, topic: str, key: str, value: Body) -> None:
        """An entry of this node, which lives as long as the node does; a new value replaces the old one."""
        ...

    def release(self, topic: str, key: str, value: Body | None = None) -> None:
        """Take the entry away; ``value`` is what the others are told with it, or else the entry's own."""
        ...

    def on_held(self, handler: OnHeld) -> None:
        """Entries of other nodes in joined topics: all that there are, then every new or changed one."""
        ...

    def on_released(self, handler: OnReleased) -> None: ...

    def on_reaped(self, handler: OnReaped) -> None:
        """For the entries of a node that died, called on one node that lives, in whatever topic."""
        ...

    def on_gap(self, handler: OnGap) -> None:
        """Entries of a joined topic were lost. What is held is compared anew without the handler's help."""
        ...

    async def start(self) -> None: ...
    async def stop(self) -> None: ...


class Alone:
    """There is one node: nothing is told to anybody, and nothing comes."""

    lag = 0.0
    queued = 0
    gaps = 0
    is_connected = True

    def __init__(self) -> None:
        self.node = uuid4().hex

    def join(self, topic: str) -> None:
        pass

    def leave(self, topic: str) -> None:
        pass

    async def joined(self, topic: str) -> bool:
        return True

    def send(self, topic: str, kind: str, body: Body, *, taken: Taken | None = None) -> None:
        if taken is not None:
            taken(True)

    def on(self, kind: str, handler: Handler) -> None:
        pass

    def hold(self, topic: str, key: str, value: Body) -> None:
        pass

    def release(self, topic: str, key: str, value: Body | None = None) -> None:
        pass

    def on_held(self, handler: OnHeld) -> None:
        pass

    def on_released(self, handler: OnReleased) -> None:
        pass

    def on_reaped(self, handler: OnReaped) -> None:
        pass

    def on_gap(self, handler: OnGap) -> None:
        pass

    async def start(self) -> None:
        pass

    async def stop(self) -> None:
        pass
