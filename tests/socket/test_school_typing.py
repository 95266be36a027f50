"""Who is told that somebody types."""

from collections.abc import AsyncIterator

import pytest

from tests.support.crowd import Crowd, OtherSchool
from tests.support.school import School


@pytest.fixture(scope="module")
async def calm(other_school: OtherSchool) -> AsyncIterator[School]:
    """A school where nothing expires while a test runs."""
    async with other_school(typing={"expires_seconds": 600, "forward_every_seconds": 600}) as served:
        yield served


async def test_typing_is_told_to_the_other_members_once(calm: School) -> None:
    talk = await calm.conversation("ada", "ben", "rivera")
    async with Crowd.of(calm) as crowd:
        await crowd.join("ada", "ben", "rivera", "cleo", "dan")
        ada, ben = crowd.wires["ada"], crowd.wires["ben"]
        for _ in range(3):
            assert await ada.ask("typing:start", {"conversationId": talk}) == {}
        ada_id = (await calm.person("ada")).id
        assert await ben.event("typing:start") == [{"conversationId": talk, "userId": ada_id}]
        assert await ada.ask("typing:stop", {"conversationId": talk}) == {}
        assert await ben.event("typing:stop") == [{"conversationId": talk, "userId": ada_id}]
        assert await crowd.has("typing:start") == {"rivera"}
        assert await crowd.has("typing:stop") == {"rivera"}


async def test_a_message_ends_the_typing(calm: School) -> None:
    talk = await calm.conversation("ada", "ben")
    async with Crowd.of(calm) as crowd:
        await crowd.join("ada", "ben")
        await crowd.wires["ada"].ask("typing:start", {"conversationId": talk})
        await crowd.wires["ben"].event("typing:start")
        await crowd.wires["ada"].ask("message:send", {"conversationId": talk, "content": "done"})
        await crowd.wires["ben"].event("typing:stop")


async def test_who_leaves_types_no_more(calm: School) -> None:
    talk = await calm.conversation("ada", "ben")
    async with Crowd.of(calm) as crowd:
        await crowd.join("ada", "ben")
        await crowd.wires["ada"].ask("typing:start", {"conversationId": talk})
        await crowd.wires["ben"].event("typing:start")
        await crowd.leave("ada")
        await crowd.wires["ben"].event("typing:stop")


async def test_typing_stops_by_itself_and_may_start_again(other_school: OtherSchool) -> None:
    quick = {"expires_seconds": 0.3, "forward_every_seconds": 0}
    async with other_school(typing=quick) as brisk:
        talk = await brisk.conversation("ada", "ben")
        async with Crowd.of(brisk) as crowd:
            await crowd.join("ada", "ben")
            for _ in range(2):
                await crowd.wires["ada"].ask("typing:start", {"conversationId": talk})
                await crowd.wires["ben"].event("typing:start")
                await crowd.wires["ben"].event("typing:stop")


async def test_nobody_types_in_too_many_places(calm: School) -> None:
    talks = [await calm.conversation("ada", "ben") for _ in range(21)]
    async with Crowd.of(calm) as crowd:
        await crowd.join("ada")
        answers = [await crowd.wires["ada"].ask("typing:start", {"conversationId": one}) for one in talks]
        assert answers[:20] == [{}] * 20
        assert answers[20]["error"]["code"] == 429


async def test_in_a_large_conversation_nobody_is_told_who_types(other_school: OtherSchool) -> None:
    async with other_school(typing={"max_members": 2}) as school:
        small, large = (
            await school.conversation("ada", "ben"),
            await school.conversation("ada", "ben", "rivera"),
        )
        async with Crowd.of(school) as crowd:
            await crowd.join("ada", "ben", "rivera")
            ada = crowd.wires["ada"]
            for talk in (large, small):
                assert await ada.ask("typing:start", {"conversationId": talk}) == {}
            (told,) = await crowd.wires["ben"].event("typing:start")
            assert told["conversationId"] == small
            assert await ada.ask("typing:stop", {"conversationId": large}) == {}
            assert await crowd.has("typing:start") == set()
            assert await crowd.has("typing:stop") == set()
