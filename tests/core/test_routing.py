from __future__ import annotations

from itertools import product

import pytest
from hypothesis import given, strategies as st

from stonechat.core.routing import Match, Router, segments, strip_path

PATHS = st.lists(
    st.lists(st.sampled_from(["a", "b", ":x", ":y"]), max_size=3).map("/".join),
    unique=True,
    max_size=6,
)
PARTS = st.lists(st.sampled_from(["a", "b", "c"]), max_size=4)


def found(match: Match[str] | None) -> tuple[str, str | None, dict[str, str]] | None:
    return None if match is None else (match.value, match.id, match.route)


def router(*paths: str) -> Router[str]:
    made: Router[str] = Router()
    for path in paths:
        made.add(path, path)
    return made


ROUTES: list[tuple[list[str], str, tuple[str, str | None, dict[str, str]] | None]] = [
    (["users"], "users", ("users", None, {})),
    (["users"], "users/5", ("users", "5", {})),
    (["users"], "users/5/6", None),
    (["users"], "Users", None),
    (["users"], "", None),
    (["a", "a/b"], "a/b", ("a/b", None, {})),
    (["a/b", "a"], "a/b", ("a/b", None, {})),
    (["a", "a/b"], "a/c", ("a", "c", {})),
    (["a", "a/b"], "a/b/c", ("a/b", "c", {})),
    (["users/:userId/messages"], "users/5/messages", ("users/:userId/messages", None, {"userId": "5"})),
    (["users/:userId/messages"], "users/5/messages/6", ("users/:userId/messages", "6", {"userId": "5"})),
    (["users/:userId/messages"], "users/5", None),
    (["users", "users/:userId/messages"], "users/5", ("users", "5", {})),
    (["/"], "", ("/", None, {})),
    (["/"], "5", ("/", "5", {})),
    (["/", "users"], "users", ("users", None, {})),
    ([":first", ":second"], "5", (":first", None, {"first": "5"})),
    ([":second", ":first"], "5", (":second", None, {"second": "5"})),
    ([":any", "users"], "users", ("users", None, {})),
    ([":any", "users"], "users/5", ("users", "5", {})),
    (["a/b/c", ":x/b"], "a/b", (":x/b", None, {"x": "a"})),
    (["a/:x/c", "a/b"], "a/b/c", ("a/b", "c", {})),
    (["a/b", "a/:x/c"], "a/d/c", ("a/:x/c", None, {"x": "d"})),
]


@pytest.mark.parametrize(("paths", "parts", "expected"), ROUTES)
def test_where_paths_lead(paths: list[str], parts: str, expected: object) -> None:
    assert found(router(*paths).find(segments(parts))) == expected


def test_a_path_can_be_taken_once_only() -> None:
    made = router("users")
    with pytest.raises(ValueError, match=r"^Path users already exists$"):
        made.add("users", "again")


def test_a_removed_path_leads_nowhere_and_is_free_again() -> None:
    made = router("users", "users/:id/notes")
    made.remove("users")
    assert made.find(["users"]) is None
    assert made.find(["users", "5"]) is None
    assert found(made.find(["users", "5", "notes"])) == ("users/:id/notes", None, {"id": "5"})
    made.add("users", "again")
    assert found(made.find(["users"])) == ("again", None, {})


def test_a_removed_path_does_not_hide_what_it_covered() -> None:
    made = router("a/b", "a")
    made.remove("a/b")
    assert found(made.find(["a", "b"])) == ("a", "b", {})


@pytest.mark.parametrize(
    ("path", "stripped"),
    [("/users/", "users"), ("users", "users"), ("//a/b//", "a/b"), ("", "/"), ("/", "/")],
)
def test_slashes_at_the_ends_are_stripped(path: str, stripped: str) -> None:
    assert strip_path(path) == stripped


def naive(paths: list[str], parts: list[str]) -> tuple[str, str | None, dict[str, str]] | None:
    """Try all routes in an order of precedence that is compared segment by segment."""
    routes = [(path, (*segments(path), *suffix)) for path, suffix in product(paths, [(), (":__id",)])]
    names = list(dict.fromkeys(route[: at + 1] for _, route in routes for at in range(len(route))))

    def rank(route: tuple[str, ...]) -> list[int]:
        steps = [route[: at + 1] for at in range(len(route))]
        return [names.index(step) if step[-1].startswith(":") else -1 for step in steps]

    for path, route in sorted(routes, key=lambda entry: rank(entry[1])):
        if len(route) == len(parts) and all(r in (":" + r[1:], p) for r, p in zip(route, parts, strict=True)):
            values = {r[1:]: p for r, p in zip(route, parts, strict=True) if r.startswith(":")}
            identifier = values.pop("__id", None)
            return path, identifier, values
    return None


@given(PATHS, PARTS)
def test_the_trie_finds_what_a_naive_search_finds(paths: list[str], parts: list[str]) -> None:
    assert found(router(*paths).find(parts)) == naive(paths, parts)
