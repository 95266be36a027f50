"""Who is in a conversation is known from one message to the next, and right with every message."""

from __future__ import annotations

from bson import ObjectId

from stonechat.core.context import HookContext, Params
from stonechat.socket.seated import Seated
from tests.support.people import newcomer, talk_of, write
from tests.support.school import School

CREATED = "messages created"


async def test_who_was_sent_away_by_another_process_hears_nothing_before_its_event_either(
    school: School,
) -> None:
    ada, ben = await newcomer(school), await newcomer(school)
    talk = await talk_of(ada, ben)
    async with ada.socket() as own, ben.socket() as other:
        first = await write(ada, talk)
        assert (await other.next(CREATED))["_id"] == first["_id"]
        place = await school.one("members", conversationId=talk, userId=ben.id)
        # The service's own object tells nobody, as another process whose event is still on its way.
        await school.app.service("members").wrapped.remove(place["_id"], Params())
        second = await write(ada, talk)
        while (await own.next(CREATED))["_id"] != second["_id"]:
            pass
        await other.call("find", "schools")
        assert not other.seen(CREATED)


async def test_who_was_let_in_by_another_process_hears_the_next_message(school: School) -> None:
    ada, ben = await newcomer(school), await newcomer(school)
    talk = await talk_of(ada)
    async with ada.socket() as own, ben.socket() as other:
        first = await write(ada, talk)
        assert (await own.next(CREATED))["_id"] == first["_id"]
        place = {"conversationId": ObjectId(talk), "userId": ObjectId(ben.id)}
        await school.app.service("members").wrapped.create(place, Params())
        second = await write(ada, talk)
        assert (await other.next(CREATED))["_id"] == second["_id"]


def test_what_was_read_while_somebody_came_holds_for_no_receipt(school: School) -> None:
    app = school.app
    seated, message = Seated(app), {"conversationId": ObjectId()}
    context = HookContext(app.service("messages"), "create", params=Params(placesRevision=3))
    places = [{"userId": ObjectId()}]
    seated.remember(message, context, places, changes=seated.changes - 1)
    assert seated.at_time_of(message, context) == places
    assert seated.as_last_heard(message["conversationId"]) is None
    seated.remember(message, context, places, changes=seated.changes)
    assert seated.as_last_heard(message["conversationId"]) == places
