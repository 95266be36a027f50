from __future__ import annotations

from random import Random

import pytest
from hypothesis import given, strategies as st

from stonechat.models.words import pairs_in, words_of
from stonechat.services.search.parser import NAMES, parse

WORD = st.text("abcdefghij\u00e9\u00f8\u0436", min_size=1, max_size=8)
VALUE = st.text("abcdefghij0123456789-@.", min_size=1, max_size=12)
SPACES = st.text(" \t\n", min_size=1, max_size=3)


def stems(text: str) -> list[str]:
    return [stem for _, stem in parse(text).words]


@given(st.text(max_size=200))
def test_whatever_is_written_is_taken_apart(text: str) -> None:
    parsed = parse(text)
    found = [*parsed.words, *(pair for phrase in parsed.phrases for pair in phrase)]
    assert set(found) <= set(pairs_in(text))
    assert all(name in NAMES for name, _ in parsed.conditions)
    assert len({stem for _, stem in parsed.words}) == len(parsed.words)


@given(st.lists(WORD, min_size=1, max_size=6), SPACES)
def test_words_are_what_a_message_of_them_is_found_by(words: list[str], space: str) -> None:
    assert stems(space.join(words)) == words_of(" ".join(words))


@given(
    st.lists(WORD, max_size=3),
    st.lists(st.lists(WORD, min_size=1, max_size=3), max_size=3),
    st.lists(st.tuples(st.sampled_from(NAMES), VALUE, st.booleans()), max_size=4),
    st.randoms(use_true_random=False),
    SPACES,
)
def test_parts_are_found_in_any_order(
    words: list[str],
    phrases: list[list[str]],
    conditions: list[tuple[str, str, bool]],
    order: Random,
    space: str,
) -> None:
    parts = [*words, *(f'"{" ".join(phrase)}"' for phrase in phrases)]
    parts += [
        f'{name}:"{value}"' if quoted else f"{name.upper()}:{value}" for name, value, quoted in conditions
    ]
    order.shuffle(parts)
    parsed = parse(space.join(parts))
    assert {stem for _, stem in parsed.words} == set(words_of(" ".join(words)))
    written = {tuple(normal for normal, _ in phrase) for phrase in parsed.phrases}
    assert written == {tuple(normal for normal, _ in pairs_in(" ".join(phrase))) for phrase in phrases}
    assert set(parsed.conditions) == {(name, value) for name, value, _ in conditions}


@pytest.mark.parametrize(
    ("text", "words", "phrases", "conditions"),
    [
        ("", [], [], []),
        ('"" "?"', [], [], []),
        ("exams of exam", ["exam", "of"], [], []),
        ('"The Exams" the', ["the"], [["the", "exams"]], []),
        ("\u201cthe exams\u201d", [], [["the", "exams"]], []),
        ('"left open', [], [["left", "open"]], []),
        ("From:Ada IN:maths", [], [], [("from", "Ada"), ("in", "maths")]),
        ('in:"Maths 9b" exam', ["exam"], [], [("in", "Maths 9b")]),
        ('in:"Maths 9b', [], [], [("in", "Maths 9b")]),
        ("from: ada", ["ada"], [], [("from", "")]),
        ("http://a.b note:x", ["http", "a", "b", "note", "x"], [], []),
        ("xfrom:ada", ["xfrom", "ada"], [], []),
        ("has:file has:file", [], [], [("has", "file")]),
        ("before:2026-11-01T10:00", [], [], [("before", "2026-11-01T10:00")]),
    ],
)
def test_what_people_write(
    text: str, words: list[str], phrases: list[list[str]], conditions: list[tuple[str, str]]
) -> None:
    parsed = parse(text)
    assert [stem for _, stem in parsed.words] == words
    assert [[normal for normal, _ in phrase] for phrase in parsed.phrases] == phrases
    assert list(parsed.conditions) == conditions
