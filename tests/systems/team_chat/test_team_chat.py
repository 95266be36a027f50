"""The whole of Team Chat's document, played by its client on the team of the seed script."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any, Final

import pytest
from bson import ObjectId

from stonechat import demo, demo_team
from stonechat.models import Message
from stonechat.models.record import now
from tests.support.files import picture, put
from tests.support.people import newcomer
from tests.support.school import Person, School
from tests.systems.team_chat.client import Refused, TeamChat

Json = Any
ROLES: Final = ("manager", "coach", "trainer", "captain", "player", "alum")
NOBODY: Final = "0" * 24


class Played:
    """Everybody of the team, and its channels by name."""

    def __init__(self, school: School, people: Mapping[str, TeamChat], stranger: TeamChat) -> None:
        self.school = school
        self.people = people
        self.stranger = stranger
        self.team = ""
        self.channels: dict[str, str] = {}

    def __getitem__(self, name: str) -> TeamChat:
        return self.people[name]

    def topic(self, name: str) -> str:
        return f"team:{self.team}:channel:{self.channels[name]}"


def client(person: Person) -> TeamChat:
    return TeamChat(person.school.http, person.school.url, person.token, person.id)


@pytest.fixture(scope="module")
async def played(school: School) -> Played:
    assert await demo_team.seed_team(school.app, demo.PASSWORD) > 0
    assert await demo_team.seed_team(school.app, demo.PASSWORD) == 0
    people = {name: client(await school.log_in(f"{name}@demo.school", demo.PASSWORD)) for name in ROLES}
    found = Played(school, people, client(await newcomer(school)))
    (team,) = (await found["manager"].get("/api/teams"))["teams"]
    found.team = team["id"]
    listed = (await found["manager"].get(f"/api/teams/{team['id']}/channels"))["channels"]
    found.channels = {channel["name"]: channel["id"] for channel in listed}
    return found


@pytest.fixture(scope="module")
async def dm(played: Played) -> str:
    """The direct channel of captain and player."""
    other = {"kind": "direct", "memberIds": [played["player"].user_id]}
    captain = await played.school.log_in("captain@demo.school", demo.PASSWORD)
    made = await captain.rest("create", "conversations", data=other)
    return str(made.body["_id"])


async def test_the_seed_has_one_team_with_sample_channels_and_somebody_of_each_role(played: Played) -> None:
    (team,) = (await played["trainer"].get("/api/teams"))["teams"]
    assert (team["name"], team["role"]) == (demo_team.TEAM, "Trainer")
    assert team["position_groups"] == ["Keepers", "Wings"]
    assert set(played.channels) == {
        "Announcements",
        "Team",
        "Coaches",
        "Trainers",
        "Keepers",
        "Wings",
        "Away games",
    }
    roles = [(await person.get("/api/teams"))["teams"][0]["role"] for person in played.people.values()]
    assert roles == ["Admin", "Coach", "Trainer", "Captain", "Player", "Alumni"]


async def test_everybody_is_shown_the_channels_of_their_role_and_group(played: Played, dm: str) -> None:
    listed = (await played["player"].get(f"/api/teams/{played.team}/channels"))["channels"]
    by_name = {channel["name"]: channel for channel in listed}
    assert set(by_name) == {"Announcements", "Team", "Keepers", "Cam Captain"}
    types = {name: channel["type"] for name, channel in by_name.items()}
    assert types == {
        "Announcements": "announcements",
        "Team": "team",
        "Keepers": "position_group",
        "Cam Captain": "dm",
    }
    assert by_name["Team"]["topic"] == played.topic("Team")
    assert by_name["Team"]["unread_count"] >= 1
    assert by_name["Cam Captain"]["id"] == dm
    assert by_name["Cam Captain"]["other_user_id"] == played["captain"].user_id
    of_the_coach = (await played["coach"].get(f"/api/teams/{played.team}/channels"))["channels"]
    assert {"coach", "trainer"} <= {channel["type"] for channel in of_the_coach}


ROUTES: Final[tuple[tuple[str, str, Json], ...]] = (
    ("GET", "/api/teams/{team}/channels", None),
    ("GET", "/api/teams/{team}/audit", None),
    ("GET", "/api/channels/{channel}/messages", None),
    ("POST", "/api/channels/{channel}/messages", {"body": "Hi"}),
    ("POST", "/api/channels/{channel}/mute", {"until_ts": None}),
    ("GET", "/api/channels/{channel}/media", None),
    ("POST", "/api/channels/{channel}/uploads", {"filename": "a.txt", "media_type": "text/plain", "size": 1}),
    ("PUT", "/api/messages/{message}", {"body": "Hi"}),
    ("DELETE", "/api/messages/{message}", None),
    ("GET", "/api/messages/{message}/edits", None),
    ("POST", "/api/messages/{message}/react", {"emoji": "👍"}),
    ("DELETE", "/api/messages/{message}/react", {"emoji": "👍"}),
    ("POST", "/api/messages/{message}/pin", {}),
    ("POST", "/api/messages/{message}/read", {}),
    ("GET", "/api/messages/{message}/seen", None),
    ("POST", "/api/alerts", {"channel_id": "{channel}", "body": "Hi", "reason": "Why"}),
)


@pytest.mark.parametrize(("verb", "path", "body"), ROUTES)
async def test_every_request_is_for_members_only(played: Played, verb: str, path: str, body: Json) -> None:
    message = await played["captain"].send(played.channels["Team"], "For the team")
    here = {"team": played.team, "channel": played.channels["Team"], "message": message["id"]}
    if body and "channel_id" in body:
        body = {**body, "channel_id": here["channel"]}
    nobody = TeamChat(played.school.http, played.school.url, None)
    with pytest.raises(Refused) as caught:
        await nobody.call(verb, path.format(**here), body)
    assert (caught.value.status, caught.value.code) == (401, "NOT_AUTHENTICATED")
    with pytest.raises(Refused) as caught:
        await played.stranger.call(verb, path.format(**here), body)
    assert (caught.value.status, caught.value.code) in {(403, "PERMISSION_DENIED"), (404, "NOT_FOUND")}


async def test_a_message_is_sent_once_for_each_idempotency_key(played: Played) -> None:
    captain, channel = played["captain"], played.channels["Team"]
    first = await captain.send(channel, "Once", key="k-1")
    again = await captain.send(channel, "Once", key="k-1")
    assert (again["id"], again["duplicate"]) == (first["id"], True)
    with pytest.raises(Refused) as caught:
        await captain.send(channel, "Something else", key="k-1")
    assert caught.value.status == 422
    # Another's key of the same name is another key.
    other = await played["player"].send(channel, "Once", key="k-1")
    assert other["id"] != first["id"]


async def test_the_history_is_paged_by_cursors_the_newest_first(played: Played) -> None:
    channel = played.channels["Away games"]
    sent = [(await played["captain"].send(channel, f"Number {number}"))["id"] for number in range(5)]
    seen: list[str] = []
    query: Json = {"limit": 2}
    while True:
        page = await played["coach"].get(f"/api/channels/{channel}/messages", **query)
        seen += [message["id"] for message in page["messages"]]
        if page["next_cursor"] is None:
            break
        query = {"limit": 2, "cursor": page["next_cursor"]}
        # What comes meanwhile moves no page.
        await played["coach"].send(channel, "Meanwhile")
    assert seen == sent[::-1]
    with pytest.raises(Refused) as caught:
        await played["coach"].get(f"/api/channels/{channel}/messages", cursor="nonsense")
    assert (caught.value.status, caught.value.code) == (400, "BAD_REQUEST")
    assert "cursor" in caught.value.details["fields"]


async def test_a_message_is_edited_for_fifteen_minutes_and_keeps_what_it_said(played: Played) -> None:
    captain = played["captain"]
    message = await captain.send(played.channels["Team"], "Frist")
    assert message["edited"] is False
    edited = await captain.put(f"/api/messages/{message['id']}", {"body": "First"})
    assert (edited["body"], edited["edited"]) == ("First", True)
    history = (await captain.get(f"/api/messages/{message['id']}/edits"))["edits"]
    assert [one["body"] for one in history] == ["Frist"]
    with pytest.raises(Refused) as caught:
        await played["manager"].put(f"/api/messages/{message['id']}", {"body": "Not mine"})
    assert (caught.value.status, caught.value.code) == (403, "PERMISSION_DENIED")
    at = {"$set": {"createdAt": now() - timedelta(minutes=16)}}
    await Message.documents().update_one({"_id": ObjectId(message["id"])}, at)
    with pytest.raises(Refused) as caught:
        await captain.put(f"/api/messages/{message['id']}", {"body": "Too late"})
    assert (caught.value.status, caught.value.code) == (403, "EDIT_WINDOW_EXPIRED")


async def test_a_deleted_message_leaves_a_tombstone(played: Played) -> None:
    channel = played.channels["Team"]
    own = await played["player"].send(channel, "Oops")
    gone = await played["player"].delete(f"/api/messages/{own['id']}")
    assert (gone["body"], gone["tombstone"]) == (None, "This message was deleted")
    assert gone["deleted_by"] == played["player"].user_id
    other = await played["player"].send(channel, "Rude")
    with pytest.raises(Refused) as caught:
        await played["captain"].delete(f"/api/messages/{other['id']}")
    assert caught.value.code == "PERMISSION_DENIED"
    moderated = await played["coach"].delete(f"/api/messages/{other['id']}")
    assert moderated["deleted_by"] == played["coach"].user_id
    page = (await played["captain"].get(f"/api/channels/{channel}/messages", limit=2))["messages"]
    assert [message["body"] for message in page] == [None, None]


async def test_reactions_are_set_and_taken_back(played: Played) -> None:
    message = await played["player"].send(played.channels["Team"], "We won")
    path = f"/api/messages/{message['id']}/react"
    for name in ("captain", "coach"):
        reaction = await played[name].post(path, {"emoji": "🎉"})
        assert (reaction["message_id"], reaction["user_id"]) == (message["id"], played[name].user_id)
    await played["captain"].delete(path, {"emoji": "🎉"})
    (shown,) = (await played["player"].get(f"/api/channels/{played.channels['Team']}/messages", limit=1))[
        "messages"
    ]
    assert shown["reactions"] == [{"emoji": "🎉", "count": 1}]
    await played["coach"].delete(f"{path}?emoji=%F0%9F%8E%89")
    with pytest.raises(Refused) as caught:
        await played["coach"].delete(path, {"emoji": "🎉"})
    assert caught.value.status == 404


async def test_threads_count_their_replies(played: Played) -> None:
    channel = played.channels["Team"]
    root = await played["captain"].send(channel, "Who drives?")
    reply = await played["player"].send(channel, "I do", reply_to=root["id"])
    assert reply["thread"]["root_message_id"] == root["id"]
    thread = await played["captain"].get(f"/api/channels/{channel}/messages", thread=root["id"])
    assert [message["id"] for message in thread["messages"]] == [reply["id"]]
    page = (await played["captain"].get(f"/api/channels/{channel}/messages", limit=2))["messages"]
    assert (page[1]["thread"]["reply_count"], page[1]["thread"]["last_activity_at"]) == (
        1,
        reply["created_at"],
    )


async def test_receipts_are_told_in_direct_channels(played: Played, dm: str) -> None:
    captain, player = played["captain"], played["player"]
    topic = f"team:{played.team}:channel:{dm}"
    async with captain.live() as live:
        assert (await live.ask("subscribe", topic=topic))["channel_id"] == dm
        message = await captain.send(dm, "Are you there?")
        read = await player.post(f"/api/messages/{message['id']}/read")
        receipt = await live.told("message_read")
    assert (receipt["message_id"], receipt["user_id"]) == (message["id"], player.user_id)
    assert receipt["read_at"] == read["read_at"]
    (shown,) = (await captain.get(f"/api/channels/{dm}/messages", limit=1))["messages"]
    assert shown["status"] == "read"


async def test_announcements_tell_by_how_many_they_were_seen(played: Played) -> None:
    channel = played.channels["Announcements"]
    message = await played["trainer"].send(channel, "New kit is here")
    for name in ("player", "captain"):
        await played[name].post(f"/api/messages/{message['id']}/read")
    (shown,) = (await played["coach"].get(f"/api/channels/{channel}/messages", limit=1))["messages"]
    assert shown["seen_by"] == 2
    seen = await played["trainer"].get(f"/api/messages/{message['id']}/seen")
    assert (seen["seen_by"], seen["total"]) == (2, 5)
    assert {one["user_id"] for one in seen["users"]} == {
        played["player"].user_id,
        played["captain"].user_id,
    }
    for name in ("player", "alum"):
        with pytest.raises(Refused) as caught:
            await played[name].send(channel, "Me too")
        assert (caught.value.code, caught.value.details["right"]) == (
            "PERMISSION_DENIED",
            "post_announcement",
        )


async def test_an_alert_takes_two_steps_and_is_pinned_and_fed_to_all(played: Played) -> None:
    channel = played.channels["Team"]
    async with played["alum"].live() as live:
        sent = await played["trainer"].alert(channel_id=channel)
        told = await live.told("priority_alert")
    assert sent["status"] == "sent"
    assert told == {name: value for name, value in sent["alert"].items() if name != "body"}
    assert (told["channel_id"], told["scope"], told["reason"]) == (channel, "channel", "Lightning")
    (shown,) = (await played["alum"].get(f"/api/channels/{channel}/messages", limit=1))["messages"]
    assert (shown["id"], shown["body"], shown["priority"]) == (told["message_id"], "Come in", True)
    assert shown["pinned_at"] is not None
    to_all = (await played["trainer"].alert(team_id=played.team))["alert"]
    assert (to_all["channel_id"], to_all["scope"]) == (None, "team")
    with pytest.raises(Refused) as caught:
        await played["trainer"].alert(channel_id=channel)
    assert caught.value.status == 429
    assert caught.value.details["limit"] == "2/hour"
    with pytest.raises(Refused) as caught:
        await played["player"].alert(channel_id=channel)
    assert caught.value.code == "PERMISSION_DENIED"
    feed = await played["player"].get("/api/feed", limit=2)
    assert [item["id"] for item in feed["items"]] == [to_all["message_id"], told["message_id"]]
    older = await played["player"].get("/api/feed", cursor=feed["next_cursor"])
    assert older["items"][-1]["body"].startswith("Welcome to the season")


async def test_an_alert_passes_a_mute_only_with_an_override(played: Played) -> None:
    channel, until = played.channels["Wings"], (now() + timedelta(hours=1)).isoformat()
    muted = await played["captain"].post(f"/api/channels/{channel}/mute", {"until_ts": until})
    assert muted["user_id"] == played["captain"].user_id
    with pytest.raises(Refused) as caught:
        await played["coach"].alert(channel_id=channel)
    assert (caught.value.status, caught.value.code) == (403, "MUTE_OVERRIDE_REQUIRED")
    assert caught.value.details["muted"] == 1
    assert (await played["coach"].alert(channel_id=channel, override_mute=True))["status"] == "sent"
    over = await played["captain"].post(f"/api/channels/{channel}/mute", {"until_ts": None})
    assert over["until_ts"] is None


async def test_the_media_gallery_shows_files_that_were_uploaded_by_signed_addresses(played: Played) -> None:
    player, channel = played["player"], played.channels["Keepers"]
    data = picture()
    said = {"filename": "save.png", "media_type": "image/png", "size": len(data)}
    begun = await player.post(f"/api/channels/{channel}/uploads", said)
    person = await played.school.log_in("player@demo.school", demo.PASSWORD)
    assert (await put(person, begun["upload"], data)).code == 201
    file = await player.post(f"/api/uploads/{begun['id']}/complete")
    sent = await player.send(channel, "Look", attachments=[file["id"]])
    assert [one["filename"] for one in sent["attachments"]] == ["save.png"]
    gallery = await played["coach"].get(f"/api/channels/{channel}/media")
    assert [(one["id"], one["message_id"]) for one in gallery["media"]] == [(file["id"], sent["id"])]
    assert gallery["next_cursor"] is None
    await player.delete(f"/api/messages/{sent['id']}")
    assert (await played["coach"].get(f"/api/channels/{channel}/media"))["media"] == []


async def test_a_topic_is_heard_by_who_is_in_its_channel(played: Played) -> None:
    topic, channel = played.topic("Coaches"), played.channels["Coaches"]
    async with played["coach"].live() as coach, played["player"].live() as player:
        assert await coach.ask("subscribe", topic=topic) == {"topic": topic, "channel_id": channel}
        refused = await player.ask("subscribe", topic=topic)
        assert refused["error"]["code"] == "PERMISSION_DENIED"
        foreign = await coach.ask("subscribe", topic=f"team:{NOBODY}:channel:{channel}")
        assert foreign["error"]["details"]["fields"] == {"topic": "is a channel of another team"}
        assert "error" in await coach.ask("subscribe", topic="nonsense")
        message = await played["manager"].send(channel, "Four at the back")
        assert (await coach.told("message_created"))["id"] == message["id"]
        await played["manager"].put(f"/api/messages/{message['id']}", {"body": "Five"})
        assert (await coach.told("message_updated"))["body"] == "Five"
        await played["manager"].post(f"/api/messages/{message['id']}/react", {"emoji": "👍"})
        added = await coach.told("reaction_added")
        assert (added["emoji"], added["count"]) == ("👍", 1)
        await played["manager"].delete(f"/api/messages/{message['id']}/react", {"emoji": "👍"})
        assert (await coach.told("reaction_removed"))["count"] == 0
        await played["manager"].delete(f"/api/messages/{message['id']}")
        assert (await coach.told("message_deleted"))["tombstone"] == "This message was deleted"
        await coach.ask("unsubscribe", topic=topic)
        await played["manager"].send(channel, "Unheard")
        await coach.ask("subscribe", topic=topic)
        last = await played["manager"].send(channel, "Heard")
        assert (await coach.told("message_created"))["id"] == last["id"]
        assert not player.has_heard("message_created")


async def test_who_types_and_who_is_online_is_told_by_topic(played: Played) -> None:
    topic, trainer = played.topic("Trainers"), played["trainer"]
    async with played["coach"].live() as coach:
        await coach.ask("subscribe", topic=topic)
        async with trainer.live() as live:
            await coach.told(
                "presence", lambda said: {"user_id": trainer.user_id, "online": True} in said["users"]
            )
            assert trainer.user_id in (await coach.ask("presence", topic=topic))["online"]
            await live.ask("typing_start", topic=topic)
            said = {"channel_id": played.channels["Trainers"], "user_id": trainer.user_id}
            assert await coach.told("typing") == {**said, "is_typing": True}
            await live.ask("typing_stop", topic=topic)
            assert await coach.told("typing") == {**said, "is_typing": False}
        await coach.told(
            "presence", lambda said: {"user_id": trainer.user_id, "online": False} in said["users"]
        )


async def test_a_new_channel_is_told_to_who_is_in_it(played: Played) -> None:
    manager = await played.school.log_in("manager@demo.school", demo.PASSWORD)
    new = {"kind": "channel", "name": "Captains", "teamId": played.team, "teamRoles": ["admin", "captain"]}
    async with played["captain"].live() as captain, played["player"].live() as player:
        made = (await manager.rest("create", "conversations", data=new)).body
        told = await captain.told("channel_created")
        assert (told["name"], told["topic"]) == ("Captains", f"team:{played.team}:channel:{made['_id']}")
        renamed = await manager.rest("patch", "conversations", id=made["_id"], data={"name": "Leaders"})
        assert renamed.code == 200
        assert (await captain.told("channel_updated"))["name"] == "Leaders"
        assert not player.has_heard("channel_created")


async def test_who_comes_to_a_channel_and_leaves_it_is_told(played: Played) -> None:
    manager = await played.school.log_in("manager@demo.school", demo.PASSWORD)
    rookie = await newcomer(played.school)
    place = {"teamId": played.team, "userId": rookie.id, "role": "player", "positionGroup": "Wings"}
    async with played["captain"].live() as live:
        await live.ask("subscribe", topic=played.topic("Wings"))
        made = (await manager.rest("create", "team-members", data=place)).body

        def in_the_wings(said: Json) -> bool:
            return (said["channel_id"], said["user_id"]) == (played.channels["Wings"], rookie.id)

        await live.told("channel_member_joined", in_the_wings)
        async with client(rookie).live() as new:
            await new.ask("subscribe", topic=played.topic("Wings"))
            assert (await manager.rest("remove", "team-members", id=made["_id"])).code == 200
            await live.told("channel_member_left", in_the_wings)
            await new.told("channel_member_left", in_the_wings)
            heard = await played["captain"].send(played.channels["Wings"], "Without the rookie")
            assert (await live.told("message_created"))["id"] == heard["id"]
            assert not new.has_heard("message_created")


async def test_device_tokens_are_for_providers_that_are_in_use(played: Played) -> None:
    """This server pushes to nobody: a token would be kept for nothing."""
    token = {"token": "ExponentPushToken[a-token-of-a-phone]", "platform": "ios"}
    with pytest.raises(Refused) as caught:
        await played["player"].post("/api/device_tokens", token)
    assert (caught.value.status, caught.value.details["fields"]) == (400, {"provider": "is not in use here"})
    with pytest.raises(Refused) as caught:
        await played["player"].delete(f"/api/device_tokens/{NOBODY}")
    assert caught.value.status == 404


async def test_messages_are_found_by_what_they_say(played: Played) -> None:
    channel = played.channels["Trainers"]
    found = await played["trainer"].get("/api/search", q="ankle")
    assert [message["channel_id"] for message in found["messages"]] == [channel]
    assert (await played["player"].get("/api/search", q="ankle"))["messages"] == []


async def test_what_was_done_in_the_team_is_read_by_its_admin(played: Played) -> None:
    log = await played["manager"].get(f"/api/teams/{played.team}/audit")
    assert {"teams.create", "team-members.create"} <= {entry["action"] for entry in log["entries"]}
    with pytest.raises(Refused) as caught:
        await played["coach"].get(f"/api/teams/{played.team}/audit")
    assert (caught.value.code, caught.value.details["right"]) == ("PERMISSION_DENIED", "read_audit")
