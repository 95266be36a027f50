from collections.abc import Hashable, Iterable, Iterator, KeysView
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)
T = TypeVar("T", bound=Hashable)


class MultiIndex(Generic[K, T]):
    """A set whose items stand under any number of keys each.

    A change costs the number of the item's keys, a lookup the size of its answer, however large the set is.
    """

    def __init__(self) -> None:
        # _items[key] = {item, …}, _keys[item] = {key, …}; a key without items is not kept
        self._items: dict[K, set[T]] = {}
        self._keys: dict[T, frozenset[K]] = {}

    def put(self, item: T, keys: Iterable[K]) -> None:
        """Have `item` stand under exactly these keys, whatever it stood under before."""
        before, after = self._keys.get(item, frozenset()), frozenset(keys)
        self._keys[item] = after
        for key in after - before:
            self._items.setdefault(key, set()).add(item)
        self._drop(item, before - after)

    def discard(self, item: T) -> bool:
        """Return whether the item was there."""
        keys = self._keys.pop(item, None)
        if keys is None:
            return False
        self._drop(item, keys)
        return True

    def get(self, key: K) -> set[T]:
        """Return a copy of the items under a key, empty where there are none."""
        return set(self._items.get(key, ()))

    def keys(self) -> KeysView[K]:
        return self._items.keys()

    def __contains__(self, item: T) -> bool:
        return item in self._keys

    def __iter__(self) -> Iterator[T]:
        return iter(self._keys)

    def __len__(self) -> int:
        return len(self._keys)

    def _drop(self, item: T, keys: Iterable[K]) -> None:
        for key in keys:
            items = self._items[key]
            items.discard(item)
            if not items:
                del self._items[key]
