"""Whether the changes that were acknowledged hold, unless a later one may have been made unanswered."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator
from typing import Any

from tests.history.record import Change, History
from tests.history.stored import Stored

Json = Any


def kept(history: History, stored: Stored) -> Iterator[str]:
    changes = [change for change in history.changes if change.outcome != "refused"]
    yield from _edits([one for one in changes if one.kind == "edit"], stored)
    yield from _removals([one for one in changes if one.kind == "remove"], stored)
    yield from _reactions([one for one in changes if one.kind in {"react", "take"}], stored)
    yield from _tallies(stored)


def _edits(changes: list[Change], stored: Stored) -> Iterator[str]:
    messages = {message["_id"]: message for message in stored.every_message()}
    by_message: dict[str, list[Change]] = defaultdict(list)
    for change in changes:
        by_message[change.message].append(change)
    for name, edits in by_message.items():
        possible = _possible(edits)
        if possible and messages[name]["content"] not in {edit.said for edit in possible}:
            said = messages[name]["content"]
            yield f"message {name} says {said!r}, the last edit was {possible[0].said!r}"


def _removals(changes: list[Change], stored: Stored) -> Iterator[str]:
    tried = {change.message for change in changes}
    sure = {change.message for change in changes if change.outcome == "sure"}
    for message in stored.every_message():
        name = message["_id"]
        if message["deletedAt"] is None and name in sure:
            yield f"message {name} was removed and is there"
        if message["deletedAt"] is not None and name not in tried:
            yield f"message {name} was removed by nobody"


def _reactions(changes: list[Change], stored: Stored) -> Iterator[str]:
    there = {(one["userId"], one["messageId"], one["emoji"]) for one in stored.reactions}
    by_reaction: dict[tuple[str, str, str], list[Change]] = defaultdict(list)
    for change in changes:
        by_reaction[change.who, change.message, change.said].append(change)
    for reaction, steps in by_reaction.items():
        possible = _possible(steps)
        if possible and (reaction in there) not in {step.kind == "react" for step in possible}:
            state = "there" if reaction in there else "not there"
            yield f"reaction {reaction} is {state} after {possible[0].kind}"


def _tallies(stored: Stored) -> Iterator[str]:
    counted = Counter((one["messageId"], one["emoji"]) for one in stored.reactions)
    for message in stored.every_message():
        for tally in message["reactions"]:
            actual = counted.pop((message["_id"], tally["emoji"]), 0)
            if tally["count"] != actual:
                told = f"{tally['count']} of {tally['emoji']}"
                yield f"message {message['_id']} counts {told}, {actual} are there"
    for name, emoji in counted:
        yield f"message {name} does not count {emoji}"


def _possible(changes: list[Change]) -> list[Change]:
    """The last one that is sure and what was tried since; nothing where nothing is sure."""
    sure = [at for at, change in enumerate(changes) if change.outcome == "sure"]
    return changes[sure[-1] :] if sure else []
