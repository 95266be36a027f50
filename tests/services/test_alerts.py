"""Priority alerts: confirmed, few, pinned, marked, and past a mute only where that is somebody's right."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest
from bson import ObjectId

from stonechat.commands.retention import expunge as retain
from stonechat.models import Alert, Message
from stonechat.models.record import now
from stonechat.services.alerts.confirmation import Confirmations
from tests.support.people import has_not_heard, new_school, newcomer, talk_of
from tests.support.privacy import aged, people_of, settle
from tests.support.school import Answer, Json, Person, School
from tests.support.teams import alert, channel_of, let_in, new_team

SAID = {"content": "Come in", "reason": "Lightning"}


class Field:
    """A coach, a trainer and a player of one team, and its channel of all."""

    def __init__(self, team: str, channel: str, coach: Person, trainer: Person, player: Person) -> None:
        self.team = team
        self.channel = channel
        self.coach = coach
        self.trainer = trainer
        self.player = player

    async def ask(self, person: Person, **more: Json) -> Answer:
        return await person.rest("create", "alerts", data={"conversationId": self.channel, **SAID, **more})

    async def mute(self) -> None:
        query = {"conversationId": self.channel, "userId": self.player.id}
        (place,) = (await self.player.rest("find", "members", query=query)).body["data"]
        until = {"mutedUntil": now() + timedelta(hours=1)}
        assert (await self.player.rest("patch", "members", id=place["_id"], data=until)).code == 200


@pytest.fixture
async def field(school: School) -> Field:
    coach = await newcomer(school, "teacher")
    team = await new_team(coach)
    trainer, player = await newcomer(school), await newcomer(school)
    await let_in(coach, team, trainer, "trainer")
    await let_in(coach, team, player, "player")
    return Field(team, await channel_of(coach, team), coach, trainer, player)


async def test_nothing_is_sent_before_it_is_confirmed(field: Field) -> None:
    async with field.player.socket() as socket:
        asked = await field.ask(field.coach)
        assert asked.code == 202
        assert "_id" not in asked.body
        assert asked.body["muted"] == 0
        assert (await field.player.rest("find", "alerts")).body["total"] == 0
        assert await has_not_heard(socket, "messages created")
        sent = await field.ask(field.coach, confirmToken=asked.body["confirmToken"])
        assert sent.code == 201
        message = await socket.next("messages created")
        told = await socket.next("alerts created")
        notice = await socket.next("message:notify")
    assert (told["_id"], told["messageId"]) == (sent.body["_id"], message["_id"])
    assert (message["content"], message["pinnedBy"], message["type"]) == ("Come in", field.coach.id, "text")
    assert message["alert"] == {"alertId": told["_id"], "overridesMute": False}
    assert (notice["alert"], notice["mentioned"]) == (True, True)
    pinned = await field.player.rest(
        "find", "messages", query={"conversationId": field.channel, "pinned": True}
    )
    assert [one["_id"] for one in pinned.body["data"]] == [message["_id"]]


async def test_a_token_sends_one_alert_however_often_it_is_used(field: Field) -> None:
    token = (await field.ask(field.coach)).body["confirmToken"]
    both = await asyncio.gather(*(field.ask(field.coach, confirmToken=token) for _ in range(2)))
    again = await field.ask(field.coach, confirmToken=token)
    assert (sorted(one.code for one in both), again.code) == ([200, 201], 200)
    assert both[0].body == both[1].body == again.body
    found = await field.player.rest("find", "messages", query={"conversationId": field.channel})
    assert found.body["total"] == 1


async def test_a_token_is_for_its_alert_and_its_sender(field: Field) -> None:
    token = (await field.ask(field.coach)).body["confirmToken"]
    for person, change in (
        (field.coach, {"content": "Go home"}),
        (field.coach, {"reason": "Hail"}),
        (field.coach, {"overrideMute": True}),
        (field.trainer, {}),
        (field.coach, {"confirmToken": f"{token}x"}),
        (field.coach, {"confirmToken": field.coach.token}),
    ):
        answer = await field.ask(person, **{"confirmToken": token, **change})
        assert (answer.code, list(answer.body["errors"])) == (400, ["confirmToken"]), change
    assert (await field.player.rest("find", "messages")).body["total"] == 0


async def test_a_token_ends_with_its_time(field: Field, school: School) -> None:
    past = Confirmations(school.app.settings["authentication"], minutes=-1)
    token = past.issue(
        {
            "conversationId": field.channel,
            "senderId": field.coach.id,
            "scope": "channel",
            "overridesMute": False,
            **SAID,
        }
    )
    answer = await field.ask(field.coach, confirmToken=token)
    assert answer.body["errors"] == {"confirmToken": "is expired"}


async def test_two_an_hour_and_six_a_day_of_one_sender_in_a_team(field: Field) -> None:
    for _ in range(2):
        await alert(field.coach, conversationId=field.channel)
    third = await field.ask(field.coach)
    assert third.code == 429
    assert (third.body["data"]["code"], third.body["data"]["limit"]) == ("ALERT_LIMIT", "2/hour")
    assert 3500 < third.body["data"]["retryAfter"] <= 3600
    assert (await field.ask(field.trainer)).code == 202
    for _ in range(2):
        await _age(field, hours=2)
        for _ in range(2):
            await alert(field.coach, conversationId=field.channel)
    await _age(field, hours=2)
    seventh = await field.ask(field.coach)
    assert (seventh.code, seventh.body["data"]["limit"]) == (429, "6/day")
    await _age(field, hours=24)
    assert (await field.ask(field.coach)).code == 202


async def _age(field: Field, *, hours: int) -> None:
    """Make the alerts of the field's channel older."""
    earlier = [{"$set": {"createdAt": {"$subtract": ["$createdAt", hours * 3_600_000]}}}]
    await Alert.documents().update_many({"conversationId": ObjectId(field.channel)}, earlier)


