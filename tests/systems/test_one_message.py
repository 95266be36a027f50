from __future__ import annotations

from stonechat.models import Conversation
from stonechat.services.analytics.job import count_school
from tests.support.school import School
from tests.support.systems import play


async def test_one_message_is_the_same_in_all_systems(school: School, node: str) -> None:
    assert await play(node, "one_message.mjs", school)
    # The one to a group counts in Community's analytics, which a job reckons every few minutes.
    assert await count_school(await school.one("schools", slug="demo-high")) > 0
    newest = await Conversation.documents().find_one({}, {"_id": 1}, sort=[("_id", -1)])
    assert newest is not None
    admin = await school.person("admin")
    counted = await admin.rest("find", "community/analytics", query={"group_id": str(newest["_id"])})
    assert [one["total_messages"] for one in counted.body["data"]] == [1]
