"""What one search asks for, once every name in it is known."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Any

from .parser import Pair


@dataclass(frozen=True, kw_only=True)
class Asked:
    """``marks`` are found among a message's words like words: one of each group has to be there."""

    school_id: Any
    conversations: Sequence[Any]
    words: tuple[Pair, ...] = ()
    phrases: tuple[tuple[Pair, ...], ...] = ()
    marks: tuple[tuple[str, ...], ...] = ()
    after: datetime | None = None
    before: datetime | None = None
    reacted: bool = False

    @cached_property
    def pairs(self) -> list[Pair]:
        """The distinct words, those of phrases included."""
        return list(dict.fromkeys([*self.words, *(pair for phrase in self.phrases for pair in phrase)]))

    @cached_property
    def groups(self) -> list[tuple[str, ...]]:
        """What of its words each message must have one of."""
        stems = dict.fromkeys(stem for _, stem in self.pairs)
        return [*((stem,) for stem in stems), *self.marks]

    @property
    def is_ranked(self) -> bool:
        """Without words, what is newest comes first."""
        return bool(self.words or self.phrases)
