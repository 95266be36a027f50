from collections import OrderedDict
from typing import Generic, TypeVar

K = TypeVar("K")
T = TypeVar("T")


class Newest(Generic[K, T]):
    """A dict that keeps at most ``size`` entries: what was put in first goes first."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._kept: OrderedDict[K, T] = OrderedDict()

    def put(self, key: K, value: T) -> None:
        self._kept[key] = value
        if len(self._kept) > self._size:
            self._kept.popitem(last=False)

    def get(self, key: K) -> T | None:
        return self._kept.get(key)

    def pop(self, key: K) -> T | None:
        return self._kept.pop(key, None)

    def __contains__(self, key: K) -> bool:
        return key in self._kept

    def __len__(self) -> int:
        return len(self._kept)
