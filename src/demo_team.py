"""The demo data of Team Chat: one team of Demo High, sample channels, and somebody of each role."""

from __future__ import annotations

from typing import Any, Final

from .core.application import Application
from .core.context import Params

SCHOOL: Final = "demo-high"
TEAM: Final = "Demo Harriers"
GROUPS: Final = ("Keepers", "Wings")

PEOPLE: Final = (
    ("manager@demo.school", "Mo Manager", "teacher", "admin", None),
    ("coach@demo.school", "Coach Carter", "teacher", "coach", None),
    ("trainer@demo.school", "Toni Trainer", "teacher", "trainer", None),
    ("captain@demo.school", "Cam Captain", "student", "captain", "Wings"),
    ("player@demo.school", "Pat Player", "student", "player", "Keepers"),
    ("alum@demo.school", "Al Umni", "student", "alumni", None),
)
"""E-mail, name, role in the school, role in the team, position group; the first of them makes the team."""

TALK: Final = (
    ("Announcements", "manager@demo.school", "Welcome to the season. Training is on Tuesdays and Thursdays."),
    ("Team", "captain@demo.school", "Who brings the balls on Tuesday?"),
    ("Team", "player@demo.school", "I do."),
    ("Coaches", "coach@demo.school", "Let us try three at the back."),
    ("Trainers", "trainer@demo.school", "Pat's ankle is fine again."),
    ("Keepers", "player@demo.school", "Gloves are in the locker."),
)
AWAY: Final = {"kind": "channel", "name": "Away games", "teamRoles": ["admin", "coach", "captain"]}
"""A channel besides those that every team has."""


def logins() -> list[tuple[str, str, str]]:
    """``(school, e-mail, role in the team)``, as ``demo.logins`` tells of the others."""
    return [("Demo High", email, role) for email, _, _, role, _ in PEOPLE]


async def seed_team(app: Application, password: str) -> int:
    """Make the team unless it is there. Returns how many records were made."""
    (school,) = await _find(app, "schools", None, slug=SCHOOL)
    tenant = school["_id"]
    if await _find(app, "teams", tenant, name=TEAM):
        return 0
    people: dict[str, dict[str, Any]] = {}
    for email, name, role, _, _ in PEOPLE:
        found = await _find(app, "users", tenant, email=email)
        data = {"email": email, "name": name, "role": role, "password": password}
        people[email] = found[0] if found else await app.service("users").create(data, Params(tenant=tenant))
    by_manager = Params(tenant=tenant, user=people[PEOPLE[0][0]])
    team = await app.service("teams").create({"name": TEAM, "positionGroups": list(GROUPS)}, by_manager)
    for email, _, _, role, group in PEOPLE[1:]:
        place = {"teamId": team["_id"], "userId": people[email]["_id"], "role": role, "positionGroup": group}
        await app.service("team-members").create(place, Params(by_manager))
    await app.service("conversations").create({**AWAY, "teamId": team["_id"]}, Params(by_manager))
    channels = await _find(app, "conversations", tenant, teamId=team["_id"])
    ids = {channel["name"]: channel["_id"] for channel in channels}
    for channel, email, content in TALK:
        message = {"conversationId": ids[channel], "content": content}
        await app.service("messages").create(message, Params(tenant=tenant, user=people[email]))
    return 1 + len(PEOPLE) + len(channels) + len(TALK)


async def _find(app: Application, path: str, tenant: Any, **query: Any) -> list[dict[str, Any]]:
    params = Params(query=query, paginate=False, **({} if tenant is None else {"tenant": tenant}))
    found: list[dict[str, Any]] = await app.service(path).find(params)
    return found
