"""Reading a request: the segments of its path, its query string (``qs`` conventions) and its body."""

from __future__ import annotations

from typing import Any, Final
from urllib.parse import unquote, unquote_plus

from ...application import Receive, Scope
from ...encoding import decode
from ...errors import BadRequest, PayloadTooLarge

MAX_PARAMETERS: Final = 1000
MAX_DEPTH: Final = 5
FORM: Final = "application/x-www-form-urlencoded"
UNSAFE_KEYS: Final = frozenset({"__proto__"})


def path_segments(scope: Scope) -> list[str]:
    """The decoded segments of the path: ``%2F`` stays inside its segment, empty ones are dropped."""
    raw: bytes = scope.get("raw_path") or b""
    if b"%" not in raw:
        return [part for part in scope["path"].split("/") if part]
    return [unquote(part) for part in raw.partition(b"?")[0].decode("latin-1").split("/") if part]


def parse_query(text: str) -> dict[str, Any]:
    """Parse ``a[b][c]=1``, ``a[]=1``, ``a[0]=1`` and repeated keys; every leaf stays text.

    Nesting goes to depth 5, what lies deeper stays part of the key; sparse lists are compacted.
    Raises BadRequest for more than 1,000 parameters.
    """
    if not text:
        return {}
    pairs = text.split("&")
    if len(pairs) > MAX_PARAMETERS:
        raise BadRequest(f"The query has more than {MAX_PARAMETERS} parameters")
    root = Branch()
    for pair in pairs:
        if not pair:
            continue
        key, value = _split_pair(pair)
        path = _key_path(key)
        if path and not UNSAFE_KEYS.intersection(path):
            root.insert(path, value)
    return root.as_object()


async def read_body(scope: Scope, receive: Receive, limit: int) -> Any:
    """The decoded body; an empty one is ``{}``.

    Raises PayloadTooLarge beyond ``limit`` bytes, BadRequest for what is neither JSON nor a form.
    """
    headers = dict(scope["headers"])
    declared = headers.get(b"content-length", b"0")
    if declared.isdigit() and int(declared) > limit:
        raise _too_large(limit)
    message = await receive()
    body: bytes = message.get("body", b"")
    if message.get("more_body"):
        chunks, size = [body], len(body)
        while message.get("more_body") and size <= limit:
            message = await receive()
            chunks.append(message.get("body", b""))
            size += len(chunks[-1])
        body = b"".join(chunks)
    if len(body) > limit:
        raise _too_large(limit)
    if not body:
        return {}
    kind = (
        headers.get(b"content-type", b"application/json").partition(b";")[0].strip().lower().decode("latin-1")
    )
    if kind == FORM:
        return parse_query(body.decode("utf-8", "replace"))
    if kind != "application/json" and not kind.endswith("+json"):
        raise BadRequest(f"The body must be application/json, not {kind}", {"contentType": kind})
    try:
        return decode(body)
    except ValueError as error:
        raise BadRequest(f"The body is not valid JSON: {error}") from None


class Branch:
    """One key's values on the way to an object or a list: leaves, and branches by subkey."""

    __slots__ = ("branches", "leaves")

    def __init__(self) -> None:
        self.leaves: list[str] = []
        self.branches: dict[str, Branch] = {}

    def insert(self, path: list[str], value: str) -> None:
        node = self
        for key in path:
            node = node.branches.setdefault(key, Branch())
        node.leaves.append(value)

    def as_object(self) -> dict[str, Any]:
        return {key: branch.value() for key, branch in self.branches.items()}

    def value(self) -> Any:
        if not self.branches:
            return self.leaves[0] if len(self.leaves) == 1 else list(self.leaves)
        if not all(key == "" or key.isdecimal() for key in self.branches):
            nested: Any = {key or str(len(self.branches)): b.value() for key, b in self.branches.items()}
            return [*self.leaves, nested] if self.leaves else nested
        items: list[Any] = list(self.leaves)
        for key in sorted(self.branches, key=lambda key: (key == "", int(key or 0))):
            branch = self.branches[key]
            items += branch.leaves
            if branch.branches:
                items.append(Branch.without_leaves(branch).value())
        return items

    @classmethod
    def without_leaves(cls, branch: Branch) -> Branch:
        copy = cls()
        copy.branches = branch.branches
        return copy


def _split_pair(pair: str) -> tuple[str, str]:
    bracket = pair.find("]=")
    at = bracket + 1 if bracket >= 0 else pair.find("=")
    key, value = (pair, "") if at < 0 else (pair[:at], pair[at + 1 :])
    return unquote_plus(key), unquote_plus(value)


def _key_path(key: str) -> list[str]:
    """``a[b][c]`` → ``["a", "b", "c"]``; what is not balanced, or too deep, stays literal."""
    start = key.find("[")
    if start < 0:
        return [key] if key else []
    path = [key[:start]] if start else []
    while start >= 0 and len(path) <= MAX_DEPTH:
        end = key.find("]", start)
        if end < 0:
            break
        path.append(key[start + 1 : end])
        start = key.find("[", end)
    if start >= 0:
        path.append(key[start:])
    return path


def _too_large(limit: int) -> PayloadTooLarge:
    return PayloadTooLarge(f"The body exceeds {limit} bytes", {"limit": limit})
