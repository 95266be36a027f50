from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any


def _no_records() -> dict[str, dict[Any, None]]:
    return {"messages": {}, "members": {}, "reactions": {}}


@dataclass(slots=True)
class Missed:
    """What has changed in a conversation since a revision, each record once, however often it has changed."""

    conversation: bool = False
    # changed[path][recordId], in the order of the newest change
    changed: dict[str, dict[Any, None]] = field(default_factory=_no_records)
    left: list[Any] = field(default_factory=list[Any])
    taken: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])

    def add(self, delivery: Mapping[str, Any]) -> None:
        """Take in the next one; they come by revision."""
        path, record_id, gone = delivery["path"], delivery["recordId"], delivery["gone"]
        if path == "conversations":
            self.conversation = True
        elif gone is None:
            self.changed[path].pop(record_id, None)
            self.changed[path][record_id] = None
        elif path == "members":
            self.changed[path].pop(record_id, None)
            self.left.append(gone["userId"])
        else:
            self.changed[path].pop(record_id, None)
            self.taken.append(gone)
            self.changed["messages"][gone["messageId"]] = None

    def reacted(self, reactions: Mapping[Any, dict[str, Any]]) -> None:
        """Count the messages that these were set on among the changed ones: their tallies are others now."""
        for one in self.changed["reactions"].keys() & reactions.keys():
            self.changed["messages"].setdefault(reactions[one]["messageId"])

    def ids(self, path: str) -> Iterable[Any]:
        return self.changed[path]

    def pick(self, path: str, records: Mapping[Any, dict[str, Any]]) -> list[dict[str, Any]]:
        """Those of the records that belong here; what is gone by now is told as ``left`` or ``taken``."""
        found = [records[one] for one in self.changed[path] if one in records]
        return sorted(found, key=lambda record: record["seq"]) if path == "messages" else found

    def __bool__(self) -> bool:
        return self.conversation or any(self.changed.values()) or bool(self.left or self.taken)
