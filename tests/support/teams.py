"""Teams that no other test knows."""

from __future__ import annotations

import itertools

from tests.support.school import Json, Person

_numbers = itertools.count(1)


async def new_team(lead: Person, **data: Json) -> str:
    """A team that ``lead`` makes, and is the admin of; its id."""
    whole = {"name": f"Team {next(_numbers)} of {lead.id}", **data}
    answer = await lead.rest("create", "teams", data=whole)
    assert answer.code == 201, answer
    return str(answer.body["_id"])


async def let_in(lead: Person, team: str, person: Person, role: str, group: str | None = None) -> str:
    """The id of the place."""
    data = {"teamId": team, "userId": person.id, "role": role, "positionGroup": group}
    answer = await lead.rest("create", "team-members", data=data)
    assert answer.code == 201, answer
    return str(answer.body["_id"])


async def channel_of(person: Person, team: str, name: str = "Team") -> str:
    """The id of the team's channel of that name, which the person is in."""
    found = await person.rest("find", "conversations", query={"teamId": team, "name": name})
    (channel,) = found.body["data"]
    return str(channel["_id"])


async def alert(person: Person, **data: Json) -> Json:
    """An alert that was asked for, confirmed and sent."""
    whole = {"content": "Come in", "reason": "Lightning", **data}
    asked = await person.rest("create", "alerts", data=whole)
    assert asked.code == 202, asked
    sent = await person.rest("create", "alerts", data={**whole, "confirmToken": asked.body["confirmToken"]})
    assert sent.code == 201, sent
    return sent.body
