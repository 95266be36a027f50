"""How many messages people and schools may send."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from tests.support.school import School, serve_school, test_settings


@pytest.fixture(scope="module")
async def strict(mongodb_url: str, redis_url: str) -> AsyncIterator[School]:
    limits = {"messages": "3/hour", "school_messages": "5/hour"}
    settings = test_settings(mongodb_url, "test_limits", limits=limits, redis={"url": redis_url})
    async with serve_school(settings) as served:
        yield served


async def test_a_user_and_a_school_may_send_so_many(strict: School) -> None:
    conversation = await strict.conversation("ada", "ben")
    ada, ben = await strict.person("ada"), await strict.person("ben")
    message = {"conversationId": conversation, "content": "x"}
    async with ada.socket() as socket:
        assert (await socket.call("create", "messages", data=message)).code == 200
        assert (await ada.rest("create", "messages", data=message)).code == 201
        sent = await socket.say("message:send", message)
        assert "message" in sent

        refused = await socket.say("message:send", message)
        assert refused["error"]["code"] == 429
        assert refused["error"]["data"]["retryAfter"] > 0
        assert (await ada.rest("create", "messages", data=message)).code == 429
        assert (await socket.call("create", "messages", data=message)).code == 429
        assert (await ada.rest("find", "messages", query={"conversationId": conversation})).code == 200

    answers = [await ben.rest("create", "messages", data=message) for _ in range(3)]
    assert [answer.code for answer in answers] == [201, 201, 429]
