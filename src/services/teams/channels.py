"""The channels that every team begins with."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from ...core.application import Application
from ...hooks.team_places import leading_roles
from ...models.team_member import TEAM_ROLES, TeamRole

CHANNELS: Final[Mapping[str, tuple[TeamRole, ...]]] = {
    "Team": TEAM_ROLES,
    "Coaches": ("admin", "coach"),
    "Trainers": ("admin", "coach", "trainer"),
}
"""By name, and to whom they are open."""

ANNOUNCEMENTS: Final = "Announcements"


def default_channels(app: Application, team: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """Of the team, its coaches, its trainers, for announcements, and of each position group."""
    here = {"teamId": team["_id"]}
    yield {**here, "kind": "announcement", "name": ANNOUNCEMENTS, "teamRoles": list(TEAM_ROLES)}
    for name, roles in CHANNELS.items():
        yield {**here, "kind": "channel", "name": name, "teamRoles": list(roles)}
    for group in team["positionGroups"]:
        leading = leading_roles(app)
        yield {
            **here,
            "kind": "channel",
            "name": group,
            "teamRoles": leading,
            "positionGroups": [group],
        }
