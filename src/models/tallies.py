"""How many have reacted to a message with each emoji, in the order in which these were first set."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def tallies_of(message: Mapping[str, Any] | None) -> dict[str, int]:
    """By emoji; of a message that is gone there are none."""
    return {tally["emoji"]: tally["count"] for tally in (message or {}).get("reactions", ())}


def as_stored(tallies: Mapping[str, int]) -> list[dict[str, Any]]:
    """As a message keeps them: without those that nobody has set any more."""
    return [{"emoji": emoji, "count": count} for emoji, count in tallies.items() if count > 0]
