from __future__ import annotations

import pytest
from hypothesis import given, strategies as st

from stonechat.models.words import LONGEST, MOST, words_in, words_of, words_of_message

TEXT = st.text(max_size=300)
ACCENTED = "Ca" + "f" + "e\u0301"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", []),
        ("?! \U0001f389 \u2764\ufe0f", []),
        ("Exams, EXAM and exam", ["exam", "and"]),
        ("Running runs", ["run"]),
        ("Caf\u00e9 cafe", ["cafe"]),
        (ACCENTED, ["cafe"]),
        ("Stra\u00dfe STRASSE", ["strass"]),
        ("\u0130stanbul", ["istanbul"]),
        ("\ufb01ne \uff41\uff42\uff43", ["fine", "abc"]),
        ("\u0627\u0644\u0652\u0645\u064e \u0627\u0644\u0645", ["\u0627\u0644\u0645"]),
        ("\u0939\u093f\u0928\u094d\u0926\u0940", ["\u0939\u093f\u0928\u094d\u0926\u0940"]),
        ("\u8a66\u9a13 \u3067\u3059", ["\u8a66", "\u9a13", "\u3067", "\u3059"]),
        ("\ud55c\uad6d\uc5b4", ["\ud55c\uad6d\uc5b4"]),
        ("page_12, e-mail; a:b", ["page", "12", "e", "mail", "a", "b"]),
    ],
)
def test_words_are_compared_without_case_accents_and_endings(text: str, words: list[str]) -> None:
    assert words_of(text) == words


@given(TEXT)
def test_words_are_distinct_short_and_never_look_like_marks(text: str) -> None:
    words = words_of(text)
    assert len(set(words)) == len(words) <= MOST
    assert all(0 < len(word) <= LONGEST and ":" not in word for word in words)


@given(TEXT, TEXT)
def test_a_text_has_the_words_of_its_parts(first: str, second: str) -> None:
    assert set(words_of(f"{first} {second}")) == {*words_of(first), *words_of(second)}


@given(TEXT)
def test_capitals_make_no_difference_to_ascii(text: str) -> None:
    plain = text.encode("ascii", "ignore").decode()
    assert words_of(plain.upper()) == words_of(plain.lower())


@given(TEXT)
def test_a_word_stands_where_it_says(text: str) -> None:
    ends = 0
    for word in words_in(text):
        assert 0 <= word.start < word.end <= len(text)
        assert word.normal in {found.normal for found in words_in(text[word.start : word.end])}
        ends = max(ends, word.end)
    assert ends <= len(text)


def test_a_long_message_has_its_first_words_and_a_long_word_its_beginning() -> None:
    assert words_of(" ".join(f"w{number}" for number in range(500))) == [f"w{n}" for n in range(MOST)]
    assert words_of("\u00e9" * 100) == ["e" * LONGEST]


@pytest.mark.parametrize(
    ("fields", "marks"),
    [
        ({}, set[str]()),
        ({"content": None}, set[str]()),
        ({"content": "See https://example.org/a"}, {"has:link"}),
        ({"content": "WWW.example.org"}, {"has:link"}),
        ({"content": "awww. https: //"}, set[str]()),
        ({"content": "has:link from:me"}, set[str]()),
        ({"mentions": ["x", "teacher", "all"]}, {"mentions:x", "mentions:teacher", "mentions:all"}),
        ({"attachments": [{"name": "a"}]}, {"has:attachment", "has:file"}),
        ({"attachments": [{"name": "a", "mediaType": "IMAGE/png"}]}, {"has:attachment", "has:image"}),
        ({"type": "video", "attachments": [{"name": "a"}]}, {"has:attachment", "has:video"}),
        ({"type": "image"}, {"has:image"}),
        (
            {"type": "image", "attachments": [{"name": "a"}, {"name": "b", "mediaType": "video/mp4"}]},
            {"has:attachment", "has:image", "has:file", "has:video"},
        ),
    ],
)
def test_marks_say_what_a_message_has(fields: dict[str, object], marks: set[str]) -> None:
    found = words_of_message({"senderId": "ada", **fields})
    assert {word for word in found if ":" in word} == {"from:ada", *marks}


def test_a_message_is_found_by_the_names_of_its_attachments() -> None:
    message = {"senderId": "ada", "content": "Here", "attachments": [{"name": "Homework-3.pdf"}]}
    assert {"here", "homework", "3", "pdf"} <= set(words_of_message(message))
