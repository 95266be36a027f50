"""What other nodes hold, as far as this one has heard of it."""

from __future__ import annotations

from collections.abc import Mapping

from .alone import Body
from .listeners import Listeners

Place = tuple[str, str]
"""A node and a key."""


class Mirror:
    """Tells listeners of differences only, however often the same is heard."""

    def __init__(self, listeners: Listeners) -> None:
        self._listeners = listeners
        self._held: dict[str, dict[Place, Body]] = {}

    def held(self, topic: str, node: str, key: str, value: Body) -> None:
        entries = self._held.setdefault(topic, {})
        if entries.get((node, key)) != value:
            entries[node, key] = value
            self._listeners.held(topic, node, key, value)

    def released(
        self, topic: str, node: str, key: str, value: Body | None = None, *, died: bool = False
    ) -> None:
        """Without a ``value`` it is the one that was held."""
        old = self._held.get(topic, {}).pop((node, key), None)
        if old is not None:
            self._listeners.released(topic, node, key, old if value is None else value, died=died)

    def died(self, topic: str, node: str) -> None:
        for holder, key in list(self._held.get(topic, ())):
            if holder == node:
                self.released(topic, node, key, died=True)

    def compare(self, topic: str, snapshot: Mapping[Place, Body]) -> None:
        """Bring it in step with all that is held."""
        for node, key in self._held.get(topic, {}).keys() - snapshot.keys():
            self.released(topic, node, key, died=True)
        for (node, key), value in snapshot.items():
            self.held(topic, node, key, value)

    def forget(self, topic: str) -> None:
        for node, key in list(self._held.get(topic, ())):
            self.released(topic, node, key)
        self._held.pop(topic, None)
