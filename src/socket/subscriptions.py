from collections.abc import Collection, Hashable, Iterable
from typing import Final, Generic, TypeVar

C = TypeVar("C", bound=Hashable)

MOST: Final = 500
"""So many users a connection may subscribe to."""


class Subscriptions(Generic[C]):
    """Of whose presence connections want to be told: everybody's, until they choose some."""

    def __init__(self) -> None:
        self._chosen: dict[C, set[str]] = {}

    def of(self, connection: C) -> set[str] | None:
        """Those whom it has chosen; None for everybody."""
        return self._chosen.get(connection)

    def add(self, connection: C, user_ids: Collection[str]) -> bool:
        """Return False, changing nothing, where these would be too many."""
        chosen = self._chosen.get(connection, set()).union(user_ids)
        if len(chosen) > MOST:
            return False
        self._chosen[connection] = chosen
        return True

    def remove(self, connection: C, user_ids: Iterable[str]) -> None:
        """Who had chosen nobody is told of everybody still."""
        if connection in self._chosen:
            self._chosen[connection].difference_update(user_ids)

    def clear(self, connection: C) -> None:
        self._chosen.pop(connection, None)

    def wanting(self, connections: Collection[C], user_id: str) -> Collection[C]:
        """Those of the connections that want to be told of the user."""
        if not self._chosen:
            return connections
        return [one for one in connections if one not in self._chosen or user_id in self._chosen[one]]