async def test_who_has_muted_is_not_disturbed_unless_that_is_asked_for_and_allowed(field: Field) -> None:
    await field.mute()
    unsaid = await field.ask(field.coach)
    assert unsaid.code == 403
    assert unsaid.body["data"] == {"code": "MUTE_OVERRIDE_REQUIRED", "muted": 1, "allowed": True}
    refused = await field.ask(field.trainer, overrideMute=True)
    assert refused.body["data"] == {"code": "MUTE_OVERRIDE_REQUIRED", "muted": 1, "allowed": False}
    async with field.player.socket() as socket:
        await alert(field.trainer, conversationId=field.channel, overrideMute=False)
        await socket.next("messages created")
        passing = await alert(field.coach, conversationId=field.channel, overrideMute=True)
        notice = await socket.next("message:notify")
        assert notice["messageId"] == passing["messageId"]
        assert await has_not_heard(socket, "message:notify")


async def test_an_alert_for_the_team_goes_to_its_announcements(field: Field) -> None:
    sent = await alert(field.coach, teamId=field.team)
    assert (sent["scope"], sent["teamId"]) == ("team", field.team)
    assert sent["conversationId"] == await channel_of(field.player, field.team, "Announcements")


async def test_an_alert_is_in_the_audit_log_without_what_it_says(field: Field) -> None:
    await field.ask(field.coach)
    sent = await alert(field.coach, conversationId=field.channel)
    entries = (await field.coach.rest("audit", "teams", data={"teamId": field.team})).body["entries"]
    (entry,) = [one for one in entries if one["action"] == "alerts.create"]
    assert entry["actorId"] == field.coach.id
    assert entry["details"] == {
        "conversationId": field.channel,
        "messageId": sent["messageId"],
        "scope": "channel",
        "overridesMute": False,
    }


async def test_an_alert_goes_with_what_its_message_said(school: School) -> None:
    slug = await new_school(school)
    admin, coach = await people_of(school, slug, "admin", "teacher")
    await settle(admin, retentionDays=30)
    channel = await channel_of(coach, await new_team(coach))
    sent = await alert(coach, conversationId=channel)
    await aged({"_id": sent["messageId"]}, days=31)
    await retain(school.app, slug)
    assert (await coach.rest("find", "alerts")).body["total"] == 0


@pytest.mark.parametrize(
    ("change", "field_name"),
    [
        ({"reason": None}, "reason"),
        ({"reason": " "}, "reason"),
        ({"content": ""}, "content"),
        ({"teamId": "0" * 24}, "conversationId"),
        ({"conversationId": "nothing"}, "conversationId"),
        ({"overrideMute": "yes"}, "overrideMute"),
        ({"alertId": "0" * 24}, "alertId"),
    ],
)
async def test_an_alert_without_what_it_needs_is_refused(field: Field, change: Json, field_name: str) -> None:
    answer = await field.ask(field.coach, **change)
    assert answer.code == 400
    assert field_name in answer.body["errors"]


async def test_there_are_alerts_in_channels_of_teams_only(field: Field) -> None:
    talk = await talk_of(field.coach, field.player)
    answer = await field.ask(field.coach, conversationId=talk)
    assert (answer.code, list(answer.body["errors"])) == (400, ["conversationId"])


async def test_an_edit_in_a_channel_has_its_window(field: Field) -> None:
    data = {"conversationId": field.channel, "content": "Hello"}
    message = (await field.player.rest("create", "messages", data=data)).body
    edited = await field.player.rest("patch", "messages", id=message["_id"], data={"content": "Hello, all"})
    assert edited.code == 200
    earlier = {"createdAt": now() - timedelta(minutes=16)}
    await Message.documents().update_one({"_id": ObjectId(message["_id"])}, {"$set": earlier})
    late = await field.player.rest("patch", "messages", id=message["_id"], data={"content": "Too late"})
    assert late.code == 403
    assert late.body["data"] == {"code": "EDIT_WINDOW_EXPIRED", "editWindowMinutes": 15}
