"""``$select``: the chosen fields of a record."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Any

from .ordering import Record
from .shapes import is_list, is_mapping

Tree = dict[str, "Tree"]
"""Names of fields; an empty tree stands for the whole value."""


def outermost(names: Collection[str]) -> list[str]:
    """Names without those that lie inside another of them, which MongoDB would refuse."""
    chosen = set(names)
    return [name for name in dict.fromkeys(names) if chosen.isdisjoint(_parents(name))]


def select_fields(record: Record, names: Collection[str]) -> dict[str, Any]:
    """A new dict with the fields, in the record's order; the kept values are the record's own."""
    tree: Tree = {}
    for name in outermost(names):
        branch = tree
        for segment in name.split("."):
            branch = branch.setdefault(segment, {})
    return _pick(record, tree)


def _pick(record: Record, tree: Tree) -> dict[str, Any]:
    picked: dict[str, Any] = {}
    for key, value in record.items():
        if (inner := tree.get(key)) is None:
            continue
        if not inner:
            picked[key] = value
        elif is_mapping(value):
            picked[key] = _pick(value, inner)
        elif is_list(value):
            picked[key] = _pick_each(value, inner)
    return picked


def _pick_each(values: list[Any], tree: Tree) -> list[Any]:
    """As MongoDB does: of a list only the objects remain, and inner lists with theirs."""
    picked: list[Any] = []
    for value in values:
        if is_mapping(value):
            picked.append(_pick(value, tree))
        elif is_list(value):
            picked.append(_pick_each(value, tree))
    return picked


def _parents(name: str) -> Iterable[str]:
    end = name.find(".")
    while end != -1:
        yield name[:end]
        end = name.find(".", end + 1)
