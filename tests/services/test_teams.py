"""Teams, who is in them, what each role may do there, and the channels that follow from it."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Final

import pytest

from stonechat.core.configuration import ConfigurationError
from stonechat.models.team_member import RIGHTS, TEAM_ROLES
from stonechat.settings import TeamRights, load_settings
from tests.support.people import new_school, newcomer, write
from tests.support.school import Answer, Json, Person, School
from tests.support.teams import alert, channel_of, let_in, new_team

TABLE: Final[Mapping[str, list[str]]] = TeamRights().model_dump()
Squad = Mapping[str, Person]


class Ground:
    """A team with one of each role; the admin has made it."""

    def __init__(self, school: School, team: str, people: Squad, channels: Mapping[str, str]) -> None:
        self.school = school
        self.team = team
        self.people = people
        self.channels = channels

    def another(self, role: str) -> Person:
        return self.people["coach" if role == "admin" else "admin"]

    async def message_of(self, person: Person) -> str:
        return str((await write(person, self.channels["Team"]))["_id"])


@pytest.fixture(scope="module")
async def ground(school: School) -> Ground:
    admin = await newcomer(school, "teacher")
    team = await new_team(admin, positionGroups=["Keepers", "Wings"])
    people = {"admin": admin}
    for role in TEAM_ROLES:
        if role != "admin":
            # Of students all: what one is in the school counts for nothing in a team.
            people[role] = await newcomer(school)
            await let_in(admin, team, people[role], role)
    found = await admin.rest("find", "conversations", query={"teamId": team})
    return Ground(school, team, people, {one["name"]: one["_id"] for one in found.body["data"]})


async def manage_team(ground: Ground, role: str) -> Answer:
    return await ground.people[role].rest("patch", "teams", id=ground.team, data={"description": "Ours"})


async def manage_channels(ground: Ground, role: str) -> Answer:
    data = {"kind": "channel", "name": f"Of {role}", "teamId": ground.team, "teamRoles": [role]}
    return await ground.people[role].rest("create", "conversations", data=data)


async def post(ground: Ground, role: str, name: str = "Team") -> Answer:
    data = {"conversationId": ground.channels[name], "content": "Hello"}
    return await ground.people[role].rest("create", "messages", data=data)


async def post_announcement(ground: Ground, role: str) -> Answer:
    return await post(ground, role, "Announcements")


async def moderate(ground: Ground, role: str) -> Answer:
    message = await ground.message_of(ground.another(role))
    return await ground.people[role].rest("remove", "messages", id=message)


async def pin(ground: Ground, role: str) -> Answer:
    message = await ground.message_of(ground.another(role))
    return await ground.people[role].rest("patch", "messages", id=message, data={"pinned": True})


async def send_alert(ground: Ground, role: str, **more: Json) -> Answer:
    data = {"conversationId": ground.channels["Team"], "content": "Come in", "reason": "Lightning", **more}
    return await ground.people[role].rest("create", "alerts", data=data)


async def override_mute(ground: Ground, role: str) -> Answer:
    return await send_alert(ground, role, overrideMute=True)


async def read_audit(ground: Ground, role: str) -> Answer:
    return await ground.people[role].rest("audit", "teams", data={"teamId": ground.team})


ATTEMPTS: Final[Mapping[str, Callable[[Ground, str], Awaitable[Answer]]]] = {
    one.__name__: one
    for one in (
        manage_team,
        manage_channels,
        post,
        post_announcement,
        moderate,
        pin,
        send_alert,
        override_mute,
        read_audit,
    )
}


def test_every_right_of_every_role_is_tried() -> None:
    assert tuple(ATTEMPTS) == RIGHTS
    assert tuple(TABLE) == TEAM_ROLES


@pytest.mark.parametrize("right", RIGHTS)
@pytest.mark.parametrize("role", TEAM_ROLES)
async def test_a_role_may_do_in_its_team_what_the_table_says(ground: Ground, role: str, right: str) -> None:
    answer = await ATTEMPTS[right](ground, role)
    if right in TABLE[role]:
        assert answer.code in {200, 201, 202}, answer
        return
    assert answer.code == 403, answer
    lacks_it_alone = right == "override_mute" and "send_alert" in TABLE[role]
    code = "MUTE_OVERRIDE_REQUIRED" if lacks_it_alone else "PERMISSION_DENIED"
    assert answer.body["data"]["code"] == code


async def test_another_table_gives_other_rights(ground: Ground, monkeypatch: pytest.MonkeyPatch) -> None:
    assert (await post_announcement(ground, "captain")).code == 403
    table = ground.school.app.settings["teams"]["rights"]
    monkeypatch.setitem(table, "captain", ["post", "post_announcement"])
    assert (await post_announcement(ground, "captain")).code == 201


def test_a_table_with_a_role_or_right_that_there_is_not_is_refused_at_start(tmp_path: Path) -> None:
    own = tmp_path / "own.toml"
    own.write_text('[teams.rights]\ncoach = ["fly"]\nreferee = []\n')
    with pytest.raises(ConfigurationError) as caught:
        load_settings(environment="test", extra=own, environ={})
    assert [problem.partition(":")[0] for problem in caught.value.problems] == [
        "teams.rights.coach[0]",
        "teams.rights.referee",
    ]


async def test_a_name_is_one_team_of_the_school(ground: Ground) -> None:
    (team,) = (await ground.people["player"].rest("find", "teams")).body["data"]
    again = await ground.people["admin"].rest("create", "teams", data={"name": team["name"]})
    assert (again.code, list(again.body["errors"])) == (409, ["name"])


async def channels_of(person: Person, team: str) -> set[str]:
    found = await person.rest("find", "conversations", query={"teamId": team})
    return {channel["name"] for channel in found.body["data"]}


async def test_a_new_team_has_its_channels(ground: Ground) -> None:
    expected = {"Announcements", "Team", "Coaches", "Trainers", "Keepers", "Wings"}
    assert set(ground.channels) == expected
    found = await ground.people["admin"].rest("find", "team-members", query={"teamId": ground.team})
    assert {place["role"] for place in found.body["data"]} == set(TEAM_ROLES)


async def test_who_is_in_a_channel_follows_from_the_role_and_the_group(school: School) -> None:
    lead, ada = await newcomer(school, "teacher"), await newcomer(school)
    team = await new_team(lead, positionGroups=["Keepers"])
    place = await let_in(lead, team, ada, "player")
    assert await channels_of(ada, team) == {"Announcements", "Team"}
    for change, more in (
        ({"positionGroup": "Keepers"}, {"Keepers"}),
        ({"role": "trainer"}, {"Keepers", "Trainers"}),
        ({"positionGroup": None}, {"Trainers"}),
        ({"role": "coach"}, {"Coaches", "Trainers", "Keepers"}),
        ({"role": "alumni"}, set[str]()),
    ):
        answer = await lead.rest("patch", "team-members", id=place, data=change)
        assert answer.code == 200, answer
        assert await channels_of(ada, team) == {"Announcements", "Team"} | more
    assert (await ada.rest("remove", "team-members", id=place)).code == 200
    assert await channels_of(ada, team) == set()


async def test_a_channel_that_is_opened_to_others_lets_them_in_and_the_rest_out(school: School) -> None:
    lead = await newcomer(school, "teacher")
    captain, keeper = await newcomer(school), await newcomer(school)
    team = await new_team(lead, positionGroups=["Keepers"])
    await let_in(lead, team, captain, "captain")
    await let_in(lead, team, keeper, "player", "Keepers")
    data = {"kind": "channel", "name": "Tactics", "teamId": team, "teamRoles": ["admin", "captain"]}
    tactics = (await lead.rest("create", "conversations", data=data)).body["_id"]
    assert "Tactics" in await channels_of(captain, team)
    change = {"teamRoles": ["admin"], "positionGroups": ["Keepers"]}
    async with captain.socket() as leaving, keeper.socket() as coming:
        assert (await lead.rest("patch", "conversations", id=tactics, data=change)).code == 200
        assert (await leaving.next("members removed"))["userId"] == captain.id
        assert (await coming.next("members created"))["teamRole"] == "player"
    assert "Tactics" not in await channels_of(captain, team)
    assert "Tactics" in await channels_of(keeper, team)
    count = (await lead.rest("get", "conversations", id=tactics)).body["memberCount"]
    assert count == 2


@pytest.mark.parametrize("seed", range(2))
async def test_after_any_changes_everybody_is_where_the_rule_has_them(school: School, seed: int) -> None:
    chance, lead = random.Random(seed), await newcomer(school, "teacher")
    people = [await newcomer(school) for _ in range(3)]
    groups = [None, "Keepers", "Wings"]
    team = await new_team(lead, positionGroups=groups[1:])
    places: dict[str, Json] = {}
    for _ in range(8):
        person = chance.choice(people)
        data = {"role": chance.choice(TEAM_ROLES), "positionGroup": chance.choice(groups)}
        if person.id not in places:
            answer = await lead.rest(
                "create", "team-members", data={"teamId": team, "userId": person.id, **data}
            )
        elif chance.random() < 0.2:
            answer = await lead.rest("remove", "team-members", id=places.pop(person.id)["_id"])
            assert answer.code == 200, answer
            continue
        else:
            answer = await lead.rest("patch", "team-members", id=places[person.id]["_id"], data=data)
        assert answer.code in {200, 201}, answer
        places[person.id] = answer.body
    channels = (await lead.rest("find", "conversations", query={"teamId": team})).body["data"]
    for person in people:
        place = places.get(person.id)
        expected = {
            channel["name"]
            for channel in channels
            if place is not None
            and (place["role"] in channel["teamRoles"] or place["positionGroup"] in channel["positionGroups"])
        }
        assert await channels_of(person, team) == expected
    for channel in channels:
        found = await lead.rest("find", "members", query={"conversationId": channel["_id"]})
        assert channel["memberCount"] == found.body["total"]


async def test_who_comes_while_a_channel_is_made_is_in_it(school: School) -> None:
    lead, people = await newcomer(school, "teacher"), [await newcomer(school) for _ in range(3)]
    team = await new_team(lead)
    new = {"kind": "channel", "name": "New", "teamId": team}
    async with asyncio.TaskGroup() as tasks:
        making = tasks.create_task(lead.rest("create", "conversations", data=new))
        for person in people:
            tasks.create_task(let_in(lead, team, person, "player"))
    made = making.result()
    found = await lead.rest("find", "members", query={"conversationId": made.body["_id"]})
    assert {place["userId"] for place in found.body["data"]} == {lead.id, *(one.id for one in people)}


async def test_nobody_is_let_into_a_channel_but_by_the_team(ground: Ground, school: School) -> None:
    admin, cleo = ground.people["admin"], await newcomer(school)
    here = {"conversationId": ground.channels["Team"]}
    assert (await admin.rest("create", "members", data={**here, "userId": cleo.id})).code == 400
    found = await admin.rest("find", "members", query={**here, "userId": ground.people["player"].id})
    (place,) = found.body["data"]
    assert (place["role"], place["teamRole"]) == ("member", "player")
    assert (await admin.rest("patch", "members", id=place["_id"], data={"role": "admin"})).code == 400
    assert (await admin.rest("remove", "members", id=place["_id"])).code == 400
    assert (await ground.people["player"].rest("remove", "members", id=place["_id"])).code == 400


@pytest.mark.parametrize(
    ("data", "field"),
    [
        ({"kind": "group"}, "teamId"),
        ({"memberIds": ["{person}"]}, "memberIds"),
        ({"kind": "announcement", "writerRoles": ["student"]}, "writerRoles"),
        ({"positionGroups": ["Rowers"]}, "positionGroups"),
        ({"teamRoles": ["referee"]}, "teamRoles.0"),
        ({"teamId": "0" * 24}, "teamId"),
    ],
)
async def test_what_is_no_channel_of_the_team_is_refused(ground: Ground, data: Json, field: str) -> None:
    person = ground.people["player"].id
    filled = {
        key: [one.format(person=person) for one in value] if key == "memberIds" else value
        for key, value in data.items()
    }
    whole = {"kind": "channel", "name": "New", "teamId": ground.team, **filled}
    answer = await ground.people["admin"].rest("create", "conversations", data=whole)
    if field == "teamId" and "teamId" in data:
        assert answer.code in {400, 403}
        return
    assert answer.code == 400, answer
    assert field in answer.body["errors"]


async def test_a_talk_without_a_team_has_no_team_roles(ground: Ground) -> None:
    data = {"kind": "group", "name": "Us", "teamRoles": ["player"]}
    answer = await ground.people["player"].rest("create", "conversations", data=data)
    assert (answer.code, list(answer.body["errors"])) == (400, ["teamRoles"])


async def test_nobody_gives_or_takes_more_rights_than_the_own(ground: Ground, school: School) -> None:
    coach, admin = ground.people["coach"], ground.people["admin"]
    other = await newcomer(school)
    data = {"teamId": ground.team, "userId": other.id, "role": "admin"}
    refused = await coach.rest("create", "team-members", data=data)
    assert (refused.code, refused.body["data"]["code"]) == (403, "PERMISSION_DENIED")
    found = await coach.rest("find", "team-members", query={"teamId": ground.team})
    places = {place["userId"]: place["_id"] for place in found.body["data"]}
    for role in ("admin", "player"):
        own = await coach.rest("patch", "team-members", id=places[admin.id], data={"role": role})
        assert own.code == 403
    assert (
        await coach.rest("patch", "team-members", id=places[coach.id], data={"role": "admin"})
    ).code == 403
    assert (await coach.rest("remove", "team-members", id=places[admin.id])).code == 403


async def test_the_admins_of_the_school_keep_its_teams(ground: Ground, school: School) -> None:
    admin = await newcomer(school, "admin")
    assert (await admin.rest("get", "teams", id=ground.team)).code == 200
    assert (await admin.rest("patch", "teams", id=ground.team, data={"description": "Kept"})).code == 200
    entries = (await admin.rest("audit", "teams", data={"teamId": ground.team})).body["entries"]
    assert {"teams.create", "team-members.create", "teams.patch"} <= {one["action"] for one in entries}
    numbers = [entry["number"] for entry in entries]
    assert numbers == sorted(numbers, reverse=True)
    earlier = {"teamId": ground.team, "before": numbers[0]}
    older = (await admin.rest("audit", "teams", data=earlier)).body["entries"]
    assert [entry["number"] for entry in older] == numbers[1:]
    # To manage a team is not to read its messages.
    data = {"conversationId": ground.channels["Team"], "content": "Hello"}
    assert (await admin.rest("create", "messages", data=data)).code == 403


async def test_a_person_of_another_school_is_not_let_in(ground: Ground, school: School) -> None:
    stranger = await newcomer(school, at=await new_school(school))
    data = {"teamId": ground.team, "userId": stranger.id, "role": "player"}
    answer = await ground.people["admin"].rest("create", "team-members", data=data)
    assert (answer.code, list(answer.body["errors"])) == (400, ["userId"])
    assert (await stranger.rest("get", "teams", id=ground.team)).code == 404


async def test_a_position_group_in_use_stays(school: School) -> None:
    lead = await newcomer(school, "teacher")
    team = await new_team(lead, positionGroups=["Keepers"])
    refused = await lead.rest("patch", "teams", id=team, data={"positionGroups": []})
    assert (refused.code, list(refused.body["errors"])) == (400, ["positionGroups"])
    assert (
        await lead.rest("patch", "teams", id=team, data={"positionGroups": ["Keepers", "Wings"]})
    ).code == 200
    other = {
        "teamId": team,
        "userId": (await newcomer(school)).id,
        "role": "player",
        "positionGroup": "Rowers",
    }
    assert (await lead.rest("create", "team-members", data=other)).code == 400


async def test_who_has_no_account_any_more_is_in_no_team(school: School) -> None:
    head, lead, ada = [await newcomer(school, role) for role in ("admin", "teacher", "student")]
    team = await new_team(lead)
    await let_in(lead, team, ada, "player")
    assert (await head.rest("remove", "users", id=ada.id)).code == 200
    found = await lead.rest("find", "team-members", query={"teamId": team})
    assert [place["userId"] for place in found.body["data"]] == [lead.id]


async def test_who_is_staff_no_more_stays_what_the_team_has_made_them(school: School) -> None:
    head, lead = await newcomer(school, "admin"), await newcomer(school, "teacher")
    team = await new_team(lead)
    channel = await channel_of(lead, team)
    assert (await head.rest("patch", "users", id=lead.id, data={"role": "student"})).code == 200
    found = await lead.rest("find", "members", query={"conversationId": channel})
    assert [(place["role"], place["teamRole"]) for place in found.body["data"]] == [("admin", "admin")]


async def test_a_team_that_is_removed_leaves_nobody_in_its_channels(school: School) -> None:
    lead, ada = await newcomer(school, "teacher"), await newcomer(school)
    team = await new_team(lead)
    await let_in(lead, team, ada, "coach")
    refused = await ada.rest("remove", "teams", id=team)
    assert (refused.code, refused.body["data"]["code"]) == (403, "PERMISSION_DENIED")
    assert (await lead.rest("remove", "teams", id=team)).code == 200
    for person in (lead, ada):
        assert await channels_of(person, team) == set()
        assert (await person.rest("get", "teams", id=team)).code == 404


async def test_the_feed_has_announcements_and_alerts_of_all_channels_and_nothing_else(school: School) -> None:
    lead, ada = await newcomer(school, "teacher"), await newcomer(school)
    teams = [await new_team(lead) for _ in range(2)]
    wanted: list[str] = []
    for team in teams:
        await let_in(lead, team, ada, "player")
        announced = await write(lead, await channel_of(lead, team, "Announcements"), "Training")
        await write(lead, await channel_of(lead, team), "Not in it")
        alerted = await alert(lead, conversationId=await channel_of(lead, team))
        wanted += [announced["_id"], alerted["messageId"]]
    seen: list[str] = []
    query: Json = {"$limit": 3}
    while True:
        page = (await ada.rest("find", "feed", query=query)).body
        assert page["total"] == 4
        seen += [message["_id"] for message in page["data"]]
        if page["next"] is None:
            break
        query = {"$limit": 3, "$after": page["next"]}
    assert seen == wanted[::-1]
    assert (await lead.rest("find", "feed", query=query)).code == 400
    assert (await lead.rest("remove", "messages", id=wanted[-1])).code == 200
    shown = (await ada.rest("find", "feed")).body["data"]
    assert [message["_id"] for message in shown] == wanted[-2::-1]
    assert "feedAt" not in shown[0]
