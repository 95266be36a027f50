"""The words of a text, as a search compares them, and what else a message is found by.

A word is a run of letters and digits, without its accents and casefolded. Chinese and Japanese are
written without spaces: there each character is a word. What is plain ASCII then is cut to its English
stem; in other languages the same words still have the same stems, so that it does no harm there.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from typing import Any, Final, NamedTuple

import snowballstemmer

LONGEST: Final = 64
MOST: Final = 200
LANGUAGE: Final = "english"

# Vowel signs and accents that are characters of their own belong to the word they stand in.
_MARKS: Final = "".join(
    char for char in map(chr, range(0x300, 0x2000)) if unicodedata.category(char).startswith("M")
)
_SINGLE: Final = r"[\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff]"
_WORD: Final = re.compile(rf"(?=[^\W_]){_SINGLE}|(?:(?!{_SINGLE})[^\W_][{_MARKS}]*)+")
_ASCII_WORD: Final = re.compile(r"[^\W_]+", re.ASCII)
_LINK: Final = re.compile(r"\b(?:https?://|www\.)\w", re.IGNORECASE)


class Word(NamedTuple):
    """``normal`` as it is written, ``stem`` as it is found; it stands at ``text[start:end]``."""

    normal: str
    stem: str
    start: int
    end: int


def words_in(text: str) -> Iterator[Word]:
    """One after the other, with repetitions."""
    for found in _pattern(text).finditer(text):
        for normal, stem in _parts(found[0]):
            yield Word(normal, stem, found.start(), found.end())


def pairs_in(text: str) -> list[tuple[str, str]]:
    """``(normal, stem)`` of the words, for who does not ask where they stand."""
    return [pair for word in _pattern(text).findall(text) for pair in _parts(word)]


def words_of(text: str) -> list[str]:
    """The distinct stems, the first 200 of them, each of 64 characters at most."""
    return list(dict.fromkeys(stem for _, stem in pairs_in(text)))[:MOST]


def words_of_message(message: Mapping[str, Any]) -> list[str]:
    """What a message, by its names in MongoDB, is found by.

    That is the words of its content and of its attachments' names, and marks, which no word looks like as
    they have a colon: ``from:<id>``, ``mentions:<id, role or all>``, ``has:link``, ``has:attachment``,
    ``has:image``, ``has:video``, ``has:file``.
    """
    content: str = message.get("content") or ""
    attachments: Sequence[Mapping[str, Any]] = message.get("attachments") or ()
    names = " ".join(attachment["name"] for attachment in attachments)
    marks = {f"from:{message['senderId']}", *(f"mentions:{one}" for one in message.get("mentions") or ())}
    if _LINK.search(content):
        marks.add("has:link")
    if attachments:
        marks.add("has:attachment")
    kinds = {_kind(attachment.get("mediaType") or "") for attachment in attachments}
    if (kind := message.get("type", "text")) in {"image", "video", "file"}:
        # The sender's word on what a single attachment is counts for more than its media type.
        kinds = {kind, *kinds} if len(attachments) > 1 else {kind}
    marks |= {f"has:{kind}" for kind in kinds}
    return [*sorted(marks), *words_of(f"{content} {names}")]


def _kind(media_type: str) -> str:
    kind = media_type.partition("/")[0].lower()
    return kind if kind in {"image", "video"} else "file"


def _pattern(text: str) -> re.Pattern[str]:
    return _ASCII_WORD if text.isascii() else _WORD


@lru_cache(maxsize=8_192)
def _parts(word: str) -> tuple[tuple[str, str], ...]:
    """Each ``(normal, stem)`` of what looks like one word: a ligature may hide more."""
    if word.isascii():
        normal = word.lower()
    else:
        plain = "".join(char for char in unicodedata.normalize("NFKD", word) if not _is_accent(char))
        normal = unicodedata.normalize("NFC", plain.casefold())
    parts = [normal] if normal.isalnum() else [found[0] for found in _WORD.finditer(normal)]
    return tuple((part[:LONGEST], _stem(part[:LONGEST])) for part in parts)


def _is_accent(char: str) -> bool:
    """Points and accents around a letter; not vowel signs and the like, without which it is another word."""
    place = unicodedata.combining(char)
    return 10 <= place <= 36 or place >= 200


def _stem(word: str) -> str:
    # A stemmer keeps the word it works on in itself, so that no two threads may share one.
    return snowballstemmer.stemmer(LANGUAGE).stemWord(word) if word.isascii() else word
