from __future__ import annotations

from pathlib import Path

import pytest
from stonechat_word_filter.words import WordList, read_words

WORDS = WordList(["blast", "drat it", "Straße", "कुत्ता"])


@pytest.mark.parametrize(
    "text",
    [
        "blast",
        "Oh, BLAST!",
        "(blast)",
        "under_blast_score",
        "bl\u00e1st",
        "bla\u0301st",
        "\uff42\uff4c\uff41\uff53\uff54",
        "\U0001d41b\U0001d425\U0001d41a\U0001d42c\U0001d42d",
        "bla\u200bst",
        "bla\u00adst",
        "Drat   it.",
        "drat\nit",
        "STRASSE",
        "एक कुत्ता है",
    ],
)
def test_a_word_is_found_however_it_is_dressed(text: str) -> None:
    assert WORDS.occur_in(text)


@pytest.mark.parametrize(
    "text", ["", "   ", "Good morning", "blasted", "sandblast", "drat", "it, drat", "b l a s t", "कुत्ते"]
)
def test_only_whole_words_are_found(text: str) -> None:
    assert not WORDS.occur_in(text)


def test_a_list_of_nothing_but_blanks_and_signs_is_empty() -> None:
    assert not WordList(["", "  ", "!?"])


def test_a_file_has_one_word_a_line_and_comments(tmp_path: Path) -> None:
    file = tmp_path / "words.txt"
    file.write_text("# these\nblast\n\n  drat it  \n", "utf-8")

    assert read_words(file) == ["blast", "drat it"]
