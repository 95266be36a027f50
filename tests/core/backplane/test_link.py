"""What the nodes tell Redis of themselves."""

from __future__ import annotations

from uuid import uuid4

from stonechat.core.backplane.keys import Keys
from stonechat.core.backplane.link import Link
from stonechat.core.backplane.outgoing import HELD, Entry
from tests.support.redis import forget


async def test_a_node_that_writes_before_it_renews_its_lease_is_not_dead(redis_url: str) -> None:
    keys = Keys(uuid4().hex)
    one, two = Link(redis_url, keys, "one", 15), Link(redis_url, keys, "two", 15)
    try:
        assert await one.write([Entry("hill", HELD, b"", key="ada", stored=b"")], wakes=False)
        _, _, dead = await two.renew()
        assert dead == []
        await forget(redis_url, keys.lease("one"))
        _, _, dead = await two.renew()
        assert dead == ["one"]
    finally:
        await one.close()
        await two.close()
