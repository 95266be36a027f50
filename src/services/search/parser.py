"""What people write into a search field, taken apart; nothing here knows what it is searched in.

::

    exam results          words, all of which must occur, in any form: "exams" is found too
    "results of the exam" a phrase: these words as they are written, one after the other
    from:ada in:Maths     conditions; a value with spaces stands in quotes, as in in:"Maths 9b"

What looks like a condition and is none of NAMES is words, as in http://example.org.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from ...models.words import pairs_in

NAMES: Final = ("from", "in", "has", "before", "after", "mentions")

Pair = tuple[str, str]
"""A word as it is written, and its stem."""

_QUOTES: Final = '"\u201c\u201d\u201e'
_PART: Final = re.compile(
    rf"(?P<name>{'|'.join(NAMES)}):(?:[{_QUOTES}](?P<within>[^{_QUOTES}]*)[{_QUOTES}]?|(?P<value>[^\s{_QUOTES}]*))"
    rf"|[{_QUOTES}](?P<phrase>[^{_QUOTES}]*)[{_QUOTES}]?"
    rf"|(?P<text>[^\s{_QUOTES}]+)",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Parsed:
    """``words`` are distinct by their stems; ``conditions`` are ``(name, value)``, as they were written."""

    words: tuple[Pair, ...] = ()
    phrases: tuple[tuple[Pair, ...], ...] = ()
    conditions: tuple[tuple[str, str], ...] = ()


def parse(text: str) -> Parsed:
    words: dict[str, Pair] = {}
    phrases: list[tuple[Pair, ...]] = []
    conditions: list[tuple[str, str]] = []
    for part in _PART.finditer(text):
        if part["name"] is not None:
            value = part["value"] if part["within"] is None else part["within"]
            conditions.append((part["name"].lower(), value.strip()))
        elif part["phrase"] is None:
            words.update((pair[1], pair) for pair in pairs_in(part["text"]) if pair[1] not in words)
        elif phrase := tuple(pairs_in(part["phrase"])):
            phrases.append(phrase)
    return Parsed(tuple(words.values()), tuple(dict.fromkeys(phrases)), tuple(dict.fromkeys(conditions)))
