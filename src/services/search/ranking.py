"""Which of the messages that match say it best, and where in them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Final

from ...models.words import Word, pairs_in, words_in
from .asked import Asked
from .windows import contains

IN_A_ROW: Final = 4.0
AS_WRITTEN: Final = 2.0
RECENT: Final = 2.0
OFTEN: Final = 1.0
COUNTED: Final = 3
"""A word that occurs more often than this says no more."""

HALF_AS_RECENT: Final = timedelta(days=30)
SNIPPET: Final = 200
BEFORE: Final = 60

Span = list[int]


def score(asked: Asked, message: Mapping[str, Any], newest: datetime) -> float:
    """From 0 to 9, and 0 where no words are asked for.

    ::

        4  the words stand next to one another in the order in which they are asked for
        2  the share of the words that occur exactly as written, and not in another form
        2  recency: half of it when 30 days older than ``newest``, a third when 60 days older
        1  how often the words occur, each counted up to three times

    Words that only the name of an attachment has count for nothing here.
    """
    if not asked.is_ranked:
        return 0.0
    written = pairs_in(message.get("content") or "")
    wanted, stems = asked.pairs, [stem for _, stem in written]
    as_written = sum(pair in written for pair in wanted) / len(wanted)
    often = sum(min(stems.count(stem), COUNTED) for _, stem in wanted) / (COUNTED * len(wanted))
    recent: float = 1 / (1 + (newest - message["createdAt"]) / HALF_AS_RECENT)
    in_a_row = len(asked.words) > 1 and contains(written, asked.words)
    parts = (IN_A_ROW * in_a_row, AS_WRITTEN * as_written, RECENT * recent, OFTEN * often)
    return round(sum(parts), 6)


def highlights(asked: Asked, content: str) -> list[Span]:
    """``[start, end]`` of what was asked for, in code points, in order and apart from one another."""
    words = list(words_in(content))
    stems = {stem for _, stem in asked.words}
    spans = [(word.start, word.end) for word in words if word.stem in stems]
    for phrase in asked.phrases:
        wanted = [normal for normal, _ in phrase]
        spans += [
            (words[at].start, words[at + len(wanted) - 1].end)
            for at in range(len(words) - len(wanted) + 1)
            if _normals(words[at : at + len(wanted)]) == wanted
        ]
    merged: list[Span] = []
    for start, end in sorted(spans):
        if merged and start < merged[-1][1]:
            merged[-1][1] = max(end, merged[-1][1])
        else:
            merged.append([start, end])
    return merged


def snippet(content: str, spans: list[Span]) -> Span:
    """``[start, end]`` of the part worth showing: around the first highlight, from a word's beginning on."""
    start = max(0, spans[0][0] - BEFORE) if spans and len(content) > SNIPPET else 0
    if start:
        space = content.find(" ", start, spans[0][0])
        start = start if space < 0 else space + 1
    return [start, min(len(content), start + SNIPPET)]


def _normals(words: list[Word]) -> list[str]:
    return [word.normal for word in words]
