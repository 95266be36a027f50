"""Reading a request: its query string (``qs`` conventions) and its body."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import unquote_plus

from ...application import Receive
from ...encoding import decode
from ...errors import BadRequest, PayloadTooLarge
from ...shapes import is_list

MAX_PARAMETERS: Final = 2000
MAX_DEPTH: Final = 5
JSON: Final = "application/json"
FORM: Final = "application/x-www-form-urlencoded"
UNSAFE_KEYS: Final = frozenset({"__proto__"})
INDEX: Final = re.compile(r"0|[1-9][0-9]{0,2}", re.ASCII)
BRACKETS: Final = re.compile(r"\[[^\[\]]*\]")


def parse_query(text: str) -> dict[str, Any]:
    """Parse ``a[b][c]=1``, ``a[]=1``, ``a[0]=1`` and repeated keys; every leaf stays text.

    Nesting goes to depth 5, what lies deeper stays part of the key; sparse lists are compacted.
    Raises BadRequest for more than 2,000 parameters.
    """
    if not text:
        return {}
    pairs = text.split("&")
    if len(pairs) > MAX_PARAMETERS:
        raise BadRequest(f"The query has more than {MAX_PARAMETERS} parameters")
    if "[" not in text and "%5" not in text:  # no bracket, written out or not
        return _parse_flat(pairs)
    root = Branch()
    for pair in pairs:
        if not pair:
            continue
        key, value = _split_pair(pair)
        path = _key_path(key)
        if path and not UNSAFE_KEYS.intersection(path):
            root.insert(path, value)
    return root.as_object()


async def read_body(headers: Mapping[str, str], receive: Receive, limit: int) -> Any:
    """The decoded body; an empty one is ``{}``.

    Raises PayloadTooLarge beyond ``limit`` bytes, BadRequest for what is neither JSON nor a form.
    """
    declared = headers.get("content-length", "0")
    if declared.isdecimal() and int(declared) > limit:
        raise _too_large(limit)
    body, more = b"", True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise BadRequest("The client left before the end of the body")
        body += message.get("body", b"")
        more = message.get("more_body", False)
        if len(body) > limit:
            raise _too_large(limit)
    if not body:
        return {}
    kind = headers.get("content-type", JSON)
    if kind != JSON:
        kind = kind.partition(";")[0].strip().lower()
        if kind == FORM:
            return parse_query(body.decode("utf-8", "replace"))
        if kind != JSON and not kind.endswith("+json"):
            raise BadRequest(f"The body must be application/json, not {kind}", {"contentType": kind})
    try:
        return decode(body)
    except ValueError as error:
        raise BadRequest(f"The body is not valid JSON: {error}") from None


class Branch:
    """One key's values on the way to an object or a list: leaves, and branches by subkey."""

    __slots__ = ("branches", "leaves", "leaves_last")

    def __init__(self) -> None:
        self.leaves: list[str] = []
        self.branches: dict[str, Branch] = {}
        self.leaves_last = False

    def insert(self, path: list[str], value: str) -> None:
        node = self
        for key in path:
            node = node.branches.setdefault(key, Branch())
        if node.branches and not node.leaves:
            node.leaves_last = True
        node.leaves.append(value)

    def as_object(self) -> dict[str, Any]:
        return {key: branch.value() for key, branch in self.branches.items()}

    def value(self) -> Any:
        if not self.branches:
            return self.leaves[0] if len(self.leaves) == 1 else list(self.leaves)
        nested = self._nested()
        if not self.leaves:
            return nested
        inner = nested if is_list(nested) else [nested]
        return [*inner, *self.leaves] if self.leaves_last else [*self.leaves, *inner]

    def _nested(self) -> list[Any] | dict[str, Any]:
        """A list where all keys are indices (or empty, as in ``a[]=1``), else an object."""
        appended = self._appended()
        keys = [key for key in self.branches if key]
        if all(INDEX.fullmatch(key) for key in keys):
            return [*(self.branches[key].value() for key in sorted(keys, key=int)), *appended]
        return {
            **{str(at): item for at, item in enumerate(appended)},
            **{key: self.branches[key].value() for key in keys},
        }

    def _appended(self) -> list[Any]:
        branch = self.branches.get("")
        if branch is None:
            return []
        return [*branch.leaves, branch._nested()] if branch.branches else branch.leaves  # noqa: SLF001


def _parse_flat(pairs: list[str]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for pair in pairs:
        name, _, text = pair.partition("=")
        key, value = unquote_plus(name), unquote_plus(text)
        if not key or key in UNSAFE_KEYS:
            continue
        if key not in found:
            found[key] = value
        elif isinstance(found[key], list):
            found[key].append(value)
        else:
            found[key] = [found[key], value]
    return found


def _split_pair(pair: str) -> tuple[str, str]:
    bracket = pair.find("]=")
    at = bracket + 1 if bracket >= 0 else pair.find("=")
    key, value = (pair, "") if at < 0 else (pair[:at], pair[at + 1 :])
    return unquote_plus(key), unquote_plus(value)


def _key_path(key: str) -> list[str]:
    """``a[b][c]`` → ``["a", "b", "c"]``; what is not balanced, or too deep, stays literal."""
    brackets = list(BRACKETS.finditer(key))
    if not brackets:
        return [key] if key else []
    start = brackets[0].start()
    path = [key[:start]] if start else []
    path += [found[0][1:-1] for found in brackets[:MAX_DEPTH]]
    if len(brackets) > MAX_DEPTH:
        path.append(key[brackets[MAX_DEPTH].start() :])
    return path


def _too_large(limit: int) -> PayloadTooLarge:
    return PayloadTooLarge(f"The body exceeds {limit} bytes", {"limit": limit})
