from __future__ import annotations

import unicodedata
from collections.abc import Iterable
from pathlib import Path
from typing import Final

ACCENTS: Final = range(0x0300, 0x0370)
"""The marks of Latin, Greek and Cyrillic letters. Those of other scripts are vowels, and tell words apart."""


class WordList:
    """Words and phrases that are found whole, whatever their case, accents and typeface."""

    def __init__(self, words: Iterable[str]) -> None:
        self._words = frozenset(plain for word in words if (plain := _plain(word)).strip())

    def __len__(self) -> int:
        return len(self._words)

    def occur_in(self, text: str) -> bool:
        plain = _plain(text)
        return any(word in plain for word in self._words)


def read_words(file: Path) -> list[str]:
    """One a line; empty lines and those after a ``#`` are none. Raises OSError."""
    lines = (line.strip() for line in file.read_text("utf-8").splitlines())
    return [line for line in lines if line and not line.startswith("#")]


def _plain(text: str) -> str:
    """The words of a text as people read them, with one space before, between and behind: ``" drat it "``."""
    decomposed = unicodedata.normalize("NFKD", unicodedata.normalize("NFKD", text).casefold())
    letters = "".join(map(_plain_character, decomposed))
    return f" {' '.join(letters.split())} "


def _plain_character(character: str) -> str:
    category = unicodedata.category(character)
    if category == "Cf" or ord(character) in ACCENTS:
        return ""
    return character if category[0] in "LMN" else " "
