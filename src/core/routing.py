"""Paths of services: a trie of segments in which a literal beats a placeholder."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Generic, TypeVar

T = TypeVar("T")

ID = "__id"


class Node(Generic[T]):
    """``literals[segment]`` and ``placeholders`` (name, node) in the order of registration."""

    __slots__ = ("literals", "placeholders", "value")

    def __init__(self) -> None:
        self.literals: dict[str, Node[T]] = {}
        self.placeholders: list[tuple[str, Node[T]]] = []
        self.value: T | None = None


class Match(Generic[T]):
    """What a path leads to: the value, the id after its path (or None) and the placeholders' values."""

    __slots__ = ("id", "route", "value")

    def __init__(self, value: T, id: str | None, route: dict[str, str]) -> None:
        self.value = value
        self.id = id
        self.route = route


class Router(Generic[T]):
    """Each value owns its path and one more segment behind it, the id."""

    def __init__(self) -> None:
        self._root = Node[T]()

    def add(self, path: str, value: T) -> None:
        """Raises ValueError where the path is taken."""
        for route in (segments(path), (*segments(path), f":{ID}")):
            node = self._descend(route)
            if node.value is not None:
                raise ValueError(f"Path {path} already exists")
            node.value = value

    def remove(self, path: str) -> None:
        for route in (segments(path), (*segments(path), f":{ID}")):
            self._descend(route).value = None

    def find(self, parts: Sequence[str]) -> Match[T] | None:
        """``parts`` are the decoded segments of a path without empty ones."""
        node, last = self._root, len(parts) - 1
        for at, part in enumerate(parts):
            child = node.literals.get(part)
            if child is None:
                # Most calls: a path without placeholders, and an id that nothing else could be.
                if at == last and len(node.placeholders) == 1 and node.placeholders[0][0] == ID:
                    value = node.placeholders[0][1].value
                    return None if value is None else Match(value, part, {})
                break
            node = child
        else:
            if node.value is not None:
                return Match(node.value, None, {})
        return self._search(parts)

    def _search(self, parts: Sequence[str]) -> Match[T] | None:
        found = self._find(self._root, parts, 0)
        if found is None:
            return None
        node, names = found
        route: dict[str, str] = {}
        identifier = None
        for name, value in reversed(names):
            if name == ID:
                identifier = value
            else:
                route[name] = value
        return None if node.value is None else Match(node.value, identifier, route)

    def _find(
        self, node: Node[T], parts: Sequence[str], at: int
    ) -> tuple[Node[T], list[tuple[str, str]]] | None:
        if at == len(parts):
            return (node, []) if node.value is not None else None
        part = parts[at]
        literal = node.literals.get(part)
        if literal is not None and (found := self._find(literal, parts, at + 1)):
            return found
        for name, child in node.placeholders:
            if found := self._find(child, parts, at + 1):
                found[1].append((name, part))
                return found
        return None

    def _descend(self, route: Sequence[str]) -> Node[T]:
        node = self._root
        for segment in route:
            if not segment.startswith(":"):
                node = node.literals.setdefault(segment, Node[T]())
                continue
            name = segment[1:]
            known = next((child for other, child in node.placeholders if other == name), None)
            if known is None:
                known = Node[T]()
                node.placeholders.append((name, known))
            node = known
        return node


def segments(path: str) -> tuple[str, ...]:
    return tuple(part for part in path.split("/") if part)


def strip_path(path: str) -> str:
    """The name a service is known by: without slashes at its ends, ``/`` for the root."""
    return path.strip("/") or "/"
