"""Which messages of its conversation a client has seen: each once, none left out, in order."""

from __future__ import annotations


class Sequence:
    """Of one stay: from the first message that is seen until the client leaves."""

    __slots__ = ("_before", "_first", "duplicates", "late", "missing", "newest")

    def __init__(self) -> None:
        self.newest: int | None = None
        self.missing: set[int] = set()
        self.duplicates = 0
        self.late = 0
        self._first = 0
        self._before: set[int] = set()  # older than the first one, and seen after it

    def see(self, seq: int) -> None:
        newest = self.newest
        if newest is None:
            self.newest = self._first = seq
        elif seq > newest:
            if seq > newest + 1:
                self.missing.update(range(newest + 1, seq))
            self.newest = seq
        elif seq in self.missing:
            self.missing.remove(seq)
            self.late += 1
        elif seq < self._first and seq not in self._before:
            self._before.add(seq)
            self.late += 1
        else:
            self.duplicates += 1

    def end(self, newest: int) -> None:
        """Note what was never seen of all up to ``newest``, which this client must have been sent."""
        if self.newest is None:
            self.missing.add(newest)
        else:
            self.missing.update(range(self.newest + 1, newest + 1))
