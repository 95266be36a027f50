"""What a client takes for true of who is online."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tests.support.school import Socket

ONLINE, OFFLINE = "user:online", "user:offline"
AVAILABLE = "available"

View = Mapping[str, str]
"""The status of each user who is online, by id."""


def view_of(answer: Mapping[str, Any]) -> View:
    """The view that a welcome or the answer of ``presence:get`` gives."""
    statuses = answer["statuses"]
    return {user: statuses[user]["status"] if user in statuses else AVAILABLE for user in answer["online"]}


def folded(socket: Socket) -> View:
    """The welcome and all events since. Raises AssertionError for an event that tells nothing new."""
    view = dict(view_of(socket.welcome))
    for event, told in socket.events:
        if event == ONLINE:
            user, status = told["userId"], told.get("status", AVAILABLE)
            assert view.get(user) != status, f"{user} was told twice to be {status}"
            view[user] = status
        elif event == OFFLINE:
            user = told["userId"]
            assert user in view, f"{user} was told to be offline, and was not online"
            del view[user]
    return view
